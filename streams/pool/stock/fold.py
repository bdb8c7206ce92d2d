"""Folding of facts into a pool: `fold(state, fact)`. The only place where a pool's state changes."""

from typing import Any

from streams.pool.journal.facts import (
    CATALOG_ITEM,
    CONFIG_CHANGE,
    COUNT_WITHDRAWN,
    PARKED,
    REJECTED,
    SALE_RECORDED,
    STOCK_REPORT_RECORDED,
    TICK,
    Fact,
    Fields,
    encode_fact,
)
from streams.pool.lending.fold import LENDING_FACTS, fold_lending
from streams.pool.orders.fold import ORDER_FACTS, fold_orders, forget_ended
from streams.pool.orders.quotas import start_quota
from streams.pool.state.dedup import Known
from streams.pool.state.pool_state import PoolState, ShelfKey, config_key
from streams.pool.state.reaction_limit import STOPPED
from streams.pool.state.shelf import Shelf, keep_after
from streams.pool.state.shelf_writes import note_fall, touch

_TILL_KINDS = ("sale", "return", "void")
"""Lines that use a fixed contribution up, or give back what was used."""


def fold(state: PoolState, fact: Fact, encoded: bytes, appended_at_ms: int, known: Known | None = None) -> None:
    """Apply the next journal entry. Raises ValueError for a fact of an unknown kind.

    `encoded` is the fact's own encoding; `known` what `state.seen` says of its event, when the caller asked already.
    """
    kind, fields = fact
    row = state.row
    row["position"] += 1
    state.tables.pools.put(state.pool, row)
    if kind in (SALE_RECORDED, STOCK_REPORT_RECORDED):
        _fold_taken(state, fields, appended_at_ms)
        if kind == STOCK_REPORT_RECORDED:
            _fold_counted(state, fields, appended_at_ms)
        _remember(state, kind, fields, encoded, known or state.seen.look_up(kind, fields["event"]))
    elif kind == TICK:
        if fields["at_ms"] > row["clock_ms"]:
            row["clock_ms"] = fields["at_ms"]
            state.seen.expire(state.catalog.pool["late_limit_ms"])
            forget_ended(state)
    elif kind == CONFIG_CHANGE:
        _fold_config(state, fields)
    elif kind == CATALOG_ITEM:
        _fold_item(state, fields)
    elif kind == REJECTED:
        row["lines_quarantined"] += fields["lines"]
    elif kind in ORDER_FACTS or kind in LENDING_FACTS:
        if kind in ORDER_FACTS or "order" in fields:
            fold_orders(state, kind, fields, appended_at_ms)
        if kind in LENDING_FACTS:
            fold_lending(state, kind, fields, appended_at_ms)
        if fields.get("kind") == STOPPED:
            row["reactions_stopped"] += 1
    elif kind != PARKED:
        raise ValueError(f"unknown fact {kind}")


def _fold_taken(state: PoolState, fields: Fields, appended_at_ms: int) -> None:
    event = fields["event"]
    occurred, store, lines = event["occurred_at_ms"], event["store"], event["lines"]
    pool, shelves = state.pool, state.tables.shelves
    touched: dict[ShelfKey, tuple[Shelf, int, bool]] = {}  # with what was there before: only the sum of lines counts
    for line in fields["reversed"]:
        key = (pool, line["sku"], store)
        shelf = shelves.get(key) or Shelf()
        touched.setdefault(key, (shelf, shelf.on_hand_milli, shelf.position > 0))
        if line["kind"] == COUNT_WITHDRAWN:
            shelf.short_picks += 1
            state.doubted[key] = COUNT_WITHDRAWN
        else:
            shelf.move(line["occurred_at_ms"], line["delta_milli"])
        if line["kind"] in _TILL_KINDS:
            shelf.used_milli -= line["delta_milli"]
        shelf.recorded_at_ms = event["recorded_at_ms"]
        touch(state, key, shelf, appended_at_ms)
    for line in fields["applied"]:
        key = (pool, line["sku"], store)
        shelf = shelves.get(key) or Shelf()
        touched.setdefault(key, (shelf, shelf.on_hand_milli, shelf.position > 0))
        shelf.move(occurred, line["delta_milli"])
        if lines[line["line"]].get("kind") in _TILL_KINDS:
            shelf.used_milli -= line["delta_milli"]
        shelf.recorded_at_ms = event["recorded_at_ms"]
        touch(state, key, shelf, appended_at_ms)
    for key, (shelf, before_milli, is_known) in touched.items():
        note_fall(state, key, shelf, before_milli, is_known=is_known)


