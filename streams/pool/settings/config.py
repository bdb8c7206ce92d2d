"""Settings of a pool and its product master: those that stand are journaled, and folded into what the pool knows."""

from typing import Any, cast

from schemas.codec import BadMessage
from schemas.models.catalog import CatalogItem as CheckedItem
from schemas.models.config import ConfigChange as CheckedChange
from schemas.types.catalog import CatalogItem
from schemas.types.config import ConfigChange, StoreItemSettings
from schemas.types.journal import Fact
from schemas.types.stock import Parked
from streams.catalog.references import unknown_reference
from streams.catalog.standing import stands, told_at_ms
from streams.pool.aggregate import Entry
from streams.pool.journal import dead_letter_reasons as reasons
from streams.pool.journal.facts import CATALOG_ITEM, CONFIG_CHANGE
from streams.pool.orders.quotas import start_quota
from streams.pool.settings import membership
from streams.pool.settings.units import begin_anew, counted_in_unit
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


def decide_change(state: PoolState, change: ConfigChange, appended_at_ms: int) -> Fact:
    """A setting is a fact. Raises BadMessage for one told before the one in force, or that names what is not there."""
    told_ms = told_at_ms(change["recorded_at_ms"], appended_at_ms)
    _check_stands(told_ms, state.tables[CONFIG].get(_checked(change).key))
    unknown = unknown_reference(state.config, change["change"])
    if unknown is not None:
        kind, name = unknown
        setting = change["change"][0].rpartition(".")[2]
        reason = reasons.UNKNOWN_STORE if kind == "store" else reasons.UNKNOWN_ITEM
        raise BadMessage(reason, f"{setting} names the {kind} {name}, which the pool has not; publish it, then replay")
    told: ConfigChange = {**change, "recorded_at_ms": told_ms}
    return CONFIG_CHANGE, told


def decide_item(state: PoolState, item: CatalogItem, appended_at_ms: int) -> Fact:
    """The same of an item. Raises BadMessage also for another unit, or a kit, while it has stock as it is."""
    told_ms = told_at_ms(item["recorded_at_ms"], appended_at_ms)
    _check_stands(told_ms, state.tables[ITEMS].get(_item_key(item)))
    _check_unit(state, item)
    _check_kit(state, item)
    told: CatalogItem = {**item, "recorded_at_ms": told_ms}
    return CATALOG_ITEM, told


def _check_unit(state: PoolState, item: CatalogItem) -> None:
    sku, known = item["sku"], state.config.items.get(item["sku"])
    if known is None:
        return
    changes_unit = known["unit"] != item["unit"]
    becomes_kit = bool(item.get("parts")) and not known.get("parts")
    in_unit = counted_in_unit(state, sku) if changes_unit or becomes_kit else None
    if in_unit is not None and changes_unit:
        told = f"{sku} is counted in {known['unit']}, and {in_unit} would mean something else in {item['unit']}"
        raise BadMessage(reasons.WRONG_UNIT, told)
    if in_unit is not None:
        raise BadMessage(reasons.BAD_KIT, f"{sku} is no kit as long as there is of it: {in_unit}")


def _check_kit(state: PoolState, item: CatalogItem) -> None:
    """A kit holds items, and no kit: which of both came last is refused. Items that are not known yet may come."""
    sku, items = item["sku"], state.config.items
    for part in item.get("parts", ()):
        known = items.get(part["sku"])
        if known is not None and known.get("parts"):
            raise BadMessage(reasons.BAD_KIT, f"{sku} has {part['sku']} in it, which is a kit: name what is in that")
    if item.get("parts"):
        kit = state.config.kit_with(sku)
        if kit is not None:
            raise BadMessage(reasons.BAD_KIT, f"{sku} is a part of {kit}, and a kit is no part of another")


def _check_stands(told_ms: int, in_force: ConfigChange | CatalogItem | None) -> None:
    if in_force is not None and not stands(told_ms, in_force["recorded_at_ms"]):
        since_ms = in_force["recorded_at_ms"]
        raise BadMessage(reasons.TOO_LATE, f"recorded at {told_ms}, and another of {since_ms} is in force: set it anew")


def _item_key(item: CatalogItem) -> str:
    return f"{item['pool']}/{item['sku']}"


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
    if new[0] == "commonshelf.StoreSettings":
        membership.start(state, new[1]["store"])
    elif new[0] == "commonshelf.PoolSettings":  # whose calendar it is may be another
        for store in config.stores:
            membership.start(state, store)
    state.tables[CONFIG].put(_checked(change).key, change)


def _start_contribution(state: PoolState, terms: StoreItemSettings) -> None:
    """A fixed contribution counts the sales since it was set; told again unchanged, it goes on counting."""
    key = (state.pool, terms["sku"], terms["store"])
    shelf = state.shelves.get(key)
    if shelf is not None:
        shelf.used_milli = 0
        state.shelves.put(key, shelf)


def fold_item(state: PoolState, item: CatalogItem, entry: Entry) -> None:
    """Take an item of the product master."""
    known = state.config.items.get(item["sku"])
    state.config.apply_item(item)
    state.tables[ITEMS].put(_item_key(item), item)
    if known is None or known["unit"] != item["unit"]:
        state.stale_terms.add(item["sku"], None)
    if known is not None and known["unit"] != item["unit"]:
        begin_anew(state, item["sku"], entry.appended_at_ms)


def fold_parked(_: PoolState, __: Parked, ___: Entry) -> None:
    """A record that the workers stepped over is journaled, and changes nothing."""
