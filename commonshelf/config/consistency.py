"""Consistency of new settings with those in force: pools, stores and items that they name, and units in use."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from commonshelf.config.names import check_name, unknown_name
from messaging.errors import UserError
from schemas.models.catalog import CatalogItem
from schemas.models.config import CodeMapping, ConfigChange, PoolSettings, StoreSettings
from schemas.types.catalog import CatalogItem as CatalogItemRow
from streams.catalog import PoolConfig
from streams.catalog.references import set_in_unit, unknown_reference

SettingsRecord = ConfigChange | CatalogItem
StockOf = Callable[[str, str], str | None]
"""(pool, SKU) → a store with goods of it; None for none."""


class UnitInUseError(UserError):
    """An item's unit that changes, or an item that becomes a kit, while there is stock or a setting of it."""


def in_order(records: Iterable[SettingsRecord]) -> list[SettingsRecord]:
    """Items, then pools, then stores, then what names them; each in the order given."""
    return sorted(records, key=_rank)


def _rank(record: SettingsRecord) -> int:
    if isinstance(record, CatalogItem):
        return 0
    return 1 if isinstance(record.change, PoolSettings) else 2 if isinstance(record.change, StoreSettings) else 3


def check_consistency(
    pools: Mapping[str, PoolConfig], configured: Iterable[str], records: Iterable[SettingsRecord], stock_of: StockOf
) -> None:
    """Raise UnknownNameError or UnitInUseError for the first record that does not fit what is there.

    `pools` has the settings in force, and takes the records; `configured` are the pools with settings of their own.
    """
    wanted = in_order(records)
    declared = {one.pool for one in wanted if isinstance(one, ConfigChange) and isinstance(one.change, PoolSettings)}
    known_pools = declared.union(configured)
    for record in wanted:
        check_name("pool", record.pool, known_pools)
        config = pools[record.pool]
        if isinstance(record, CatalogItem):
            _check_unit(config, record, stock_of)
            config.apply_item(cast("CatalogItemRow", record.to_avro()))
        else:
            _check_names(config, record)
            config.apply_change(record.to_avro()["change"])
    for record in wanted:
        if isinstance(record, CatalogItem):
            _check_other_items(pools[record.pool], record)


def _check_names(config: PoolConfig, record: ConfigChange) -> None:
    unknown = unknown_reference(config, record.to_avro()["change"])
    if unknown is None:
        return
    kind, name = unknown
    what, known = ("store", config.stores) if kind == "store" else ("item", config.items)
    raise unknown_name(what, name, known, f"pool {record.pool}", about=_told(record))


def _told(record: ConfigChange) -> str:
    change: Any = record.change
    if isinstance(change, CodeMapping):
        return f"what {change.code} means{'' if change.store is None else f' in store {change.store}'}"
    return _NAMES.get(type(change).__name__, "the setting")


_NAMES = {
    "ItemQuota": "the quota", "StoreItemSettings": "the store's terms for an item", "LentQuota": "the loan",
    "Agreement": "the agreement's list prices", "Dispute": "the dispute",
    "PickupPlace": "the place", "LocalCalendar": "the local calendar",
}  # fmt: skip


def _check_unit(config: PoolConfig, item: CatalogItem, stock_of: StockOf) -> None:
    known = config.items.get(item.sku)
    if known is None:
        return
    changes_unit = known["unit"] != item.unit.value
    if not changes_unit and not (item.parts and not known.get("parts")):
        return
    store, setting = stock_of(item.pool, item.sku), set_in_unit(config, item.sku)
    if store is not None:
        because = f"store {store} has stock of it; count it to 0 there first"
    elif setting is not None:
        because = f"{setting} is meant so; take that back first"
    else:
        return
    change = f"is counted in {known['unit']}, not in {item.unit.value}" if changes_unit else "is no kit"
    raise UnitInUseError(
        f"the item {item.sku} of pool {item.pool} {change}: {because}, or give the goods an SKU of their own"
    )


def _check_other_items(config: PoolConfig, item: CatalogItem) -> None:
    for what, named in (("part", [part.sku for part in item.parts]), ("substitute", item.substitutes)):
        for sku in named:
            if sku not in config.items:
                raise unknown_name("item", sku, config.items, f"pool {item.pool}", about=f"the {what} of {item.sku}")
