"""Stores that are slower than they say: what is learned of them moves what is promised, and windows narrow to it."""

import pytest

from schemas.models.config import OpeningHours, StoreSettings
from streams.pool.pickup.preparation import AS_DECLARED, FROM_CLAIM, STEPS, WHOLE_DAY, Pace, PaceIndex
from tests.support.pickup import ONE_MS, QUARTER_MS, order, states, wish, with_counters
from tests.support.pool import DAY_MS, HOUR_MS, MINUTE_MS, NOON_MS, STORE, decode_row, line, wanted

SOON = wish(NOON_MS, NOON_MS + 1)
FIRST_MS = ONE_MS - 2 * QUARTER_MS
"""The quarter hour that a store is in time for that needs ten minutes."""


def taught(minutes, picks, **place):
    """A pool with a store that took so long for picks that its counter declares with ten minutes."""
    bench = with_counters(**{"preparation_ms": 10 * MINUTE_MS, "preparation_per_line_ms": 0} | place)
    bench.report("received", "more", line(900_000))
    for n in range(picks):
        name = f"t{n}"
        order(bench, name, pickup=SOON, only_there=True)
        bench.request("confirmed", name)
        done(bench, "pick", minutes)
        done(bench, "hand_over", minutes)
    return bench


def done(bench, kind, minutes=0):
    at_ms = NOON_MS + int(minutes * MINUTE_MS)
    task = bench.task(kind)
    bench.fulfil("done", task, occurred_at_ms=at_ms, appended_at_ms=at_ms)


def booked(bench, **terms):
    order(bench, **{"pickup": SOON, "only_there": True} | terms)
    bench.request("confirmed", "o1")
    return bench.order()["slots"][0]["slot_ms"]


def row(bench):
    return bench.appointments()["o1/corner"]


def window(bench):
    """(begin, end) of the promise, in minutes from the first quarter hour on."""
    return tuple((row(bench)[f"window_{end}_ms"] - FIRST_MS) / MINUTE_MS for end in ("from", "until"))


def learned(bench, hour=WHOLE_DAY):
    bench.commit()
    raw = bench.committed.rows.get(f"preparation/north/{STORE}/{hour:02}")
    return None if raw is None else decode_row(raw)


def test_a_store_is_promised_as_it_declares_until_it_is_known_better():
    bench = taught(10, 12, hand_overs_per_slot=99)
    assert booked(bench) == FIRST_MS
    assert window(bench) == (0, 15)


def test_what_a_slow_store_usually_takes_moves_the_first_quarter_hour_that_it_is_in_time_for():
    bench = taught(20, 12, hand_overs_per_slot=99)
    assert learned(bench)["picks"] == learned(bench, 14)["picks"] == 12
    assert booked(bench) == FIRST_MS + QUARTER_MS


def test_a_few_slow_picks_widen_the_window_and_goods_that_are_ready_narrow_it_to_its_quarter_hour():
    bench = taught(20, 2)
    booked(bench)
    assert window(bench) == (0, 20)
    done(bench, "pick", 9)
    assert (window(bench), row(bench)["change"]) == ((0, 15), "ready")


def test_a_customer_who_has_set_out_keeps_the_window():
    bench = taught(20, 2)
    booked(bench)
    bench.fulfil("on_the_way", None, order="o1", eta_ms=FIRST_MS + 18 * MINUTE_MS, report_id="way")
    done(bench, "pick", 9)
    assert (window(bench), row(bench)["change"]) == ((0, 20), "ready")


def quick_once_claimed(claimed):
    """A store that leaves some picks lying, and needs two minutes for one from when it has claimed it."""
    bench = with_counters(preparation_ms=10 * MINUTE_MS, preparation_per_line_ms=0, hand_overs_per_slot=99)
    bench.report("received", "more", line(900_000))
    for number in range(claimed + 2):
        name, is_slow = f"t{number}", number >= claimed
        order(bench, name, pickup=SOON, only_there=True)
        bench.request("confirmed", name)
        if not is_slow:
            claim(bench, 8)
        done(bench, "pick", 20 if is_slow else 10)
        done(bench, "hand_over", 20)
    return bench


