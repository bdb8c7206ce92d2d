"""Tasks, and what stores report about them: claims, picks, short picks, hand-overs, lateness."""

import pytest

from schemas.models.config import OpeningHours, StoreSettings
from tests.support.orders import kept, kinds, short, stocked
from tests.support.pool import (
    BREAD,
    DAY_MS,
    HOUR_MS,
    MILK,
    MINUTE_MS,
    NOON_MS,
    OTHER_STORE,
    STORE,
    fulfilment_report,
    line,
    wanted,
)


def confirmed(*lines, **fields):
    bench = stocked()
    bench.request("placed", "o1", *(lines or (wanted(2_000),)), **fields)
    bench.request("confirmed", "o1")
    return bench


def test_a_pick_that_is_done_and_handed_over_takes_the_goods_from_the_books_once():
    bench = confirmed()
    bench.fulfil("done", bench.task("pick"))
    assert (kept(bench), bench.on_hand(), bench.available()) == ([(MILK, STORE, 2, "picked")], 5_000, 3_000)
    bench.fulfil("done", bench.task("hand_over"))
    assert (kept(bench), bench.on_hand(), bench.available()) == ([(MILK, STORE, 2, "collected")], 3_000, 3_000)
    assert bench.order()["outcome"] == "collected"
    assert kinds(bench) == ["allocated", "confirmed", "picked", "collected"]


def test_what_is_handed_over_uses_up_a_fixed_contribution_and_frees_a_cap():
    for kind, value, available in (("fixed", 4_000, 2_000), ("cap", 4_000, 3_000)):
        bench = stocked()
        bench.lend(kind, value)
        bench.request("placed", "o1", wanted(2_000))
        assert bench.available() == 2_000
        bench.request("confirmed", "o1")
        bench.fulfil("done", bench.task("pick"))
        bench.fulfil("done", bench.task("hand_over"))
        assert bench.available() == available


def test_goods_not_found_open_a_recount_lower_the_confidence_and_come_from_a_neighbour():
    bench = confirmed()
    confidence = bench.shelf()["confidence_permille"]
    bench.fulfil("short", bench.task("pick"), short(2_000, "not_found"))
    assert kept(bench) == [(MILK, OTHER_STORE, 2, "confirmed")]
    assert bench.shelf()["confidence_permille"] == confidence - 100
    assert bench.on_hand() == 5_000
    recount = bench.task("recount")
    bench.report("counted", "c1", line(3_000), occurred_at_ms=NOON_MS + 1)
    assert (bench.tasks()[recount]["status"], bench.tasks()[recount]["reason"]) == ("done", "counted")
    assert bench.shelf()["confidence_permille"] == 980


def test_a_second_short_pick_opens_no_second_recount():
    bench = stocked()
    for order in ("o1", "o2"):
        bench.request("placed", order, wanted(1_000))
        bench.request("confirmed", order)
        bench.fulfil("refused", bench.task("pick"), reason="not_found")
    assert bench.task("recount")


@pytest.mark.parametrize(
    ("reason", "on_hand"),
    [("damaged", 3_000), ("sold", 5_000), ("wrong_item", 5_000), ("store_closed", 5_000), ("no_capacity", 5_000)],
)
def test_a_refused_pick_corrects_the_books_by_its_reason_and_never_comes_back(reason, on_hand):
    bench = confirmed()
    bench.fulfil("refused", bench.task("pick"), reason=reason)
    assert bench.on_hand() == on_hand
    assert kinds(bench)[2:] == ["short", "rerouted"]
    bench.fulfil("refused", bench.task("pick", OTHER_STORE), reason=reason)
    assert bench.order()["outcome"] == "unfilled"


def test_each_line_of_a_short_pick_may_have_its_own_reason():
    bench = confirmed(wanted(2_000), wanted(2_000, BREAD))
    bench.fulfil("short", bench.task("pick"), short(1_000, "damaged"), short(2_000, None, BREAD), reason="sold")
    assert (bench.on_hand(), bench.on_hand(BREAD)) == (4_000, 5_000)
    assert kept(bench) == [
        (MILK, STORE, 1, "picked"), (MILK, OTHER_STORE, 1, "confirmed"), (BREAD, OTHER_STORE, 2, "confirmed"),
    ]  # fmt: skip


def test_an_order_in_one_piece_keeps_what_is_picked_when_it_may_go_without_the_rest():
    bench = confirmed(wanted(2_000), wanted(1_000, BREAD), may_split=False)
    bench.fulfil("short", bench.task("pick"), short(1_000, "not_found", BREAD))
    assert kept(bench) == [(MILK, STORE, 2, "picked")]
    assert bench.order()["lines"][1]["unfilled_milli"] == 1_000


