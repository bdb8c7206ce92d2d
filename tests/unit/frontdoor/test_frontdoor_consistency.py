"""Settings that name what is not there, or change a unit under stock, are refused before they are published."""

from collections import defaultdict

import pytest

from commonshelf.config.consistency import UnitInUseError, check_consistency, in_order
from commonshelf.config.names import UnknownNameError
from schemas.models.catalog import CatalogItem
from schemas.models.config import (
    CodeMapping,
    ConfigChange,
    ItemQuota,
    LentQuota,
    PoolSettings,
    StoreItemSettings,
    StoreQuota,
    StoreSettings,
)
from streams.catalog import PoolConfig

WINDOW = {"from_ms": 1, "until_ms": 2}


def item(sku, **fields):
    return CatalogItem(pool="north", sku=sku, name=sku, recorded_at_ms=1, **fields)


def setting(change, pool="north"):
    return ConfigChange(pool=pool, recorded_at_ms=1, origin="test", change=change)


BASE = [setting(PoolSettings(name="North")), setting(StoreSettings(store="anna", name="Anna")), item("MILK")]


def check(*records, stock=None, base=BASE):
    pools = defaultdict(PoolConfig)
    check_consistency(pools, set(), base, lambda _, __: None)
    check_consistency(pools, {"north"}, records, lambda _, __: stock)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (
            setting(CodeMapping(code="plu:1", sku="MLIK")),
            "what plu:1 means: pool north has no item",
        ),
        (setting(CodeMapping(code="plu:1", sku="MLIK")), "has no item 'MLIK'; did you mean MILK? its items: MILK"),
        (
            setting(CodeMapping(store="ana", code="plu:1", sku="MILK")),
            "what plu:1 means in store ana: pool north has no",
        ),
        (setting(CodeMapping(store="ana", code="plu:1", sku="MILK")), "'ana'; did you mean anna? its stores: anna"),
        (setting(ItemQuota(sku="X", per_store_milli=1, **WINDOW)), "has no item 'X'; its items: MILK"),
        (setting(ItemQuota(sku="MILK", stores=(StoreQuota(store="b", limit_milli=1),), **WINDOW)), "no store 'b'"),
        (setting(StoreItemSettings(store="anna", sku="X")), "no item 'X'"),
        (
            setting(LentQuota(store="b", sku="MILK", to_pool="south", quantity_milli=1)),
            "the loan: pool north has no store",
        ),
        (setting(StoreSettings(store="b", name="B"), "nort"), "no pool 'nort'; did you mean north"),
        (item("BOX", parts=[{"sku": "X", "quantity_milli": 1}]), "the part of BOX: pool north has no item 'X'"),
        (item("OAT", substitutes=("X",)), "the substitute of OAT: pool north has no item 'X'"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(record, said):
    with pytest.raises(UnknownNameError) as refused:
        check(record)
    assert said in str(refused.value)


def test_what_comes_along_in_any_order_is_there():
    records = [
        setting(CodeMapping(store="bert", code="plu:1", sku="BOX")),
        item("BOX", parts=[{"sku": "OAT", "quantity_milli": 1}], substitutes=("OAT",)),
        item("OAT"),
        setting(StoreSettings(store="bert", name="Bert")),
    ]
    check(*records)
    assert [type(getattr(one, "change", one)).__name__ for one in in_order(records)] == [
        "CatalogItem", "CatalogItem", "StoreSettings", "CodeMapping",
    ]  # fmt: skip


def test_a_unit_that_changes_under_stock_is_refused_with_the_store_and_a_way_out():
    with pytest.raises(UnitInUseError, match="is counted in each, not in l: store anna has stock of it; count it to 0"):
        check(item("MILK", unit="l"), stock="anna")
    check(item("MILK", unit="l"))


def test_a_unit_that_changes_under_a_quota_is_refused():
    quota = setting(ItemQuota(sku="MILK", per_customer_milli=1, **WINDOW))
    with pytest.raises(UnitInUseError, match="its quota is meant so; take that back first"):
        check(item("MILK", unit="l"), base=[*BASE, quota])


def test_an_item_with_stock_that_becomes_a_kit_is_refused():
    with pytest.raises(UnitInUseError, match="is no kit: store anna has stock of it"):
        check(item("OAT"), item("MILK", parts=[{"sku": "OAT", "quantity_milli": 1}]), stock="anna")
