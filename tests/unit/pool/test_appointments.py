"""The life of an appointment: the customer's way, the code at the counter, other windows, and nobody who comes."""

import pytest

from schemas.pickup_code import code_digest
from streams.pool.state.dedup_index import FilteredIndex
from streams.pool.state.pool_state import PoolState
from tests.support.pickup import ONE_MS, QUARTER_MS, open_place, order, slots, states, wish, with_counters
from tests.support.pool import (
    BREAD,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NOON_MS,
    OTHER_STORE,
    POOL,
    STORE,
    CommittedRows,
    PoolBench,
    processor,
    wanted,
)

CODE = "K7QM-2XWD"
DIGEST = code_digest(POOL, "o1", CODE)


def booked(**wished):
    bench = with_counters(no_show_after_ms=HOUR_MS)
    order(bench, pickup=wish() | wished, only_there=True)
    bench.request("confirmed", "o1")
    return bench


def ready(**wished):
    bench = booked(**wished)
    bench.fulfil("done", bench.task("pick"))
    return bench


def on_the_way(bench, eta_ms, report_id="way", **fields):
    bench.fulfil("on_the_way", None, order="o1", eta_ms=eta_ms, report_id=report_id, **fields)


def arrived(bench, report_id="here", **fields):
    bench.fulfil("arrived", None, order="o1", report_id=report_id, **fields)


def hand_over(bench, report_id, code=None):
    bench.fulfil("done", bench.task("hand_over"), report_id=report_id, code=code)


def last_answer(bench):
    event = bench.events()[-1]
    return event["kind"], event["reason"]


def row(bench):
    return bench.appointments()["o1/corner"]


def hand_over_due_ms(bench):
    return bench.tasks()[bench.task("hand_over")]["due_ms"]


def test_the_customer_is_on_the_way_and_arrives():
    bench = ready()
    on_the_way(bench, ONE_MS + 5 * MINUTE_MS)
    assert (row(bench)["customer"], row(bench)["eta_ms"]) == ("on_the_way", ONE_MS + 5 * MINUTE_MS)
    arrived(bench)
    assert (row(bench)["status"], row(bench)["change"], row(bench)["customer"]) == ("ready", "arrived", "arrived")


def test_what_is_told_again_or_is_older_than_what_is_known_changes_nothing_of_the_customer():
    bench = ready()
    arrived(bench, occurred_at_ms=NOON_MS - MINUTE_MS)
    arrived(bench, occurred_at_ms=NOON_MS - MINUTE_MS)
    assert bench.last_fact()["outcome"] == "duplicate"
    on_the_way(bench, ONE_MS, occurred_at_ms=NOON_MS - 2 * MINUTE_MS)
    assert (bench.last_fact()["outcome"], row(bench)["customer"], row(bench)["eta_ms"]) == ("accepted", "arrived", 0)


def test_goods_wait_longer_for_a_customer_who_says_so_but_not_beyond_the_grace_of_the_order():
    bench = ready()
    assert hand_over_due_ms(bench) == ONE_MS + QUARTER_MS + HOUR_MS
    on_the_way(bench, ONE_MS + 2 * HOUR_MS)
    assert hand_over_due_ms(bench) == ONE_MS + 3 * HOUR_MS
    on_the_way(bench, NOON_MS + 48 * HOUR_MS, "late")
    assert hand_over_due_ms(bench) == NOON_MS + 48 * HOUR_MS


def test_an_eta_that_is_told_before_the_goods_are_ready_counts_for_their_hand_over():
    bench = booked()
    on_the_way(bench, ONE_MS + 2 * HOUR_MS)
    bench.fulfil("done", bench.task("pick"))
    assert hand_over_due_ms(bench) == ONE_MS + 3 * HOUR_MS


def test_goods_that_nobody_collects_are_released_and_go_back_to_the_shelf():
    bench = ready()
    before = bench.available()
    bench.pass_time(ONE_MS + QUARTER_MS + HOUR_MS)
    assert states(bench) == {"o1/corner": ("no_show", "no_show")}
    assert bench.order()["outcome"] == "not_collected"
    assert bench.available() == before + 1_000
    assert bench.task("put_back")


