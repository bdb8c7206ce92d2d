"""Books in doubt open a recount: they fell below zero, or a count was revised away."""

import pytest

from tests.support.orders import stocked
from tests.support.pool import BREAD, HOUR_MS, MILK, NOON_MS, STORE, PoolBench, furnished, line, wanted

TEN, ELEVEN = NOON_MS - 2 * HOUR_MS, NOON_MS - HOUR_MS


def recounts(bench: PoolBench) -> list[tuple[str, str, str]]:
    return [
        (row["lines"][0]["sku"], row["reason"], row["status"])
        for row in bench.tasks().values() if row["kind"] == "recount"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "lines", [(line(6_000),), (line(3_000), line(3_000)), (line(1_000), line(2_000, BREAD), line(4_500))]
)
def test_a_sale_of_more_than_there_is_opens_a_recount(lines):
    bench = stocked()
    bench.sell("s1", *lines)
    assert recounts(bench) == [(MILK, "negative_stock", "open")]
    assert bench.journal()[-1].fact[1]["kind"] == "opened"


def test_a_sale_of_all_that_there_is_opens_none():
    bench = stocked()
    bench.sell("s1", line(2_000), line(3_000))
    assert recounts(bench) == []


def test_books_that_go_on_falling_open_no_second_recount_and_a_count_ends_it():
    bench = stocked()
    for n in range(4):
        bench.sell(f"s{n}", line(3_000))
    assert recounts(bench) == [(MILK, "negative_stock", "open")]
    bench.report("counted", "c1", line(2_000))
    assert recounts(bench) == [(MILK, "counted", "done")]
    bench.sell("s9", line(3_000), occurred_at_ms=NOON_MS + 1, recorded_at_ms=NOON_MS + 1)
    assert [status for _, _, status in recounts(bench)] == ["done", "open"]


def test_a_store_that_never_told_what_it_has_is_not_asked_to_count_everything():
    bench = furnished()
    bench.sell("s1", line(1_000))
    bench.sell("s2", line(1_000))
    assert recounts(bench) == []


def test_waste_and_damage_below_zero_open_a_recount_too():
    bench = stocked()
    bench.report("adjusted", "a1", line(-6_000), line(-6_000, BREAD))
    assert sorted(recounts(bench)) == [(BREAD, "negative_stock", "open"), (MILK, "negative_stock", "open")]


def test_goods_sold_that_were_held_are_found_elsewhere_and_counted():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.sell("s1", line(6_000))
    assert [(hold["store"] == STORE) for hold in bench.order()["holds"]] == [False]
    assert recounts(bench) == [(MILK, "negative_stock", "open")]


@pytest.mark.parametrize(
    ("lines", "fields", "in_doubt"),
    [
        ((line(7_000),), {"occurred_at_ms": TEN}, [BREAD, MILK]),
        ((line(7_000),), {"occurred_at_ms": ELEVEN}, [BREAD]),
        ((line(8_000), line(9_000, BREAD)), {"occurred_at_ms": NOON_MS}, []),
        ((line(1_000, "FLOUR", unit="kg"),), {"occurred_at_ms": ELEVEN}, [BREAD, MILK]),
    ],
)
def test_a_count_that_is_revised_away_cannot_be_undone_so_it_stands_in_doubt_and_a_recount_is_opened(
    lines, fields, in_doubt
):
    bench = stocked()
    bench.report("counted", "c1", line(7_000), line(6_000, BREAD), occurred_at_ms=ELEVEN)
    before = {sku: bench.shelf(sku)["confidence_permille"] for sku in (MILK, BREAD)}
    bench.report("counted", "c1", *lines, version=2, **fields)
    assert sorted(recounts(bench)) == [(sku, "count_withdrawn", "open") for sku in in_doubt]
    for sku in in_doubt:
        assert bench.shelf(sku)["confidence_permille"] == before[sku] - 100


def test_a_count_that_a_later_one_has_replaced_may_be_revised_without_doubt():
    bench = stocked()
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    bench.report("counted", "c2", line(6_000), occurred_at_ms=ELEVEN)
    bench.report("counted", "c1", line(7_000, BREAD), occurred_at_ms=TEN, version=2)
    assert (recounts(bench), bench.on_hand()) == ([], 6_000 + 5_000)


def test_a_delivery_that_turns_out_to_be_a_count_is_taken_back():
    bench = furnished()
    bench.report("counted", "c0", line(5_000), occurred_at_ms=TEN)
    bench.report("received", "r1", line(4_000), line(4_000, BREAD), occurred_at_ms=ELEVEN)
    bench.report("counted", "r1", line(4_000), occurred_at_ms=ELEVEN, version=2)
    assert (bench.on_hand(), bench.on_hand(BREAD)) == (4_000, 0)


def test_a_revised_delivery_counts_by_its_difference_and_leaves_no_doubt():
    bench = stocked()
    bench.report("received", "r1", line(10_000))
    bench.sell("s1", line(14_000))
    before = bench.shelf(MILK)["confidence_permille"]
    bench.report("received", "r1", line(12_000), version=2)
    assert (bench.on_hand(), recounts(bench)) == (3_000, [])
    assert bench.shelf(MILK)["confidence_permille"] == before
    bench.report("received", "r1", line(8_000), version=3)
    assert (bench.on_hand(), recounts(bench)) == (-1_000, [(MILK, "negative_stock", "open")])


def test_a_delivery_that_was_a_count_leaves_no_doubt_however_much_was_sold_since():
    bench = furnished()
    bench.report("counted", "c0", line(5_000), occurred_at_ms=TEN)
    bench.report("received", "r1", line(4_000), occurred_at_ms=ELEVEN)
    bench.sell("s1", line(8_000))
    bench.report("counted", "r1", line(9_000), occurred_at_ms=ELEVEN, version=2)
    assert (bench.on_hand(), recounts(bench)) == (1_000, [])