def test_an_order_in_one_piece_that_needs_everything_goes_to_another_store():
    bench = confirmed(wanted(2_000), wanted(1_000, BREAD), may_split=False, may_part_fill=False)
    bench.fulfil("short", bench.task("pick"), short(1_000, "not_found", BREAD))
    assert kept(bench) == [(MILK, OTHER_STORE, 2, "confirmed"), (BREAD, OTHER_STORE, 1, "confirmed")]


def test_an_order_is_not_amended_once_goods_are_off_the_shelf():
    bench = confirmed()
    bench.fulfil("done", bench.task("pick"))
    bench.request("amended", "o1", wanted(1_000))
    assert bench.events()[-1]["reason"] == "already_picked"


def test_a_cancelled_order_s_picked_goods_go_back():
    bench = confirmed()
    bench.fulfil("done", bench.task("pick"))
    bench.request("cancelled", "o1")
    assert (bench.available(), bench.on_hand()) == (5_000, 5_000)


def test_a_claim_holds_while_it_is_renewed_and_then_anybody_may_take_the_task():
    bench = confirmed()
    task = bench.task("pick")
    bench.fulfil("claimed", task, worker="ann")
    bench.fulfil("claimed", task, worker="bob", report_id="b")
    assert bench.events()[-1]["reason"] == "claimed_already"
    bench.pass_time(NOON_MS + 20 * MINUTE_MS)
    bench.fulfil("renewed", task, worker="ann")
    bench.pass_time(NOON_MS + 45 * MINUTE_MS)
    assert bench.tasks()[task]["worker"] == "ann"
    bench.pass_time(NOON_MS + 50 * MINUTE_MS)
    assert (bench.tasks()[task]["worker"], bench.tasks()[task]["status"]) == (None, "open")
    bench.fulfil("renewed", task, report_id="again")
    assert bench.events()[-1]["reason"] == "not_claimed"


def test_a_task_that_nobody_claims_escalates_and_at_last_goes_to_another_store():
    bench = confirmed()
    task = bench.task("pick")
    bench.pass_time(NOON_MS + 15 * MINUTE_MS)
    assert (bench.tasks()[task]["priority"], bench.tasks()[task]["status"]) == (1, "open")
    bench.pass_time(NOON_MS + 60 * MINUTE_MS)
    assert bench.tasks()[task]["status"] == "late"
    assert kinds(bench)[2:] == ["late", "rerouted"]
    assert kept(bench) == [(MILK, OTHER_STORE, 2, "confirmed")]


def test_after_the_deadline_nothing_is_rerouted_any_more():
    bench = confirmed(deadline_ms=NOON_MS + 30 * MINUTE_MS)
    bench.pass_time(NOON_MS + 30 * MINUTE_MS)
    assert bench.order()["outcome"] == "unfilled"
    assert {one["reason"] for one in bench.events()[-1]["decision"]["refused"]} == {"past_deadline"}


def test_goods_that_nobody_collects_are_available_again_a_day_after_the_deadline():
    bench = confirmed()
    bench.fulfil("done", bench.task("pick"))
    bench.pass_time(NOON_MS + 2 * HOUR_MS + DAY_MS)
    assert (bench.order()["outcome"], bench.available()) == ("not_collected", 5_000)
    assert kinds(bench)[-1] == "not_collected"


def test_a_recount_that_nobody_does_becomes_urgent_and_is_given_up_in_the_end():
    bench = confirmed()
    bench.fulfil("refused", bench.task("pick"), reason="not_found")
    recount = bench.task("recount")
    found = []
    for hours in (8, 16, 24, 32):
        bench.pass_time(NOON_MS + hours * HOUR_MS)
        found.append((bench.tasks()[recount]["priority"], bench.tasks()[recount]["status"]))
    assert found == [(1, "open"), (2, "open"), (3, "open"), (3, "late")]


