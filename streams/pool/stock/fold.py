"""Folds facts into the shelves of a pool: goods come and go, counts set the books, reports correct them."""

from collections.abc import Sequence

from schemas.types.orders import FulfilmentReportDecided
from schemas.types.pos import SaleLine, StockLine
from schemas.types.stock import Correction, Rejected, SaleRecorded, StockReportRecorded
from schemas.types.transfers import TransferChanged
from streams.pool.aggregate import Entry
from streams.pool.journal.facts import COUNT_WITHDRAWN, SALE_RECORDED, STOCK_REPORT_RECORDED, own_line_count
from streams.pool.orders.ring_up import orders_rung_up
from streams.pool.state.agenda import COUNTED, DOUBTED, RUNG_UP
from streams.pool.state.pool_state import PoolState
from streams.pool.state.shelf import Shelf, ShelfKey
from streams.pool.state.shelf_writes import forget_before, move, note_fall, put_shelf
from streams.pool.stock.revisions import is_newer, placed, standing_beside

_TILL_KINDS = ("sale", "return", "void")
"""Lines that use a fixed contribution up, or give back what was used."""


def fold_sale(state: PoolState, fact: SaleRecorded, entry: Entry) -> None:
    """A sale: goods leave the shelves, or come back."""
    _move_goods(state, fact, fact["event"]["lines"], entry)
    known = state.dedup.look_up(SALE_RECORDED, fact["event"])
    before = state.dedup.sale_before(fact["event"])
    _count_lines(state, fact, own_line_count(fact["applied"]))
    for name in orders_rung_up(fact):
        state.agenda[RUNG_UP][name] = fact
    if fact["stale_lines"]:
        return
    # Also when every line was set aside: an older version that comes later must stay out.
    if before is None or is_newer(fact["event"], before):
        state.dedup.remember(known.key, fact["event"]["recorded_at_ms"], entry.encoded)
    elif fact["applied"]:
        union = state.tables.facts.encode((SALE_RECORDED, _sale_union(before, fact)))
        state.dedup.remember(known.key, fact["event"]["recorded_at_ms"], union)


def fold_report(state: PoolState, fact: StockReportRecorded, entry: Entry) -> None:
    """A stock report: goods come and go, or a count sets the books."""
    event = fact["event"]
    _move_goods(state, fact, event["lines"], entry)
    _fold_counted(state, fact, entry)
    known, before = state.dedup.look_up(STOCK_REPORT_RECORDED, event), state.dedup.report_before(event)
    _count_lines(state, fact, own_line_count(fact["applied"]) + len(fact["counted"]))
    counted = [line["sku"] for line in fact["counted"] if line["applied"]]
    if counted:
        state.agenda[COUNTED][event["store"]] = counted
    if fact["stale_lines"]:
        return
    if before is None or is_newer(fact["event"], before):
        state.dedup.remember(known.key, event["recorded_at_ms"], entry.encoded)
    elif fact["applied"] or fact["counted"]:
        union = state.tables.facts.encode((STOCK_REPORT_RECORDED, _report_union(before, fact)))
        state.dedup.remember(known.key, event["recorded_at_ms"], union)


def fold_rejected(state: PoolState, fact: Rejected, _: Entry) -> None:
    """An event that was set aside whole is counted, and changes nothing else."""
    state.row["lines_quarantined"] += fact["lines"]


def fold_corrections(state: PoolState, fact: FulfilmentReportDecided | TransferChanged, entry: Entry) -> None:
    """Corrections of the books: what a report says was handed over, sent, received, damaged or not found."""
    for correction in fact["corrections"]:
        _correct(state, correction, entry.appended_at_ms)


def _correct(state: PoolState, correction: Correction, appended_at_ms: int) -> None:
    key = (state.pool, correction["sku"], correction["store"])
    shelf = state.shelves.get(key) or Shelf()
    if correction["kind"] == "not_found":
        shelf.short_picks += 1
        if correction["occurred_at_ms"] > shelf.counted_at_ms:  # else the count has looked since
            shelf.not_found_milli += correction["not_found_milli"]
            shelf.not_found_at_ms = max(shelf.not_found_at_ms, correction["occurred_at_ms"])
    else:
        move(state, key, shelf, correction["occurred_at_ms"], correction["delta_milli"])
    if correction["kind"] in ("collected", "shipped"):
        shelf.used_milli -= correction["delta_milli"]
    put_shelf(state, key, shelf, appended_at_ms)


