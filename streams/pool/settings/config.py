"""Settings of a pool and its product master: they are journaled as they come, and folded into what the pool knows."""

from typing import Any, cast

from schemas.models.catalog import CatalogItem as CheckedItem
from schemas.models.config import ConfigChange as CheckedChange
from schemas.types.catalog import CatalogItem
from schemas.types.config import ConfigChange, StoreItemSettings
from schemas.types.journal import Fact
from schemas.types.stock import Parked
from streams.pool.aggregate import Entry
from streams.pool.journal.facts import CATALOG_ITEM, CONFIG_CHANGE
from streams.pool.orders.quotas import start_quota
from streams.pool.state.part import Pool
from streams.pool.state.pool_state import PoolState
from streams.pool.state.tables import TableSpec


def _load_change(state: Pool, change: ConfigChange) -> None:
    state.config.apply_change(change["change"])


def _load_item(state: Pool, item: CatalogItem) -> None:
    state.config.apply_item(item)


CONFIG: TableSpec[str, ConfigChange] = TableSpec(
    "config", "ConfigChange", name=str, cached_rows_max=0, load=_load_change
)
ITEMS: TableSpec[str, CatalogItem] = TableSpec("item", "CatalogItem", name=str, cached_rows_max=0, load=_load_item)


def check_change(change: ConfigChange) -> None:
    """Settings are rare: the whole model checks them. Raises ValueError."""
    _checked(change)


def _checked(change: ConfigChange) -> CheckedChange:
    return CheckedChange.from_avro(cast("dict[str, Any]", change))


def check_item(item: CatalogItem) -> None:
    """The same of an item."""
    CheckedItem.model_validate(item)


def decide_change(_: PoolState, change: ConfigChange, __: int) -> Fact:
    """A setting is a fact as it comes."""
    return CONFIG_CHANGE, change


def decide_item(_: PoolState, item: CatalogItem, __: int) -> Fact:
    """An item is a fact as it comes."""
    return CATALOG_ITEM, item


def fold_change(state: PoolState, change: ConfigChange, _: Entry) -> None:
    """Take a setting; what it changes for shelves is published anew."""
    config, new = state.config, change["change"]
    if new[0] == "commonshelf.StoreSettings":
        known = config.stores.get(new[1]["store"])
        if known is not None and known != new[1]:
            state.stale_terms.add(None, new[1]["store"])
    elif new[0] == "commonshelf.StoreItemSettings":
        terms = new[1]
        state.stale_terms.add(terms["sku"], terms["store"])
        if terms["contribution"] != config.own_contribution(terms["store"], terms["sku"]):
            _start_contribution(state, terms)
    elif new[0] == "commonshelf.ItemQuota":
        start_quota(state, new[1])
    config.apply_change(new)
    state.tables[CONFIG].put(_checked(change).key, change)


def _start_contribution(state: PoolState, terms: StoreItemSettings) -> None:
    """A fixed contribution counts the sales since it was set; told again unchanged, it goes on counting."""
    key = (state.pool, terms["sku"], terms["store"])
    shelf = state.shelves.get(key)
    if shelf is not None:
        shelf.used_milli = 0
        state.shelves.put(key, shelf)


def fold_item(state: PoolState, item: CatalogItem, _: Entry) -> None:
    """Take an item of the product master."""
    known = state.config.items.get(item["sku"])
    state.config.apply_item(item)
    state.tables[ITEMS].put(f"{item['pool']}/{item['sku']}", item)
    if known is None or known["unit"] != item["unit"]:
        state.stale_terms.add(item["sku"], None)


def fold_parked(_: PoolState, __: Parked, ___: Entry) -> None:
    """A record that the workers stepped over is journaled, and changes nothing."""