BAD_WAYS = {
    "an ETA in the past": ({"kind": "on_the_way", "eta_ms": NOON_MS - 1}, "bad_eta"),
    "no ETA": ({"kind": "on_the_way"}, "bad_eta"),
    "an ETA after which goods wait no more": ({"kind": "on_the_way", "eta_ms": NOON_MS + 49 * HOUR_MS}, "bad_eta"),
    "an unknown order": ({"kind": "arrived", "order": "o9"}, "unknown_appointment"),
    "another store": ({"kind": "arrived", "store": OTHER_STORE}, "unknown_appointment"),
    "an unknown store": ({"kind": "arrived", "store": "nowhere"}, "unknown_store"),
}


@pytest.mark.parametrize("case", BAD_WAYS)
def test_a_report_about_the_way_that_cannot_be_is_refused_and_changes_nothing(case):
    bench, (fields, reason) = ready(), BAD_WAYS[case]
    before = bench.appointments()
    told = {"order": "o1", "report_id": "bad"} | fields
    bench.fulfil(told.pop("kind"), None, **told, raw=True)
    assert last_answer(bench) == ("report_refused", reason)
    assert bench.events()[-1]["detail"]
    assert bench.appointments() == before


def test_an_arrival_for_an_appointment_that_ended_is_refused_and_says_how_it_ended():
    bench = booked()
    bench.request("cancelled", "o1")
    arrived(bench)
    assert last_answer(bench) == ("report_refused", "appointment_ended")
    assert "cancelled" in bench.events()[-1]["detail"]


def test_goods_are_handed_over_against_the_code_that_only_the_customer_has():
    bench = ready(code_digest=DIGEST)
    hand_over(bench, "none")
    assert last_answer(bench) == ("report_refused", "code_needed")
    hand_over(bench, "wrong", "K7QM-2XWX")
    assert last_answer(bench) == ("report_refused", "wrong_code")
    assert "4 tries" in bench.events()[-1]["detail"]
    hand_over(bench, "right", CODE)
    assert states(bench) == {"o1/corner": ("handed_over", "handed_over")}


def test_a_code_is_neither_in_the_journal_nor_on_a_topic_and_its_digest_is_not_published():
    bench = ready(code_digest=DIGEST)
    for report_id, code in (("wrong", CODE[:-1]), ("right", CODE)):
        hand_over(bench, report_id, code)
    bench.commit()
    told = b"".join(output.value or b"" for output in bench.outputs)
    assert CODE[:-1].encode() not in told
    assert b"".join(bench.committed.rows.values()).find(CODE[:-1].encode()) < 0
    assert row(bench)["code_digest"] == "(withheld)"


def test_a_code_that_is_tried_too_often_is_locked_until_the_customer_has_another():
    bench = ready(code_digest=DIGEST)
    for n in range(5):
        hand_over(bench, f"try {n}", f"guess {n}")
        hand_over(bench, f"try {n}", f"guess {n}")  # told again it is no try of its own
    hand_over(bench, "try 5", CODE)
    assert last_answer(bench) == ("report_refused", "code_locked")
    other = code_digest(POOL, "o1", "another")
    bench.request("moved", "o1", pickup=wish() | {"code_digest": other}, key="new code")
    hand_over(bench, "try 6", "another")
    assert states(bench) == {"o1/corner": ("handed_over", "handed_over")}


def test_an_appointment_moves_with_what_is_due_for_it():
    bench = ready(code_digest=DIGEST)
    bench.request("moved", "o1", pickup=wish(ONE_MS + 4 * HOUR_MS))
    assert (last_answer(bench)[0], slots(bench)) == ("moved", [(STORE, STORE, 240)])
    assert states(bench) == {"o1/corner": ("ready", "moved")}
    assert hand_over_due_ms(bench) == ONE_MS + 5 * HOUR_MS + QUARTER_MS
    hand_over(bench, "right", CODE)
    assert states(bench) == {"o1/corner": ("handed_over", "handed_over")}


def test_goods_that_are_picked_need_no_preparation_when_their_appointment_moves():
    bench = with_counters(preparation_ms=50 * MINUTE_MS)
    order(bench, only_there=True)
    bench.request("confirmed", "o1")
    bench.request("moved", "o1", pickup=wish(NOON_MS, NOON_MS + 1), key="sooner")
    assert slots(bench) == [(STORE, STORE, 15)]
    bench.fulfil("done", bench.task("pick"))
    bench.request("moved", "o1", pickup=wish(NOON_MS, NOON_MS + 1), key="at once")
    assert bench.order()["slots"][0]["slot_ms"] < NOON_MS + QUARTER_MS