def _move_goods(
    state: PoolState, fact: SaleRecorded | StockReportRecorded, lines: Sequence[SaleLine | StockLine], entry: Entry
) -> None:
    event = fact["event"]
    occurred, store = event["occurred_at_ms"], event["store"]
    pool, shelves = state.pool, state.shelves
    before: dict[ShelfKey, tuple[Shelf, int, bool]] = {}  # what was there: only the sum of the lines counts
    for line in fact["reversed"]:
        key = (pool, line["sku"], store)
        shelf = shelves.get(key) or Shelf()
        before.setdefault(key, (shelf, shelf.on_hand_milli, shelf.position > 0))
        if line["kind"] == COUNT_WITHDRAWN:
            shelf.short_picks += 1
            state.agenda[DOUBTED][key] = COUNT_WITHDRAWN
        else:
            shelf.move(line["occurred_at_ms"], line["delta_milli"])
        if line["kind"] in _TILL_KINDS:
            shelf.used_milli -= line["delta_milli"]
        shelf.recorded_at_ms = event["recorded_at_ms"]
        put_shelf(state, key, shelf, entry.appended_at_ms)
    for applied in fact["applied"]:
        key = (pool, applied["sku"], store)
        shelf = shelves.get(key) or Shelf()
        before.setdefault(key, (shelf, shelf.on_hand_milli, shelf.position > 0))
        shelf.move(occurred, applied["delta_milli"])
        if lines[applied["line"]].get("kind") in _TILL_KINDS:
            shelf.used_milli -= applied["delta_milli"]
        shelf.recorded_at_ms = event["recorded_at_ms"]
        put_shelf(state, key, shelf, entry.appended_at_ms)
    for key, (shelf, before_milli, is_known) in before.items():
        note_fall(state, key, shelf, before_milli, is_known=is_known)


def _fold_counted(state: PoolState, fact: StockReportRecorded, entry: Entry) -> None:
    event = fact["event"]
    as_of_ms = event["occurred_at_ms"]
    for line in fact["counted"]:
        key = (state.pool, line["sku"], event["store"])
        shelf = state.shelves.get(key) or Shelf()
        if line["applied"]:
            shelf.on_hand_milli += line["drift_milli"]
            shelf.counted_at_ms = as_of_ms
            counted_milli = line.get("counted_milli")
            told_milli = event["lines"][line["line"]]["quantity_milli"]
            shelf.counted_milli = told_milli if counted_milli is None else counted_milli
            shelf.negatives = shelf.short_picks = shelf.drift_milli = 0
            if as_of_ms >= shelf.not_found_at_ms:  # who counted before looked before
                shelf.not_found_milli = shelf.not_found_at_ms = 0
            state.agenda[DOUBTED].pop(key, None)
            forget_before(state, key, shelf, as_of_ms)
        elif event["kind"] == "level" and as_of_ms >= shelf.counted_at_ms:
            shelf.drift_milli = line["drift_milli"]
        shelf.recorded_at_ms = event["recorded_at_ms"]
        put_shelf(state, key, shelf, entry.appended_at_ms)


def _count_lines(state: PoolState, fact: SaleRecorded | StockReportRecorded, applied: int) -> None:
    row = state.row
    row["lines_applied"] += applied
    row["lines_duplicate"] += fact["duplicate_lines"]
    row["lines_stale"] += fact["stale_lines"]
    row["lines_quarantined"] += len(fact["quarantined"])


def _sale_union(before: SaleRecorded, fact: SaleRecorded) -> SaleRecorded:
    """One fact with the lines that were applied of both, which are of the same version.

    A line that was kept of an earlier version is gone once this one's own is applied.
    """
    union: SaleRecorded = {
        **fact, "event": {**fact["event"], "lines": []}, "applied": [], "duplicate_lines": 0, "quarantined": [],
    }  # fmt: skip
    for part in (before, fact):
        union["applied"] += placed(standing_beside(part, fact), part["event"]["lines"], union["event"]["lines"])
    return union


def _report_union(before: StockReportRecorded, fact: StockReportRecorded) -> StockReportRecorded:
    """The same of stock reports."""
    union: StockReportRecorded = {
        **fact, "event": {**fact["event"], "lines": []}, "applied": [], "counted": [], "duplicate_lines": 0,
        "quarantined": [],
    }  # fmt: skip
    lines = union["event"]["lines"]
    for part in (before, fact):
        union["applied"] += placed(standing_beside(part, fact), part["event"]["lines"], lines)
    for part in (before, fact):
        for counted in part["counted"]:
            union["counted"].append({**counted, "line": len(lines)})
            lines.append(part["event"]["lines"][counted["line"]])
    return union
