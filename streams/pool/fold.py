"""How a fact changes a pool: `fold(state, fact)`. The only place where a pool's state changes."""

from typing import Any

from streams.pool.decide import Fact
from streams.pool.seen import MARGIN_MS, Event
from streams.pool.shelf import BLOCK_BYTES, Shelf, empty_shelf, keep_after, move, newest
from streams.pool.state import PoolState, ShelfKey, config_key


def fold(state: PoolState, fact: Fact, number: int, appended_at_ms: int) -> None:
    """Apply journal entry `number`. Raises ValueError for a fact of an unknown kind."""
    kind, fields = fact
    row = state.row
    row["number"] = number
    state.tables.pools.put(state.pool, row)
    match kind:
        case "commonshelf.Moved":
            _fold_moved(state, fields, number, appended_at_ms)
        case "commonshelf.Counted":
            _fold_counted(state, fields, number, appended_at_ms)
        case "commonshelf.ClockAdvanced":
            if fields["at_ms"] > row["clock_ms"]:
                row["clock_ms"] = fields["at_ms"]
                state.seen.expire(state.catalog.pool["late_limit_ms"])
        case "commonshelf.ConfigChange":
            _fold_config(state, fields)
        case "commonshelf.CatalogItem":
            state.catalog.apply_item(fields)
            state.tables.items.put(f"{fields['pool']}/{fields['sku']}", fields)
            state.stale_terms.add((fields["sku"], None))
        case "commonshelf.Rejected":
            row["lines_quarantined"] += fields["lines"]
        case "commonshelf.Parked":
            pass
        case _:
            raise ValueError(f"unknown fact {kind}")


def _fold_moved(state: PoolState, fact: dict[str, Any], number: int, appended_at_ms: int) -> None:
    occurred = fact["occurred_at_ms"]
    recorded = fact["recorded_at_ms"]
    store, pool, shelves = fact["store"], state.pool, state.tables.shelves
    for line in fact["reversed"]:
        key = (pool, line["sku"], store)
        shelf = shelves.get(key) or empty_shelf()
        move(shelf, line["occurred_at_ms"], line["delta_milli"])
        if line["kind"] == "sale":
            shelf["used_milli"] -= line["delta_milli"]
        _touch(state, key, shelf, recorded, appended_at_ms, number)
    for line in fact["lines"]:
        key = (pool, line["sku"], store)
        shelf = shelves.get(key) or empty_shelf()
        delta = line["delta_milli"]
        move(shelf, occurred, delta)
        if line["kind"] == "sale":
            shelf["used_milli"] -= delta
        _touch(state, key, shelf, recorded, appended_at_ms, number)
    _remember(state, fact)


def _fold_counted(state: PoolState, fact: dict[str, Any], number: int, appended_at_ms: int) -> None:
    as_of_ms = fact["occurred_at_ms"]
    for line in fact["lines"]:
        key = (state.pool, line["sku"], fact["store"])
        shelf = state.tables.shelves.get(key) or empty_shelf()
        if line["applied"]:
            shelf["on_hand_milli"] += line["drift_milli"]
            shelf["counted_at_ms"] = as_of_ms
            shelf["counted_milli"] = line["quantity_milli"]
            shelf["negatives"] = shelf["drift_milli"] = 0
            _forget_before(state, key, shelf, as_of_ms)
        elif line["kind"] == "level":
            shelf["drift_milli"] = line["drift_milli"]
        _touch(state, key, shelf, fact["recorded_at_ms"], appended_at_ms, number)
    _remember(state, fact)


def _touch(
    state: PoolState, key: ShelfKey, shelf: Shelf, recorded_at_ms: int, appended_at_ms: int, number: int
) -> None:
    shelf["recorded_at_ms"] = recorded_at_ms
    shelf["appended_at_ms"] = appended_at_ms
    shelf["number"] = number
    if len(shelf["recent"]) >= BLOCK_BYTES:
        _seal_block(state, key, shelf)
    state.tables.shelves.put(key, shelf)


def _seal_block(state: PoolState, key: ShelfKey, shelf: Shelf) -> None:
    """Put the recent movements apart, and drop blocks that are older than any count may be."""
    blocks = state.tables.blocks
    blocks.put((key, shelf["next_block"]), shelf["recent"])
    shelf["recent"] = b""
    shelf["next_block"] += 1
    oldest_ms = shelf["recorded_at_ms"] - state.catalog.pool["late_limit_ms"] - MARGIN_MS
    while shelf["first_block"] < shelf["next_block"] - 1:
        if newest(blocks.get((key, shelf["first_block"])) or b"") >= oldest_ms:
            return
        blocks.delete((key, shelf["first_block"]))
        shelf["first_block"] += 1


def _forget_before(state: PoolState, key: ShelfKey, shelf: Shelf, as_of_ms: int) -> None:
    """Drop the movements that a count as of `as_of_ms` has seen; the rest become one run again."""
    blocks = state.tables.blocks
    kept = []
    for number in range(shelf["first_block"], shelf["next_block"]):
        kept.append(keep_after(blocks.get((key, number)) or b"", as_of_ms))
        blocks.delete((key, number))
    kept.append(keep_after(shelf["recent"], as_of_ms))
    shelf["recent"] = b"".join(kept)
    shelf["first_block"] = shelf["next_block"]


def _remember(state: PoolState, fact: Event) -> None:
    row = state.row
    lines = fact["lines"]
    row["lines_applied"] += len(lines)
    row["lines_duplicate"] += fact["duplicate_lines"]
    row["lines_stale"] += fact["stale_lines"]
    row["lines_quarantined"] += len(fact["quarantined"])
    if fact["stale_lines"]:
        return
    before = state.seen.find(fact)
    if before is not None and before["version"] == fact["version"]:
        if not lines:
            return
        state.seen.remember(fact, {**fact, "lines": before["lines"] + lines})
    elif before is not None or lines:
        state.seen.remember(fact, fact)


def _fold_config(state: PoolState, fields: dict[str, Any]) -> None:
    kind, change = fields["change"]
    catalog = state.catalog
    if kind == "commonshelf.StoreSettings":
        known = catalog.stores.get(change["store"])
        if known is not None and known != change:
            state.stale_terms.add((None, change["store"]))
    elif kind == "commonshelf.StoreItemSettings":
        _start_contribution(state, change)
        state.stale_terms.add((change["sku"], change["store"]))
    catalog.apply_change(kind, change)
    state.tables.config.put(config_key(fields), fields)


def _start_contribution(state: PoolState, change: dict[str, Any]) -> None:
    """A fixed contribution counts the sales since it was set."""
    key = (state.pool, change["sku"], change["store"])
    shelf = state.tables.shelves.get(key)
    if shelf is not None:
        shelf["used_milli"] = 0
        state.tables.shelves.put(key, shelf)