def claim(bench, minutes):
    at_ms = NOON_MS + minutes * MINUTE_MS
    task = bench.task("pick")
    bench.fulfil(
        "claimed", task, report_id=f"{task}/claimed", occurred_at_ms=at_ms, recorded_at_ms=at_ms, appended_at_ms=at_ms
    )


def test_a_claim_narrows_the_window_by_what_the_store_needs_from_then_on():
    bench = quick_once_claimed(8)
    assert learned(bench, FROM_CLAIM)["picks"] == 8
    booked(bench)
    assert window(bench) == (0, 20)
    claim(bench, 9)
    assert (window(bench), states(bench)["o1/corner"]) == ((0, 15), ("booked", "booked"))
    bench.pass_time(FIRST_MS)
    assert states(bench)["o1/corner"] == ("booked", "moved"), "goods are due as the window says"


@pytest.mark.parametrize(("claimed", "minutes"), [(7, 9), (8, 19)])
def test_a_claim_of_a_store_of_which_little_is_known_or_that_comes_late_leaves_the_window(claimed, minutes):
    bench = quick_once_claimed(claimed)
    booked(bench)
    claim(bench, minutes)
    assert window(bench) == (0, 20)


def test_a_claim_leaves_the_window_of_a_customer_who_has_set_out():
    bench = quick_once_claimed(8)
    booked(bench)
    bench.fulfil("on_the_way", None, order="o1", eta_ms=FIRST_MS + 18 * MINUTE_MS, report_id="way")
    claim(bench, 9)
    assert window(bench) == (0, 20)


def test_goods_may_come_until_a_quarter_hour_of_the_window_is_left_and_move_it_then():
    bench = taught(20, 2)
    booked(bench)
    bench.pass_time(FIRST_MS + 4 * MINUTE_MS)
    assert states(bench)["o1/corner"] == ("booked", "booked")
    bench.pass_time(FIRST_MS + 5 * MINUTE_MS)
    assert states(bench)["o1/corner"] == ("booked", "moved")
    assert row(bench)["is_late"]
    assert window(bench) == (15, 40)


def test_goods_that_come_after_the_quarter_hour_began_leave_the_window():
    bench = taught(20, 2)
    booked(bench)
    bench.tick(FIRST_MS + 2 * MINUTE_MS)
    done(bench, "pick", 20)
    assert (window(bench), states(bench)["o1/corner"]) == ((0, 20), ("ready", "ready"))


def test_a_pick_is_due_when_the_last_quarter_hour_of_its_window_begins():
    bench = taught(20, 2)
    bench.configure_pool(pick_within_ms=MINUTE_MS)
    booked(bench)
    assert bench.tasks()[bench.task("pick")]["due_ms"] == FIRST_MS + 5 * MINUTE_MS


def test_goods_wait_from_the_end_of_the_window_as_it_was_booked():
    bench = taught(20, 2, no_show_after_ms=HOUR_MS)
    booked(bench)
    done(bench, "pick", 9)
    assert bench.tasks()[bench.task("hand_over")]["due_ms"] == FIRST_MS + 20 * MINUTE_MS + HOUR_MS


def test_an_order_that_grows_and_needs_a_wider_window_is_told_as_moved():
    bench = taught(20, 2, preparation_per_line_ms=5 * MINUTE_MS, preparation_ms=5 * MINUTE_MS)
    order(bench, pickup=SOON, only_there=True)
    before = window(bench)
    grown = (wanted(1_000), wanted(1_000, "BREAD"))
    bench.request("amended", "o1", *grown, pickup=SOON, only_there=True, deadline_ms=NOON_MS + DAY_MS)
    assert window(bench)[1] > before[1]
    assert row(bench)["change"] == "moved"


