"""What a shelf can promise to the pool, how sure that is, and that a change of terms is told at once."""

import pytest

from schemas.models.config import Contribution, PoolSettings, StoreItemSettings, StoreSettings
from streams.pool.state.shelf import Shelf, available_milli, confidence_permille
from tests.support.pool import BREAD, DAY_MS, MILK, NOON_MS, OTHER_STORE, POOL, STORE, furnished, line


def lending(kind, value, safety_stock_milli=0):
    bench = furnished()
    terms = Contribution(kind=kind, value=value)
    bench.configure(StoreSettings(store=STORE, name=STORE, contribution=terms, safety_stock_milli=safety_stock_milli))
    bench.report("opening", "o1", line(10_000))
    return bench


@pytest.mark.parametrize(
    ("kind", "value", "safety_stock_milli", "expected_milli"),
    [
        ("share", 1_000, 0, 10_000),
        ("share", 500, 0, 5_000),
        ("share", 333, 0, 3_000),
        ("share", 0, 0, 0),
        ("share", 2_000, 0, 10_000),
        ("share", 1_000, 4_000, 6_000),
        ("share", 500, 4_000, 5_000),
        ("cap", 3_000, 0, 3_000),
        ("cap", 30_000, 0, 10_000),
        ("cap", 8_000, 4_000, 6_000),
        ("fixed", 3_000, 0, 3_000),
        ("fixed", 30_000, 0, 10_000),
        ("fixed", 3_000, 11_000, 0),
    ],
)
def test_availability_is_the_contribution_within_what_is_on_hand_over_safety_stock(
    kind, value, safety_stock_milli, expected_milli
):
    bench = lending(kind, value, safety_stock_milli)
    assert bench.available() == expected_milli
    assert bench.shelf()["safety_stock_milli"] == safety_stock_milli


@pytest.mark.parametrize("kind", ["share", "cap", "fixed"])
def test_a_shelf_below_zero_promises_nothing(kind):
    bench = lending(kind, 1_000)
    bench.sell("s1", line(15_000))
    assert (bench.on_hand(), bench.available()) == (-5_000, 0)


def test_sales_use_a_fixed_contribution_up_and_leave_a_cap():
    used, capped = lending("fixed", 3_000), lending("cap", 3_000)
    for bench in (used, capped):
        bench.sell("s1", line(2_000))
    assert (used.available(), capped.available()) == (1_000, 3_000)


def test_a_fixed_contribution_that_is_used_up_stays_so_when_goods_arrive():
    bench = lending("fixed", 3_000)
    bench.sell("s1", line(5_000))
    bench.report("received", "r1", line(20_000))
    assert bench.available() == 0


def test_what_is_counted_by_each_is_promised_in_whole_units():
    bench = lending("share", 800)
    bench.report("received", "r1", line(1_500))
    assert (bench.shelf()["on_hand_milli"], bench.available()) == (11_500, 9_000)


def test_a_revised_sale_gives_back_what_it_had_used_up():
    bench = lending("fixed", 3_000)
    bench.sell("s1", line(2_000), version=1)
    bench.sell("s1", line(1_000), version=2)
    assert bench.available() == 2_000


def test_setting_a_fixed_contribution_starts_it_anew():
    bench = furnished()
    bench.report("opening", "o1", line(10_000))
    bench.sell("s1", line(2_000))
    bench.configure(StoreItemSettings(store=STORE, sku=MILK, contribution=Contribution(kind="fixed", value=3_000)))
    assert bench.available() == 3_000


@pytest.mark.parametrize("change", [{}, {"safety_stock_milli": 1_000}])
def test_other_terms_of_the_item_leave_what_was_used_up(change):
    bench = furnished()
    fixed = Contribution(kind="fixed", value=3_000)
    bench.configure(StoreItemSettings(store=STORE, sku=MILK, contribution=fixed))
    bench.report("opening", "o1", line(10_000))
    bench.sell("s1", line(2_000))
    bench.configure(StoreItemSettings(store=STORE, sku=MILK, contribution=fixed, **change))
    assert bench.available() == 1_000


def test_the_item_s_own_terms_go_before_the_store_s():
    bench = lending("share", 500)
    cap = Contribution(kind="cap", value=1_000)
    bench.configure(StoreItemSettings(store=STORE, sku=MILK, contribution=cap, safety_stock_milli=9_000))
    assert (bench.available(), bench.shelf()["safety_stock_milli"]) == (1_000, 9_000)


def test_the_item_s_missing_terms_are_the_store_s():
    bench = lending("share", 500, safety_stock_milli=6_000)
    bench.configure(StoreItemSettings(store=STORE, sku=MILK))
    assert bench.available() == 4_000


def test_closing_a_store_takes_its_stock_out_of_the_pool_at_once_and_opening_brings_it_back():
    bench = furnished()
    bench.report("opening", "o1", line(10_000))
    bench.report("opening", "o1", line(10_000), store=OTHER_STORE)
    bench.commit()
    bench.configure(StoreSettings(store=STORE, name=STORE, open=False))
    assert (bench.available(), bench.available(store=OTHER_STORE)) == (0, 10_000)
    bench.configure(StoreSettings(store=STORE, name=STORE, open=True))
    assert bench.available() == 10_000


def test_a_closed_store_s_books_go_on():
    bench = furnished()
    bench.configure(StoreSettings(store=STORE, name=STORE, open=False))
    bench.sell("s1", line(1_000))
    assert (bench.on_hand(), bench.available()) == (-1_000, 0)


