"""What an input means for a pool: `decide(state, input) -> Decision`. Pure: it reads the state and changes nothing."""

from collections.abc import Callable
from typing import Any, NamedTuple

from schemas.models import LINES_MAX, QUANTITY_MAX_MILLI
from streams.pool import reasons
from streams.pool.seen import Event
from streams.pool.shelf import Shelf, moved_after
from streams.pool.state import PoolState, ShelfKey

Line = dict[str, Any]
Fact = tuple[str, dict[str, Any]]
"""(Avro name of the fact, its fields)"""

_SALE_SIGN = {"sale": -1, "return": 1, "return_not_restocked": 0, "void": 1}
_MOVING_REPORTS = ("opening", "received", "adjusted")


class Decision(NamedTuple):
    """The fact for the journal, and the lines for the dead-letter topic, each with its reason."""

    fact: Fact
    set_aside: list[tuple[Line, str]]


def decide_sale(state: PoolState, sale: Event, appended_at_ms: int) -> Decision:
    """A till transaction. Its lines take goods away or bring them back."""
    refused = _refuse(state, sale, appended_at_ms)
    if refused is not None:
        return refused
    fact = _head("sale", sale)
    fact["order_ref"] = sale["order_ref"]
    fact["currency"] = sale["currency"]
    return _decide_movement(state, fact, sale["lines"], _sale_delta)


def decide_stock(state: PoolState, report: Event, appended_at_ms: int) -> Decision:
    """A stock report: a movement, a count, or a level."""
    refused = _refuse(state, report, appended_at_ms)
    if refused is not None:
        return refused
    kind = report["kind"]
    fact = _head(kind, report)
    lines = report["lines"]
    if kind in _MOVING_REPORTS:
        for line in lines:
            line["kind"] = line["reason"] or kind
        fact["order_ref"] = fact["currency"] = None
        return _decide_movement(state, fact, lines, _adjusted_delta if kind == "adjusted" else _received_delta)
    for line in lines:
        line["kind"] = kind
    return _decide_count(state, fact, lines)


def _refuse(state: PoolState, event: Event, appended_at_ms: int) -> Decision | None:
    """Set the whole event aside when its head is not acceptable."""
    settings = state.catalog.pool
    occurred, recorded = event["occurred_at_ms"], event["recorded_at_ms"]
    skew = settings["future_skew_ms"]
    if event["store"] not in state.catalog.stores:
        reason = reasons.UNKNOWN_STORE
    elif occurred > recorded + skew or recorded > appended_at_ms + skew:
        reason = reasons.IN_THE_FUTURE
    elif recorded - occurred > settings["late_limit_ms"] or occurred < 0:
        reason = reasons.TOO_LATE
    elif not 0 < len(event["lines"]) <= LINES_MAX:
        reason = reasons.TOO_MANY_LINES
    else:
        return None
    return reject(event, reason)


def reject(event: Event, reason: str) -> Decision:
    """Set a whole event aside."""
    fact = {"store": event["store"], "reason": reason, "lines": len(event["lines"])}
    return Decision(("commonshelf.Rejected", fact), [(line, reason) for line in event["lines"]])


def _head(kind: str, event: Event) -> dict[str, Any]:
    source = event["source"]
    return {
        "kind": kind, "store": event["store"], "system": source["system"], "source_id": source["id"],
        "version": source["version"], "occurred_at_ms": event["occurred_at_ms"],
        "recorded_at_ms": event["recorded_at_ms"], "duplicate_lines": 0, "stale_lines": 0, "quarantined": [],
    }  # fmt: skip


def _sale_delta(line: Line) -> int | None:
    quantity: int = line["quantity_milli"]
    return _SALE_SIGN[line["kind"]] * quantity if 0 < quantity <= QUANTITY_MAX_MILLI else None


def _received_delta(line: Line) -> int | None:
    quantity: int = line["quantity_milli"]
    return quantity if 0 <= quantity <= QUANTITY_MAX_MILLI else None


def _adjusted_delta(line: Line) -> int | None:
    quantity: int = line["quantity_milli"]
    return quantity if -QUANTITY_MAX_MILLI <= quantity <= QUANTITY_MAX_MILLI else None