def _fold_counted(state: PoolState, fields: Fields, appended_at_ms: int) -> None:
    event = fields["event"]
    as_of_ms = event["occurred_at_ms"]
    for line in fields["counted"]:
        key = (state.pool, line["sku"], event["store"])
        shelf = state.tables.shelves.get(key) or Shelf()
        if line["applied"]:
            shelf.on_hand_milli += line["drift_milli"]
            shelf.counted_at_ms = as_of_ms
            shelf.counted_milli = event["lines"][line["line"]]["quantity_milli"]
            shelf.negatives = shelf.short_picks = shelf.drift_milli = 0
            state.doubted.pop(key, None)
            _forget_before(state, key, shelf, as_of_ms)
        elif event["kind"] == "level" and as_of_ms >= shelf.counted_at_ms:
            shelf.drift_milli = line["drift_milli"]
        shelf.recorded_at_ms = event["recorded_at_ms"]
        touch(state, key, shelf, appended_at_ms)


def _forget_before(state: PoolState, key: ShelfKey, shelf: Shelf, as_of_ms: int) -> None:
    """Drop the movements that a count as of `as_of_ms` has seen; the rest become one run again."""
    blocks = state.tables.blocks
    kept = []
    for number in range(shelf.first_block, shelf.next_block):
        kept.append(keep_after(blocks.get((key, number)) or b"", as_of_ms))
        blocks.delete((key, number))
    kept.append(keep_after(shelf.recent, as_of_ms))
    shelf.recent = b"".join(kept)
    shelf.first_block = shelf.next_block


def _remember(state: PoolState, kind: str, fields: Fields, encoded: bytes, known: Known) -> None:
    row, event = state.row, fields["event"]
    applied = len(fields["applied"])
    if kind == STOCK_REPORT_RECORDED:
        applied += len(fields["counted"])
    row["lines_applied"] += applied
    row["lines_duplicate"] += fields["duplicate_lines"]
    row["lines_stale"] += fields["stale_lines"]
    row["lines_quarantined"] += len(fields["quarantined"])
    key, before = known
    if fields["stale_lines"]:
        return
    # Also when every line was set aside: an older version that comes later must stay out.
    if before is None or event["source"]["version"] > before["event"]["source"]["version"]:
        state.seen.remember(key, event["recorded_at_ms"], encoded)
    elif applied:
        state.seen.remember(key, event["recorded_at_ms"], encode_fact((kind, _union(before, fields))))


def _union(before: Fields, fields: Fields) -> Fields:
    """One fact with the lines that were applied of both, which are of the same version."""
    lines: list[Fields] = []
    union = {**fields, "event": {**fields["event"], "lines": lines}, "duplicate_lines": 0, "quarantined": []}
    for name in ("applied", "counted"):
        if name in fields:
            union[name] = []
            for part in (before, fields):
                for line in part[name]:
                    union[name].append({**line, "line": len(lines)})
                    lines.append(part["event"]["lines"][line["line"]])
    return union


def _fold_config(state: PoolState, fields: dict[str, Any]) -> None:
    kind, change = fields["change"]
    catalog = state.catalog
    if kind == "commonshelf.StoreSettings":
        known = catalog.stores.get(change["store"])
        if known is not None and known != change:
            state.stale_terms.add((None, change["store"]))
    elif kind == "commonshelf.StoreItemSettings":
        state.stale_terms.add((change["sku"], change["store"]))
        if change["contribution"] != catalog.own_contribution(change["store"], change["sku"]):
            _start_contribution(state, change)
    elif kind == "commonshelf.ItemQuota":
        start_quota(state, change)
    catalog.apply_change(kind, change)
    state.tables.config.put(config_key(fields), fields)


def _start_contribution(state: PoolState, change: dict[str, Any]) -> None:
    """A fixed contribution counts the sales since it was set; told again unchanged, it goes on counting."""
    key = (state.pool, change["sku"], change["store"])
    shelf = state.tables.shelves.get(key)
    if shelf is not None:
        shelf.used_milli = 0
        state.tables.shelves.put(key, shelf)


def _fold_item(state: PoolState, fields: Fields) -> None:
    known = state.catalog.items.get(fields["sku"])
    state.catalog.apply_item(fields)
    state.tables.items.put(f"{fields['pool']}/{fields['sku']}", fields)
    if known is None or known["unit"] != fields["unit"]:
        state.stale_terms.add((fields["sku"], None))
