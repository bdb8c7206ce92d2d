"""Settings that name what is not there, and units that change under stock, arrive on the topics and are set aside."""

import pytest

from schemas.models.agreement import Agreement, Dispute, ListPrice
from schemas.models.config import CodeMapping, Contribution, ItemQuota, LentQuota, StoreItemSettings, StoreQuota
from tests.support.pool import BREAD, FLOUR, HOUR_MS, MILK, NOON_MS, OTHER_STORE, STORE, furnished, line, wanted

GHOST = "GHOST"
WINDOW = {"from_ms": NOON_MS, "until_ms": NOON_MS + HOUR_MS}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (StoreItemSettings(store=STORE, sku=GHOST), "unknown_item"),
        (StoreItemSettings(store="nowhere", sku=MILK), "unknown_store"),
        (CodeMapping(code="plu:4011", sku=GHOST), "unknown_item"),
        (CodeMapping(store="nowhere", code="plu:4011", sku=MILK), "unknown_store"),
        (CodeMapping(store="nowhere", code="plu:4011", sku=None), "unknown_store"),
        (ItemQuota(sku=GHOST, per_store_milli=1_000, **WINDOW), "unknown_item"),
        (ItemQuota(sku=MILK, stores=(StoreQuota(store="nowhere", limit_milli=1),), **WINDOW), "unknown_store"),
        (LentQuota(store=STORE, sku=GHOST, to_pool="south", quantity_milli=1_000), "unknown_item"),
        (LentQuota(store="nowhere", sku=MILK, to_pool="south", quantity_milli=1_000), "unknown_store"),
        (
            Agreement(
                version=1, effective_from_ms=NOON_MS, currency="EUR",
                list_prices=(ListPrice(sku=GHOST, price_minor=100),),
            ),
            "unknown_item",
        ),
        (Dispute(dispute="d1", store="nowhere", posted_position=1, sequence=0, text="not ours"), "unknown_store"),
    ],
)  # fmt: skip
def test_a_setting_that_names_what_is_not_there_is_set_aside_and_goes_on_once_it_is(change, reason):
    bench = furnished()
    before = len(bench.journal())
    bench.configure(change)
    assert (bench.reasons(), len(bench.journal())) == ([reason], before)
    if reason == "unknown_item":
        bench.stock_item(GHOST)
        bench.replay_dead_letters()
        assert (bench.reasons(), bench.last_fact()["change"][1]) == ([], change.to_avro())


def test_an_item_that_comes_with_what_names_it_is_read_first():
    inputs = furnished().partition._processor.priority_inputs
    assert inputs.index("catalog.items.v1") < inputs.index("pool.config.v1")


@pytest.mark.parametrize("store", [STORE, OTHER_STORE])
def test_a_unit_does_not_change_under_stock_and_does_once_it_was_counted_to_nothing(store):
    bench = furnished()
    bench.report("opening", "o1", line(10_000), store=store)
    bench.stock_item(MILK, unit="l")
    assert (bench.reasons(), bench.shelf(store=store)["unit"]) == (["wrong_unit"], "each")
    bench.report("counted", "c1", line(0), store=store, occurred_at_ms=NOON_MS + 1)
    bench.replay_dead_letters()
    assert (bench.reasons(), bench.shelf(store=store)["unit"]) == ([], "l")


def test_what_is_late_of_the_time_before_a_new_unit_changes_no_books():
    bench = furnished()
    bench.report("opening", "o1", line(2_000), occurred_at_ms=NOON_MS - HOUR_MS)
    bench.sell("s1", line(2_000), occurred_at_ms=NOON_MS - 1_000)
    bench.stock_item(MILK, unit="l")
    bench.report("counted", "c1", line(5_500, unit="l"), occurred_at_ms=NOON_MS - 2_000)
    bench.sell("s1", occurred_at_ms=NOON_MS - 1_000, version=2)
    assert bench.on_hand() == 0
    bench.report("counted", "c2", line(5_500, unit="l"), occurred_at_ms=NOON_MS + 1_000)
    assert bench.on_hand() == 5_500


def test_a_unit_does_not_change_while_goods_are_on_their_way():
    bench = furnished()
    bench.report("opening", "o1", line(2_000))
    transfer = {"from_store": STORE, "to_store": OTHER_STORE, "lines": [wanted(2_000)]}
    bench.request("placed", "t1", transfer=transfer)
    bench.fulfil("done", bench.task("transfer_out"))
    assert bench.on_hand() == 0
    bench.stock_item(MILK, unit="l")
    assert bench.reasons() == ["wrong_unit"]


@pytest.mark.parametrize(
    "change",
    [
        ItemQuota(sku=BREAD, per_customer_milli=2_000, **WINDOW),
        ItemQuota(sku=BREAD, stores=(StoreQuota(store=STORE, limit_milli=1_000),), **WINDOW),
        LentQuota(store=STORE, sku=BREAD, to_pool="south", quantity_milli=1_000),
        StoreItemSettings(store=STORE, sku=BREAD, safety_stock_milli=2_000),
        StoreItemSettings(store=STORE, sku=BREAD, contribution=Contribution(kind="cap", value=2_000)),
    ],
)
def test_a_unit_does_not_change_under_a_setting_that_is_meant_in_it(change):
    bench = furnished()
    bench.configure(change)
    bench.stock_item(BREAD, unit="kg")
    assert bench.reasons() == ["wrong_unit"]


def test_a_unit_does_not_change_under_a_kit():
    bench = furnished()
    bench.stock_item("BOX", parts=[{"sku": FLOUR, "quantity_milli": 500}])
    bench.stock_item(FLOUR, unit="each")
    assert bench.reasons() == ["wrong_unit"]


def test_an_item_with_stock_does_not_become_a_kit():
    bench = furnished()
    bench.report("opening", "o1", line(2_000))
    bench.stock_item(MILK, gtin="04006381333931", parts=[{"sku": FLOUR, "quantity_milli": 500}])
    assert bench.reasons() == ["bad_kit"]


def test_another_name_of_an_item_with_stock_is_taken():
    bench = furnished()
    bench.report("opening", "o1", line(2_000))
    bench.stock_item(MILK, category="dairy")
    assert bench.reasons() == []