def _decide_movement(
    state: PoolState, fact: dict[str, Any], lines: list[Line], delta_of: Callable[[Line], int | None]
) -> Decision:
    set_aside: list[tuple[Line, str]] = []
    before = state.seen.find(fact)
    fact["reversed"] = []
    if before is not None or len(lines) > 1:
        lines = _unseen(before, fact, lines, set_aside)
    kept: list[Line] = []
    catalog, store = state.catalog, fact["store"]
    for line in lines:
        sku = catalog.resolve(store, line["code"])
        if sku is None:
            set_aside.append((line, reasons.UNMAPPED_CODE))
            continue
        unit = catalog.unit(sku)
        delta = delta_of(line)
        if unit is None or unit != line["unit"] or delta is None:
            set_aside.append((line, _why_not(unit, delta)))
            continue
        line["sku"] = sku
        line["delta_milli"] = delta
        kept.append(line)
    fact["lines"] = kept
    if set_aside:
        fact["quarantined"] = [{"line_id": line["line_id"], "reason": reason} for line, reason in set_aside]
    if before is not None and fact["version"] > before["version"]:
        fact["reversed"] = [
            {
                "sku": line["sku"], "kind": line["kind"],
                "occurred_at_ms": before["occurred_at_ms"], "delta_milli": -line["delta_milli"],
            }
            for line in before["lines"]
        ]  # fmt: skip
    return Decision(("commonshelf.Moved", fact), set_aside)


def _why_not(unit: str | None, delta: int | None) -> str:
    if unit is None:
        return reasons.UNKNOWN_ITEM
    return reasons.BAD_QUANTITY if delta is None else reasons.WRONG_UNIT


def _unseen(
    before: Event | None, fact: dict[str, Any], lines: list[Line], set_aside: list[tuple[Line, str]]
) -> list[Line]:
    """The lines that were not applied before; repeats are counted in `fact`, contradictions set aside.

    The lines of one version are a union: a line set aside and sent again is applied then. A higher version
    replaces the lower one whole. A lower one is stale.
    """
    known: dict[str, Line] = {}
    conflicting = False
    if before is not None and fact["version"] <= before["version"]:
        if fact["version"] < before["version"]:
            fact["stale_lines"] = len(lines)
            return []
        known = {line["line_id"]: line for line in before["lines"]}
        conflicting = fact["occurred_at_ms"] != before["occurred_at_ms"]
    fresh: dict[str, Line] = {}
    for line in lines:
        line_id = line["line_id"]
        same = known.get(line_id) or fresh.get(line_id)
        if same is None and not conflicting:
            fresh[line_id] = line
        elif not conflicting and same is not None and _says_the_same(same, line):
            fact["duplicate_lines"] += 1
        else:
            set_aside.append((line, reasons.CONFLICT))
    return list(fresh.values())


def _says_the_same(one: Line, other: Line) -> bool:
    return bool(
        one["code"] == other["code"]
        and one["quantity_milli"] == other["quantity_milli"]
        and one["kind"] == other["kind"]
    )


def _decide_count(state: PoolState, fact: dict[str, Any], lines: list[Line]) -> Decision:
    set_aside: list[tuple[Line, str]] = []
    lines = _unseen(state.seen.find(fact), fact, lines, set_aside)
    store, as_of_ms = fact["store"], fact["occurred_at_ms"]
    catalog = state.catalog
    is_level = fact["kind"] == "level"
    is_evidence = is_level and catalog.stores[store]["reports_sales"]
    kept: dict[str, Line] = {}
    for line in lines:
        quantity = line["quantity_milli"]
        sku = catalog.resolve(store, line["code"])
        if sku is None:
            set_aside.append((line, reasons.UNMAPPED_CODE))
            continue
        unit = catalog.unit(sku)
        bad = abs(quantity) > QUANTITY_MAX_MILLI or (quantity < 0 and not is_level)
        if unit is None or unit != line["unit"] or bad:
            set_aside.append((line, _why_not(unit, None if bad else quantity)))
            continue
        if sku in kept:  # two codes of one item, or one item counted twice in one report: which of them is true?
            set_aside.append((line, reasons.CONFLICT))
            continue
        shelf = state.tables.shelves.get((state.pool, sku, store))
        books = 0 if shelf is None else books_as_of(state, (state.pool, sku, store), shelf, as_of_ms)
        line["sku"] = sku
        line["delta_milli"] = 0
        line["drift_milli"] = quantity - books
        line["applied"] = not is_evidence and (shelf is None or as_of_ms >= shelf["counted_at_ms"])
        kept[sku] = line
    fact["lines"] = list(kept.values())
    fact["quarantined"] = [{"line_id": line["line_id"], "reason": reason} for line, reason in set_aside]
    return Decision(("commonshelf.Counted", fact), set_aside)


def books_as_of(state: PoolState, key: ShelfKey, shelf: Shelf, as_of_ms: int) -> int:
    """What the books say the shelf held at `as_of_ms`: on hand less the movements that occurred later."""
    later = moved_after(shelf["recent"], as_of_ms)
    for number in range(shelf["first_block"], shelf["next_block"]):
        later += moved_after(state.tables.blocks.get((key, number)) or b"", as_of_ms)
    return shelf["on_hand_milli"] - later