def test_a_window_is_an_hour_wide_at_most_and_ends_with_the_hours_of_its_place_and_the_deadline():
    hour = taught(40, 2, preparation_ms=30 * MINUTE_MS)
    hour_of = booked(hour, pickup=wish(NOON_MS, NOON_MS + 1))
    assert row(hour)["window_until_ms"] - hour_of <= HOUR_MS
    hours = tuple(OpeningHours(weekday=day, opens_minute=480, closes_minute=870 + 30) for day in range(1, 8))
    closing = taught(20, 2, opening=hours)
    soon_closed = booked(closing)
    assert row(closing)["window_until_ms"] <= soon_closed - soon_closed % DAY_MS + 900 * MINUTE_MS
    short = taught(20, 2)
    booked(short, deadline_ms=FIRST_MS + MINUTE_MS)
    assert window(short) == (0, 15)


def test_a_pick_for_an_appointment_that_is_hours_ahead_teaches_nothing():
    bench = with_counters(preparation_ms=10 * MINUTE_MS)
    order(bench, pickup=wish(NOON_MS + 3 * HOUR_MS), only_there=True)
    bench.request("confirmed", "o1")
    done(bench, "pick", 40)
    assert learned(bench) is None


@pytest.mark.parametrize("place", [{"preparation_ms": 0, "preparation_per_line_ms": 0}, {}])
def test_a_pick_that_took_no_time_or_has_none_declared_teaches_nothing(place):
    bench = taught(20 if place else 0, 1, **place)
    assert learned(bench) is None


def test_the_hours_in_which_a_store_is_closed_are_no_preparation():
    bench = with_counters(preparation_ms=10 * MINUTE_MS, preparation_per_line_ms=0)
    midnight = NOON_MS - NOON_MS % DAY_MS
    since = (NOON_MS - midnight) // MINUTE_MS + 10
    hours = tuple(OpeningHours(weekday=day, opens_minute=since, closes_minute=1200) for day in range(1, 8))
    bench.configure(StoreSettings(store=STORE, name="Corner", opening=hours))
    order(bench, pickup=SOON, only_there=True)
    bench.request("confirmed", "o1")
    done(bench, "pick", 10 + 5)
    opened_after_min = (midnight + since * MINUTE_MS - NOON_MS) / MINUTE_MS
    steps = [step for step, weight in enumerate(learned(bench)["weights"], start=1) if weight]
    assert steps == [-(-1000 * (15 - opened_after_min) // 1250), 8]


def test_a_pool_that_does_not_learn_promises_what_is_declared():
    bench = taught(20, 12, hand_overs_per_slot=99)
    bench.configure_pool(learns_preparation=False)
    assert booked(bench) == FIRST_MS
    assert window(bench) == (0, 15)
    before = learned(bench)
    done(bench, "pick", 30)
    assert learned(bench) == before


def preparation(hour, picks, step):
    weights = [0] * STEPS
    weights[step - 1] = 64 * picks
    return {"pool": "north", "store": STORE, "hour": hour, "picks": picks, "weights": weights}


def test_an_hour_counts_by_itself_once_enough_picks_began_in_it_and_the_whole_day_before():
    index = PaceIndex(None)
    assert index.at(STORE, 9) == AS_DECLARED
    index.put(preparation(WHOLE_DAY, 5, 12))
    index.put(preparation(9, 7, 16))
    assert index.at(STORE, 9) == Pace(1500, 1500)
    index.put(preparation(9, 8, 16))
    assert (index.at(STORE, 9), index.at(STORE, 10)) == (Pace(2000, 2000), Pace(1500, 1500))


def test_a_store_is_never_asked_to_be_faster_than_it_says():
    index = PaceIndex(None)
    index.put(preparation(WHOLE_DAY, 50, 3))
    assert index.at(STORE, 9) == AS_DECLARED