MOVES = {
    "no new window": ({"pickup": None, "raw": True}, "bad_terms"),
    "a window that is over": ({"pickup": wish(NOON_MS - HOUR_MS, NOON_MS)}, "past_deadline"),
    "a window after the deadline": ({"pickup": wish(NOON_MS + 2 * DAY_MS)}, "bad_terms"),
    "a place where the store does not hand over": ({"pickup": wish(place=OTHER_STORE)}, "no_slot"),
}


@pytest.mark.parametrize("case", MOVES)
def test_a_move_that_cannot_be_is_refused_and_the_appointment_stands(case):
    bench, (fields, reason) = booked(), MOVES[case]
    bench.request("moved", "o1", **fields)
    assert last_answer(bench) == ("refused", reason)
    assert (row(bench)["slot_ms"], row(bench)["change"]) == (ONE_MS, "booked")


def test_an_order_without_an_appointment_has_none_to_move():
    bench = with_counters()
    order(bench, pickup=None)
    bench.request("moved", "o1", pickup=wish())
    assert last_answer(bench) == ("refused", "unknown_appointment")


def test_an_appointment_that_begins_without_its_goods_moves_once_and_the_pick_stays_due():
    bench = booked()
    due_ms = bench.tasks()[bench.task("pick")]["due_ms"]
    bench.pass_time(ONE_MS)
    event = bench.events()[-1]
    assert (event["kind"], event["reason"], slots(bench)) == ("moved", "not_ready", [(STORE, STORE, 15)])
    assert (row(bench)["change"], row(bench)["is_late"]) == ("moved", True)
    assert bench.tasks()[bench.task("pick")]["due_ms"] == max(due_ms, ONE_MS + QUARTER_MS)
    bench.pass_time(ONE_MS + QUARTER_MS)
    assert states(bench)["o1/corner"] != ("booked", "booked")
    assert slots(bench) != [(STORE, STORE, 30)]


def test_goods_that_are_ready_in_time_are_not_late():
    bench = ready()
    bench.pass_time(ONE_MS + MINUTE_MS)
    assert (row(bench)["slot_ms"], row(bench)["is_late"], row(bench)["change"]) == (ONE_MS, False, "ready")


def test_an_appointment_for_which_no_later_quarter_hour_has_room_stands_and_is_late():
    bench = booked()
    for place in (STORE, OTHER_STORE):
        open_place(bench, place, place, open=False)
    bench.pass_time(ONE_MS)
    assert (slots(bench), row(bench)["is_late"]) == ([(STORE, STORE, 0)], True)


def test_a_report_that_is_told_again_is_known_though_the_order_was_booked_anew_long_after():
    bench = with_counters()
    bench.configure_pool(ended_retention_ms=0)
    order(bench, deadline_ms=NOON_MS + 5 * DAY_MS)
    arrived(bench)
    bench.request("amended", "o1", wanted(1_000, BREAD), preferred_store=OTHER_STORE, only_there=True)
    bench.pass_time(NOON_MS + 10 * MINUTE_MS)
    bench.request("amended", "o1", wanted(1_000), pickup=wish(), only_there=True, key="back")
    assert (row(bench)["status"], row(bench)["customer"]) == ("booked", "")
    arrived(bench)
    assert (bench.last_fact()["outcome"], row(bench)["customer"]) == ("duplicate", "")


def test_folding_the_journal_and_deciding_again_give_every_appointment_byte_for_byte():
    bench = ready(code_digest=DIGEST)
    on_the_way(bench, ONE_MS)
    hand_over(bench, "wrong", "wrong")
    bench.request("moved", "o1", pickup=wish(ONE_MS + HOUR_MS))
    order(bench, "o2")
    bench.request("cancelled", "o2")
    bench.restart()
    arrived(bench)
    hand_over(bench, "right", CODE)
    bench.pass_time(NOON_MS + 2 * DAY_MS)
    view = (rows := CommittedRows()).view()
    tables = processor().tables(view)
    state = PoolState(POOL, tables, FilteredIndex(view.find_index, lambda: list(rows.index)))
    for entry in bench.journal():
        processor().aggregates.fold(state, entry.fact, entry.fact_bytes, entry.appended_at_ms)
    rows.write(list(tables.drain()))
    assert rows.rows == bench.committed.rows
    again, inputs = PoolBench(), {record[:3]: record for record in bench.inputs}
    for cause in dict.fromkeys(entry.cause for entry in bench.journal()):
        again.apply(inputs[cause])
    assert again.journal() == bench.journal()
    assert again.committed.rows == bench.committed.rows
