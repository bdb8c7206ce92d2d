"""Orders that were not filled, or not whole, count once each, as what they are."""

from tests.support.orders import stocked
from tests.support.pool import DAY_MS, NOON_MS, POOL, wanted


def counts(bench):
    row = bench.partition.look_up({"pool": POOL})
    return row["orders_unfilled"], row["orders_part_filled"]


def test_an_order_of_which_a_part_stays_unfilled_counts_as_part_filled():
    bench = stocked()
    bench.request("placed", "o1", wanted(12_000))
    bench.request("confirmed", "o1")
    assert counts(bench) == (0, 1)


def test_an_order_that_gets_nothing_counts_as_unfilled():
    bench = stocked(milk_milli=0)
    bench.request("placed", "o1", wanted(2_000))
    assert counts(bench) == (1, 0)


def test_a_part_filled_order_that_then_loses_the_rest_is_unfilled():
    bench = stocked()
    bench.request("placed", "o1", wanted(12_000))
    bench.request("confirmed", "o1")
    for store in ("corner", "mill"):
        bench.fulfil("refused", bench.task("pick", store), reason="store_closed")
    assert counts(bench) == (1, 0)


def test_an_order_amended_to_what_there_is_was_not_short_in_the_end():
    bench = stocked()
    bench.request("placed", "o1", wanted(12_000))
    bench.request("amended", "o1", wanted(10_000))
    assert counts(bench) == (0, 0)


def test_goods_that_nobody_collects_were_not_missing():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    bench.fulfil("done", bench.task("pick"))
    bench.pass_time(NOON_MS + 2 * DAY_MS)
    assert (bench.order()["outcome"], counts(bench)) == ("not_collected", (0, 0))
