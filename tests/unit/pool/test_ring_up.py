"""Goods of an order that the till rings up leave the books once, in whatever order hand-over and receipt arrive."""

from itertools import permutations

import pytest

from tests.support.orders import kept, stocked
from tests.support.pool import DAY_MS, MILK, NOON_MS, OTHER_STORE, STORE, line, wanted


def picked(quantity_milli=2_000):
    bench = stocked()
    bench.lend("fixed", 5_000)
    bench.request("placed", "o1", wanted(quantity_milli))
    bench.request("confirmed", "o1")
    bench.fulfil("done", bench.task("pick"))
    return bench


def hand_over(bench):
    """The task, which ends when the till has rung everything up."""
    [name] = [name for name, task in bench.tasks().items() if task["kind"] == "hand_over"]
    return name


STEPS = {
    "hand over": lambda bench: bench.fulfil("done", hand_over(bench)),
    "ring up": lambda bench: bench.sell("s1", line(2_000), order_ref="o1"),
    "ring up one": lambda bench: bench.sell("s2", line(1_000), order_ref="o1"),
    "ring up another": lambda bench: bench.sell("s3", line(1_000), order_ref="o1"),
}


def play(bench, *steps):
    for step in steps:
        STEPS[step](bench)
    bench.commit()
    return bench


@pytest.mark.parametrize("steps", list(permutations(("hand over", "ring up"))), ids=" then ".join)
def test_handed_over_and_rung_up_in_either_order_the_goods_move_once(steps):
    bench = play(picked(), *steps)
    assert (bench.on_hand(), bench.available(), bench.order()["outcome"]) == (3_000, 3_000, "collected")


IN_PARTS = list(permutations(("hand over", "ring up one", "ring up another")))


@pytest.mark.parametrize("steps", IN_PARTS, ids=" then ".join)
def test_goods_rung_up_in_parts_around_the_hand_over_move_once(steps):
    bench = play(picked(), *steps)
    assert (bench.on_hand(), bench.available()) == (3_000, 3_000)


def test_a_part_that_is_rung_up_and_the_rest_at_the_hand_over():
    assert play(picked(), "ring up one", "hand over").on_hand() == 3_000
    assert play(picked(), "hand over", "ring up one").on_hand() == 3_000


def test_rung_up_goods_are_no_longer_held_and_break_nothing():
    bench = play(picked(5_000), "ring up")
    assert (bench.on_hand(), bench.available()) == (3_000, 0)
    assert kept(bench) == [(MILK, STORE, 5, "picked")]


def test_what_is_rung_up_beyond_the_order_is_a_plain_sale():
    bench = picked()
    bench.sell("s1", line(3_000), order_ref="o1")
    play(bench, "hand over")
    assert bench.on_hand() == 2_000


def test_a_receipt_that_names_an_unknown_order_is_a_plain_sale():
    bench = stocked()
    bench.sell("s1", line(2_000), order_ref="till-77")
    assert bench.on_hand() == 3_000


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_receipt_that_is_voided_and_rung_up_again_moves_the_goods_once(when):
    bench = picked()
    steps = [lambda: play(bench, "ring up"), lambda: play(bench, "hand over")]
    for step in steps if when == "before" else reversed(steps):
        step()
    bench.sell("s1", line(2_000), line(2_000, kind="void"), order_ref="o1", version=2)
    assert bench.on_hand() == (5_000 if when == "before" else 3_000)  # handed over, they stay gone
    bench.sell("s1", line(2_000), line(2_000, kind="void"), line(2_000), order_ref="o1", version=3)
    assert (bench.on_hand(), bench.available()) == (3_000, 3_000)


def test_a_receipt_voided_after_it_ended_the_order_puts_the_goods_back_on_the_shelf():
    bench = play(picked(), "ring up")
    bench.sell("s1", line(1_000), order_ref=None, version=2)
    assert (bench.on_hand(), bench.available(), bench.order()["holds"][0]["sold_at_till_milli"]) == (4_000, 4_000, 0)


def test_an_order_that_is_rung_up_whole_ends_with_that_and_so_do_its_tasks():
    for steps in (("ring up",), ("ring up one", "ring up another")):
        bench = play(picked(), *steps)
        assert (bench.order()["outcome"], bench.events()[-1]["kind"]) == ("collected", "sold_at_till")
        [task] = [task for task in bench.tasks().values() if task["kind"] == "hand_over"]
        assert (task["status"], task["reason"]) == ("done", "rung_up")


def test_the_stores_that_have_not_rung_up_go_on():
    bench = stocked()
    bench.request("placed", "o1", wanted(7_000))
    bench.request("confirmed", "o1")
    bench.sell("s1", line(5_000), order_ref="o1")
    assert (bench.order()["status"], bench.task("pick", OTHER_STORE)) == ("confirmed", bench.task("pick", OTHER_STORE))
    bench.fulfil("done", bench.task("pick", OTHER_STORE))
    bench.fulfil("done", bench.task("hand_over", OTHER_STORE))
    assert (bench.order()["outcome"], bench.on_hand(), bench.on_hand(store=OTHER_STORE)) == ("collected", 0, 3_000)


def test_a_receipt_that_is_voided_after_its_order_was_cancelled_brings_the_goods_back():
    bench = play(picked(), "ring up one")
    bench.request("cancelled", "o1")
    bench.sell("s2", line(1_000), line(1_000, kind="void"), order_ref="o1", version=2)
    assert (bench.on_hand(), bench.available()) == (5_000, 5_000)


def test_an_order_cancelled_after_a_part_was_rung_up_has_collected_that_part():
    bench = play(picked(), "ring up one")
    bench.request("cancelled", "o1")
    assert (bench.order()["outcome"], kept(bench)) == ("part_collected", [(MILK, STORE, 1, "collected")])
    assert (bench.on_hand(), bench.available()) == (4_000, 4_000)


def test_a_count_between_hand_over_and_receipt_is_not_reduced_by_the_receipt():
    bench = play(picked(), "hand over")
    bench.report("counted", "c1", line(3_000), occurred_at_ms=1_790_000_060_000)
    bench.sell("s1", line(2_000), order_ref="o1", occurred_at_ms=1_790_000_120_000)
    assert bench.on_hand() == 3_000


def test_goods_rung_up_before_anybody_picked_them_are_collected_when_the_pick_is_late():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    play(bench, "ring up")
    bench.pass_time(NOON_MS + DAY_MS)
    assert (bench.order()["outcome"], bench.on_hand(), bench.available()) == ("collected", 3_000, 3_000)


def test_goods_rung_up_after_they_were_picked_are_collected_when_the_hand_over_is_late():
    bench = play(picked(), "ring up")
    bench.pass_time(NOON_MS + 2 * DAY_MS)
    assert (bench.on_hand(), bench.order()["outcome"]) == (3_000, "collected")
    assert not [task for task in bench.tasks().values() if task["status"] in ("open", "claimed")]


def test_an_order_that_was_rung_up_whole_stays_collected_when_it_is_cancelled():
    bench = play(picked(), "ring up")
    bench.request("cancelled", "o1")
    assert kept(bench) == [(MILK, STORE, 2, "collected")]
    assert (bench.on_hand(), bench.order()["outcome"]) == (3_000, "collected")
