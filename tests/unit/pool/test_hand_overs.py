"""Goods of orders that are rung up by a till that names no order move once, in whatever order they are told."""

from itertools import permutations

import pytest

from schemas.models.config import OpeningHours, StoreSettings
from streams.pool.journal.facts import SALE_RECORDED
from streams.pool.journal.movements import Movements
from tests.support.movements import assert_movements_are_the_books
from tests.support.orders import short, stocked
from tests.support.pool import BREAD, DAY_MS, HOUR_MS, MILK, NOON_MS, OTHER_STORE, POOL, STORE, line, wanted

NEXT_MORNING_MS = NOON_MS + 20 * HOUR_MS


def shop(units=2, orders=("o1",), rings_up=True):
    """A store whose till rings hand-overs up has picked that much for each order."""
    bench = stocked(milk_milli=20_000)
    bench.configure(StoreSettings(store=STORE, name=STORE, rings_up_hand_overs=rings_up))
    for order in orders:
        bench.request("placed", order, wanted(units * 1_000))
        bench.request("confirmed", order)
        bench.fulfil("done", bench.task("pick"))
    return bench


def hand_over(bench, order="o1", **fields):
    [task] = [
        name for name, task in bench.tasks().items() if task["kind"] == "hand_over" and task["order"] == order
    ]  # fmt: skip
    bench.fulfil("done", task, report_id=f"{task}/handed", **fields)


def asked(bench):
    return [
        [(one["sku"], one["quantity_milli"]) for one in task["lines"]]
        for task in bench.tasks().values()
        if task["kind"] == "ring_up" and task["status"] in ("open", "claimed")
    ]


def not_rung_up(bench):
    return bench.partition.look_up({"pool": POOL})["hand_overs_not_rung_up"]


STEPS = {
    "hand over": hand_over,
    "ring up": lambda bench: bench.sell("s1", line(2_000)),
    "ring up one": lambda bench: bench.sell("s2", line(1_000)),
    "ring up another": lambda bench: bench.sell("s3", line(1_000)),
    "an order's worth to somebody else": lambda bench: bench.sell("s4", line(3_000)),
}


def check(bench, on_hand):
    assert (bench.on_hand(), bench.available()) == (on_hand, on_hand)
    assert_movements_are_the_books(bench.journal(), bench.committed, POOL)
    bench.pass_time(NEXT_MORNING_MS)
    assert (asked(bench), not_rung_up(bench)) == ([], 0)


@pytest.mark.parametrize("steps", list(permutations(("hand over", "ring up"))), ids=" then ".join)
def test_they_move_once_in_either_order(steps):
    bench = shop()
    for step in steps:
        STEPS[step](bench)
    check(bench, 18_000)


@pytest.mark.parametrize(
    "steps", list(permutations(("hand over", "ring up one", "ring up another"))), ids=" then ".join
)
def test_parts_of_them_under_several_receipts_move_once(steps):
    bench = shop()
    for step in steps:
        STEPS[step](bench)
    check(bench, 18_000)


@pytest.mark.parametrize(
    "steps", list(permutations(("hand over", "ring up", "an order's worth to somebody else"))), ids=" then ".join
)
def test_what_is_sold_besides_moves_besides(steps):
    bench = shop()
    for step in steps:
        STEPS[step](bench)
    check(bench, 15_000)


def test_several_orders_of_one_item_on_one_day():
    bench = shop(orders=("o1", "o2", "o3"))
    bench.sell("s1", line(2_000))
    hand_over(bench, "o1")
    hand_over(bench, "o2")
    bench.sell("s2", line(2_000))
    bench.sell("s3", line(2_000))
    hand_over(bench, "o3")
    check(bench, 14_000)


def test_a_repeat_changes_nothing():
    bench = shop()
    for _ in range(2):
        hand_over(bench)
        bench.sell("s1", line(2_000))
    check(bench, 18_000)


@pytest.mark.parametrize("rung_up_first", [True, False])
def test_a_receipt_that_is_revised_is_matched_anew(rung_up_first):
    bench = shop()
    steps = [lambda: bench.sell("s1", line(2_000)), lambda: hand_over(bench)]
    for step in steps if rung_up_first else reversed(steps):
        step()
    bench.sell("s1", line(2_000), line(2_000, kind="void"), version=2)
    assert bench.on_hand() == 18_000
    bench.sell("s1", line(3_000), version=3)
    revision = [entry.fact for entry in bench.journal() if entry.fact[0] == SALE_RECORDED][-1]
    moved = [one.quantity_milli for one in Movements().of(revision)]
    assert moved == [2_000, -2_000, -3_000], "whoever has read nothing before is told as well"
    check(bench, 17_000)


