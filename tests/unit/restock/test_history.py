"""A shelf's days as the journal tells them."""

from tests.support.pool import BREAD, DAY_MS, HOUR_MS, MILK, OTHER_STORE, STORE, line, wanted
from tests.support.restock_bench import MIDNIGHT_MS, RestockBench, pages, restock_pool, sell_days


def followed(pool):
    bench = RestockBench()
    bench.follow(pages(pool))
    return bench


def at(hour, day=0):
    at_ms = MIDNIGHT_MS + day * DAY_MS + hour * HOUR_MS
    return {"occurred_at_ms": at_ms, "recorded_at_ms": at_ms, "appended_at_ms": at_ms}


def test_a_day_has_what_was_sold_returned_and_wasted_and_the_books_before_and_after():
    pool = restock_pool()
    pool.report("opening", "r1", line(10_000), **at(8))
    pool.sell("s1", line(3_000, kind="sale"), **at(9))
    pool.sell("s2", line(1_000, kind="return"), **at(10))
    pool.report("adjusted", "r2", line(-2_000, reason="waste"), **at(11))
    day = followed(pool).days()[0]
    assert (day["sold_milli"], day["returned_milli"], day["wasted_milli"]) == (3_000, 1_000, 2_000)
    assert (day["opening_milli"], day["closing_milli"]) == (0, 6_000)
    assert (day["steps"], day["squares"]) == (3, 9)


def test_the_time_without_stock_counts_by_the_store_s_opening_hours():
    pool = restock_pool()
    pool.report("opening", "r1", line(2_000), **at(8))
    pool.sell("s1", line(2_000), **at(18))
    pool.report("received", "r2", line(6_000), **at(9, day=1))
    days = followed(pool).days()
    assert days[0]["out_ms"] == 2 * HOUR_MS
    assert days[1]["out_ms"] == HOUR_MS


def test_a_shelf_that_sells_with_empty_books_had_stock():
    pool = restock_pool()
    pool.report("opening", "r1", line(2_000), **at(8))
    pool.sell("s1", line(2_000), **at(9))
    pool.sell("s2", line(1_000), **at(15))
    assert followed(pool).days()[0]["out_ms"] == 0


def test_an_order_counts_where_it_was_wanted_and_the_sale_that_names_it_does_not():
    pool = restock_pool()
    pool.report("opening", "r1", line(10_000), store=OTHER_STORE, **at(8))
    pool.request(
        "placed", "o1", wanted(3_000), recorded_at_ms=at(9)["recorded_at_ms"], appended_at_ms=at(9)["appended_at_ms"]
    )
    bench = followed(pool)
    day = bench.days(STORE)[0]
    assert (day["ordered_milli"], day["unmet_milli"], day["sold_milli"]) == (3_000, 0, 0)
    assert bench.days(OTHER_STORE)[0]["ordered_milli"] == 0


def test_a_day_s_late_sales_count_on_it_for_two_days_and_then_on_the_first_that_is_not_learned():
    pool = restock_pool()
    sell_days(pool, 2, {(STORE, MILK): 1})
    pool.sell(
        "late",
        line(5_000),
        **at(9) | {"recorded_at_ms": at(22, 1)["recorded_at_ms"], "appended_at_ms": at(22, 1)["appended_at_ms"]},
    )
    pool.pass_time(MIDNIGHT_MS + 4 * DAY_MS + 21 * HOUR_MS)
    told = {"recorded_at_ms": at(22, 4)["recorded_at_ms"], "appended_at_ms": at(22, 4)["appended_at_ms"]}
    pool.sell("too-late", line(7_000), **at(9) | told)
    days = followed(pool).days()
    assert days[0]["sold_milli"] == 6_000
    assert days[2]["sold_milli"] == 7_000, "days 0 and 1 are learned"


def test_sales_of_the_past_count_once_in_their_newest_version_and_only_before_the_journal():
    pool = restock_pool()
    pool.sell("s1", line(1_000), **at(9))
    bench = followed(pool)
    bench.past_sale("a", 10, 4_000)
    bench.past_sale("a", 10, 4_000)
    bench.past_sale("a", 10, 6_000, version=2)
    bench.past_sale("a", 10, 4_000)
    bench.past_sale("of-today", 0, 9_000)
    bench.commit()
    days = bench.days()
    assert days[-10]["sold_milli"] == 6_000
    assert (days[-10]["steps"], days[-10]["squares"]) == (6, 36)
    assert days[0]["sold_milli"] == 1_000


def test_bread_and_milk_are_learned_once_however_the_journal_is_cut_and_the_worker_restarts():
    pool = restock_pool()
    pool.report("opening", "r1", line(40_000), line(10_000, BREAD), **at(8))
    sell_days(pool, 6, {(STORE, MILK): 3, (OTHER_STORE, MILK): 1, (STORE, BREAD): 2})
    journal = pages(pool)
    whole, cut = RestockBench(), RestockBench()
    whole.follow(journal)
    for page in journal:
        cut.follow([page])
        cut.restart()
    assert whole.rows == cut.rows
    assert whole.outputs == cut.outputs
    assert whole.row("pool/north")["learned_day"] == cut.row("pool/north")["learned_day"] > 0