def test_delisting_an_item_takes_it_out_of_the_pool_in_that_store_only():
    bench = furnished()
    for store in (STORE, OTHER_STORE):
        bench.report("opening", "o1", line(10_000), line(10_000, BREAD), store=store)
    bench.commit()
    bench.configure(StoreItemSettings(store=STORE, sku=MILK, listed=False))
    assert (bench.available(), bench.available(BREAD), bench.available(store=OTHER_STORE)) == (0, 10_000, 10_000)


@pytest.mark.parametrize("same_batch", [True, False])
def test_new_terms_are_told_for_every_shelf_of_the_store_whether_it_changed_in_the_batch_or_not(same_batch):
    bench = furnished()
    bench.report("opening", "o1", line(10_000), line(8_000, BREAD))
    bench.commit()
    bench.sell("s1", line(1_000))
    if not same_batch:
        bench.commit()
    half = Contribution(kind="share", value=500)
    bench.configure(StoreSettings(store=STORE, name=STORE, contribution=half))
    batch = bench.commit()
    told = [output.key for output in batch.outputs if output.topic == "pool.availability.v1"]
    assert sorted(told) == [f"{POOL}/{BREAD}/{STORE}", f"{POOL}/{MILK}/{STORE}"]
    assert (bench.available(), bench.available(BREAD)) == (4_000, 4_000)


def test_the_same_store_settings_again_tell_nothing():
    bench = furnished()
    bench.report("opening", "o1", line(10_000))
    bench.commit()
    bench.configure(StoreSettings(store=STORE, name=STORE))
    assert [output.topic for output in bench.commit().outputs] == ["pool.journal.v1"]


def test_settings_of_the_pool_tell_nothing():
    bench = furnished()
    bench.report("opening", "o1", line(10_000))
    bench.commit()
    bench.configure(PoolSettings(name="North", late_limit_ms=DAY_MS))
    assert [output.topic for output in bench.commit().outputs] == ["pool.journal.v1"]


def test_an_item_s_new_unit_is_told():
    bench = furnished()
    bench.report("counted", "o1", line(0))
    bench.commit()
    bench.stock_item(MILK, unit="l")
    assert bench.shelf()["unit"] == "l"


def test_terms_of_an_sku_with_slashes_reach_its_own_shelf_only():
    bench = furnished()
    for sku in ("A", "A/B"):
        bench.stock_item(sku)
        bench.report("opening", f"o-{sku}", line(5_000, sku))
    bench.commit()
    bench.configure(StoreItemSettings(store=STORE, sku="A", listed=False))
    assert (bench.available("A"), bench.available("A/B")) == (0, 5_000)


def counted(days_ago, negatives=0, drift_milli=0):
    shelf = Shelf()
    shelf.counted_at_ms = NOON_MS - days_ago * DAY_MS
    shelf.negatives, shelf.drift_milli = negatives, drift_milli
    return confidence_permille(shelf, NOON_MS)


def test_confidence_falls_with_the_days_since_the_count_to_a_floor():
    assert [counted(days) for days in (0, 1, 10, 150, 151, 4_000)] == [980, 977, 950, 530, 530, 530]


def test_confidence_falls_with_each_time_below_zero_five_times_at_most():
    assert [counted(0, negatives) for negatives in (0, 1, 5, 6, 1_000)] == [980, 880, 480, 480, 480]


def test_confidence_falls_when_a_level_disagrees_and_never_below_its_floor():
    assert (counted(0, 0, 1), counted(0, 0, -1), counted(150, 5, 1)) == (930, 930, 50)


def test_a_shelf_never_counted_is_as_sure_as_one_counted_long_ago():
    assert confidence_permille(Shelf(), NOON_MS) == 530


def test_going_below_zero_is_counted_once_per_crossing_and_a_count_clears_it():
    bench = furnished()
    for n in range(3):
        bench.sell(f"s{n}", line(1_000))
    once = bench.shelf()["confidence_permille"]
    bench.report("received", "r1", line(5_000))
    bench.sell("s4", line(5_000))
    twice = bench.shelf()["confidence_permille"]
    bench.report("counted", "c1", line(1_000), occurred_at_ms=NOON_MS)
    assert (once, twice, bench.shelf()["confidence_permille"]) == (430, 330, 980)


def test_nothing_is_lent_without_terms():
    shelf = Shelf()
    shelf.on_hand_milli = 5_000
    assert available_milli(shelf, None) == 0


@pytest.mark.parametrize("kind", ["return", "void"])
def test_what_comes_back_gives_back_what_it_had_used_up_of_a_fixed_contribution(kind):
    bench = lending("fixed", 3_000)
    bench.sell("s1", line(2_000))
    bench.sell("s2", line(2_000, kind=kind))
    assert bench.available() == 3_000
    bench.sell("s2", line(1_000, kind=kind), version=2)
    assert bench.available() == 2_000


def test_what_comes_back_and_was_sold_before_the_contribution_lends_no_more_than_that():
    bench = lending("fixed", 3_000)
    bench.sell("s1", line(2_000, kind="return"))
    assert bench.available() == 3_000
    bench.sell("s2", line(2_000))
    assert bench.available() == 3_000


def test_returned_goods_that_do_not_go_back_to_the_shelf_stay_used_up():
    bench = lending("fixed", 3_000)
    bench.sell("s1", line(2_000))
    bench.sell("s2", line(2_000, kind="return_not_restocked"))
    assert bench.available() == 1_000