def test_what_nobody_rings_up_is_told_the_next_morning_and_may_still_come():
    bench = shop()
    hand_over(bench)
    bench.pass_time(NOON_MS + HOUR_MS)
    assert asked(bench) == []
    bench.pass_time(NEXT_MORNING_MS)
    assert (asked(bench), not_rung_up(bench)) == ([[(MILK, 2_000)]], 1)
    bench.pass_time(NEXT_MORNING_MS + HOUR_MS)
    bench.sell("s1", line(2_000), recorded_at_ms=NEXT_MORNING_MS, appended_at_ms=NEXT_MORNING_MS)
    assert (bench.on_hand(), not_rung_up(bench)) == (18_000, 1)


def test_what_the_store_was_asked_to_ring_up_ends_once_all_of_it_was_rung_up_late():
    bench = shop()
    hand_over(bench)
    bench.pass_time(NEXT_MORNING_MS)
    late = {"recorded_at_ms": NEXT_MORNING_MS, "appended_at_ms": NEXT_MORNING_MS}
    task = bench.task("ring_up")
    bench.sell("s1", line(1_000), **late)
    assert bench.tasks()[task]["status"] == "open"
    bench.restart()
    bench.sell("s2", line(1_000), **late)
    row = bench.tasks()[task]
    assert (row["status"], row["reason"], asked(bench)) == ("done", "rung_up", [])
    bench.fulfil("done", task)
    assert bench.events()[-1]["reason"] == "task_ended"


def test_a_sale_of_another_item_leaves_what_is_to_be_rung_up():
    bench = shop()
    hand_over(bench)
    bench.pass_time(NEXT_MORNING_MS)
    late = {"recorded_at_ms": NEXT_MORNING_MS, "appended_at_ms": NEXT_MORNING_MS}
    bench.sell("s1", line(2_000, BREAD), **late)
    assert asked(bench) == [[(MILK, 2_000)]]


def test_a_sale_of_another_day_is_another_sale():
    bench = shop()
    hand_over(bench)
    at_ms = NOON_MS + DAY_MS
    bench.sell("s1", line(2_000), occurred_at_ms=at_ms, recorded_at_ms=at_ms, appended_at_ms=at_ms)
    assert bench.on_hand() == 16_000


def test_the_day_of_a_store_that_is_open_over_midnight_ends_when_it_closes():
    bench = shop()
    night = tuple(
        OpeningHours(weekday=day, opens_minute=opens, closes_minute=closes)
        for day in range(1, 8)
        for opens, closes in ((0, 120), (600, 1440))
    )
    bench.configure(StoreSettings(store=STORE, name=STORE, rings_up_hand_overs=True, opening=night))
    midnight_ms = NOON_MS - NOON_MS % DAY_MS + DAY_MS
    hand_over(bench, occurred_at_ms=midnight_ms - 60_000, recorded_at_ms=midnight_ms, appended_at_ms=midnight_ms)
    late_ms = midnight_ms + HOUR_MS
    bench.sell("s1", line(2_000), occurred_at_ms=late_ms, recorded_at_ms=late_ms, appended_at_ms=late_ms)
    assert bench.on_hand() == 18_000


def test_a_sale_that_names_the_order_is_owed_no_second_one():
    bench = shop()
    hand_over(bench)
    bench.sell("s1", line(2_000), order_ref="o1")
    bench.sell("s2", line(2_000))
    check(bench, 16_000)


def test_another_store_s_sale_and_an_order_cancelled_are_no_hand_over():
    bench = shop()
    hand_over(bench)
    bench.sell("s1", line(2_000), store=OTHER_STORE)
    assert (bench.on_hand(), bench.on_hand(store=OTHER_STORE)) == (18_000, 18_000)
    bench = shop()
    bench.sell("s1", line(2_000))
    bench.request("cancelled", "o1")
    check(bench, 18_000)


def test_what_was_not_handed_over_is_not_owed():
    bench = shop()
    [task] = [name for name, one in bench.tasks().items() if one["kind"] == "hand_over"]
    bench.fulfil("short", task, short(1_000, "not_collected"))
    bench.pass_time(NEXT_MORNING_MS)
    assert asked(bench) == [[(MILK, 1_000)]]


def test_a_store_that_does_not_ring_up_its_hand_overs_sells_plainly():
    bench = shop(rings_up=False)
    hand_over(bench)
    bench.sell("s1", line(2_000))
    check(bench, 16_000)


def test_the_balances_outlive_a_restart_and_are_forgotten_in_time():
    bench = shop()
    hand_over(bench)
    bench.commit()
    bench.restart()
    bench.sell("s1", line(1_000))
    assert bench.on_hand() == 18_000
    bench.commit()
    bench.restart()
    bench.pass_time(NEXT_MORNING_MS)
    assert asked(bench) == [[(MILK, 1_000)]]
    for days in range(2, 14):
        bench.pass_time(NOON_MS + days * DAY_MS)
    bench.commit()
    assert not [key for key in bench.committed.rows if key.startswith("handed/")]