def test_time_runs_only_while_the_store_is_open():
    bench = stocked()
    noon_is = (NOON_MS // MINUTE_MS) % 1440
    hours = tuple(OpeningHours(weekday=d, opens_minute=noon_is, closes_minute=noon_is + 30) for d in range(1, 8))
    for store in (STORE, OTHER_STORE):
        bench.configure(StoreSettings(store=store, name=store, opening=hours))
    bench.request("placed", "o1", wanted(1_000), deadline_ms=NOON_MS + 3 * DAY_MS)
    bench.request("confirmed", "o1")
    assert bench.tasks()[bench.task("pick")]["due_ms"] == NOON_MS + 2 * DAY_MS
    bench.request("placed", "o2", wanted(1_000), recorded_at_ms=NOON_MS + 25 * MINUTE_MS, deadline_ms=NOON_MS + HOUR_MS,
                  appended_at_ms=NOON_MS + 25 * MINUTE_MS)  # fmt: skip
    assert bench.order("o2")["outcome"] == "unfilled"
    assert {one["reason"] for one in bench.events()[-1]["decision"]["refused"]} == {"past_deadline"}


REFUSED = {
    "another store's task": ({"store": OTHER_STORE}, "not_your_task"),
    "an unknown store's": ({"store": "nowhere"}, "unknown_store"),
    "an unknown task": ({"task": "pick-0-0"}, "unknown_task"),
    "no task at all": ({"task": None}, "unknown_task"),
    "a transfer that is not under way": ({"transfer": "t1"}, "unknown_transfer"),
    "an unknown kind": ({"kind": "eaten"}, "unknown_kind"),
    "refused without a reason": ({"kind": "refused"}, "bad_reason"),
    "not collected before it is picked": ({"kind": "refused", "reason": "not_collected"}, "bad_reason"),
    "short of nothing": ({"kind": "short"}, "bad_lines"),
    "short of another line": ({"kind": "short", "lines": [short(1_000, "sold", "EGGS")]}, "bad_lines"),
    "short of a line twice": ({"kind": "short", "lines": [short(1_000, "sold")] * 2}, "bad_lines"),
    "short of more than there was": ({"kind": "short", "lines": [short(3_000, "sold")]}, "bad_quantity"),
    "short of zero": ({"kind": "short", "lines": [short(0, "sold")]}, "bad_quantity"),
    "short for no reason": ({"kind": "short", "lines": [short(1_000)]}, "bad_reason"),
    "an empty name": ({"report_id": ""}, "bad_name"),
    "an endless worker": ({"worker": "w" * 201}, "bad_name"),
    "from tomorrow": ({"occurred_at_ms": NOON_MS + DAY_MS, "recorded_at_ms": NOON_MS + DAY_MS}, "in_the_future"),
    "from last month": ({"occurred_at_ms": NOON_MS - 30 * DAY_MS}, "too_late"),
}


@pytest.mark.parametrize(("fields", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_bad_report_is_an_event_with_a_reason_and_changes_nothing(fields, reason):
    bench = confirmed()
    task = bench.task("pick")
    before = dict(bench.committed.rows)
    told = {"kind": "done", "task": task, "store": STORE, "raw": True, **fields}
    bench.put("fulfilment.reports.v1", fulfilment_report(told.pop("kind"), told.pop("task"), **told))
    event = bench.events()[-1]
    assert (event["kind"], event["reason"]) == ("report_refused", reason)
    assert {key for key, row in bench.committed.rows.items() if before.get(key) != row} == {"pool/north"}


def test_a_report_on_a_task_that_ended_is_refused_and_the_same_report_again_is_absorbed():
    bench = confirmed()
    task = bench.task("pick")
    bench.fulfil("done", task)
    bench.fulfil("done", task)
    assert kinds(bench)[2:] == ["picked"]
    bench.fulfil("done", task, report_id="another")
    assert bench.events()[-1]["reason"] == "task_ended"
    assert bench.last_fact()["outcome"] == "refused"


def test_demand_that_is_given_up_for_whatever_reason_is_told_where_it_was_wanted_with_what_may_stand_in():
    bench = stocked()
    bench.configure_pool(reroutes_max=0)
    bench.stock_item(MILK, category="fresh", substitutes=(BREAD,), recorded_at_ms=NOON_MS + 1)
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    bench.fulfil("short", bench.task("pick"), short(2_000, "damaged"))
    event = bench.events()[-1]
    assert (event["kind"], event["lines"][0]["reason"]) == ("unfilled", "reroutes_used_up")
    [demand] = event["decision"]["demand"]
    assert (demand["sku"], demand["wanted_store"], demand["given_store"], demand["quantity_milli"]) == (
        MILK, STORE, None, 2_000,
    )  # fmt: skip
    assert event["decision"]["substitutes"] == [{"line_id": "milk", "skus": [BREAD]}]
    assert event["decision"]["costs"]["missing_milli_minor"] == 0


def test_an_order_of_all_or_nothing_that_loses_one_line_tells_the_demand_of_all():
    bench = stocked(milk_milli=2_000)
    bench.request("placed", "o1", wanted(4_000), wanted(1_000, BREAD), may_part_fill=False)
    bench.request("confirmed", "o1")
    bench.fulfil("refused", bench.task("pick", OTHER_STORE), reason="no_capacity")
    event = bench.events()[-1]
    assert (event["kind"], event["outcome"], event["holds"]) == ("unfilled", "unfilled", [])
    told = [(one["line_id"], one["given_store"], one["quantity_milli"]) for one in event["decision"]["demand"]]
    assert told == [("milk", None, 4_000), ("bread", None, 1_000)]
