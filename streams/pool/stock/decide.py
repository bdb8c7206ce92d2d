"""Decides what tills and stores say of stock: sales, movements, counts, levels. Line by line: some may be set aside."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeVar, cast

from schemas.codec import BadMessage
from schemas.models.base import LINE_ID_MAX, LINES_MAX, QUANTITY_MAX_MILLI
from schemas.types.journal import Fact
from schemas.types.pos import Sale, SaleLine, SaleLineKind, StockLine, StockReport
from schemas.types.stock import (
    AppliedLine,
    CountedLine,
    DeadLetterReason,
    QuarantinedLine,
    Rejected,
    ReversedLine,
    SaleRecorded,
    StockReportRecorded,
)
from streams.catalog import PoolConfig
from streams.catalog.goods import Goods, goods_of
from streams.pool.aggregate import Decision
from streams.pool.journal import dead_letter_reasons as reasons
from streams.pool.journal.facts import (
    COUNT_WITHDRAWN,
    REJECTED,
    SALE_RECORDED,
    STOCK_REPORT_RECORDED,
    check_size,
    moved_milli,
    own_lines,
    told_milli,
)
from streams.pool.orders.hand_overs import match_sale
from streams.pool.orders.ring_up import match_ring_up
from streams.pool.orders.rows import find_order
from streams.pool.state.pool_state import PoolState
from streams.pool.state.shelf import Shelf, ShelfKey, moved_after
from streams.pool.stock.revisions import is_newer, keep, kept_lines, placed, undone

MOVEMENTS_MAX = 50_000
"""Of one event: each line of a kit moves all its parts."""
SALE_SIGN: dict[SaleLineKind, int] = {"sale": -1, "return": 1, "return_not_restocked": 0, "void": 1}
"""Which way the goods of a line go."""
_L = TypeVar("_L", SaleLine, StockLine)
_LinesSetAside = list[tuple[int, DeadLetterReason]]
"""(place of a line in its event, why)"""


def decide_sale(state: PoolState, sale: Sale, appended_at_ms: int) -> Decision:
    """Decide a till transaction. Its lines take goods away or bring them back."""
    refused = _refuse(state, sale, appended_at_ms)
    if refused is not None:
        return refused
    before, set_aside, lines = state.dedup.sale_before(sale), _LinesSetAside(), sale["lines"]
    fact: SaleRecorded = {
        "event": sale, "applied": [], "reversed": [], "duplicate_lines": 0, "stale_lines": 0, "quarantined": [],
        "hand_overs": [],
    }  # fmt: skip
    fresh = _unseen(before, fact, lines, [] if before is None else before["event"]["lines"], set_aside)
    fact["applied"] = _apply(state, sale["store"], lines, fresh, set_aside, _sale_sign)
    kept = kept_lines(before, fact, {lines[at]["line_id"] for at, _ in set_aside})
    if before is not None and kept:
        fact["event"] = {**sale, "lines": list(lines)}
        for line in keep(fact["applied"], placed(kept, before["event"]["lines"], fact["event"]["lines"])):
            told = fact["event"]["lines"][line["line"]]  # what of it was an order's is matched anew
            line["delta_milli"] = SALE_SIGN[told["kind"]] * moved_milli(line, told)
    gone = undone(before, fact)
    if before is not None:
        fact["reversed"] = _reversal(before, gone)
    fact["quarantined"] = _quarantined(set_aside)
    match_ring_up(lambda order: find_order(state, order), fact, before, gone)
    match_sale(state, fact, before, gone)
    if before is not None:
        _say_what_moved(before, gone, fact["reversed"])
    if before is not None and fact["applied"] and not is_newer(sale, before):
        _check_union(state, (SALE_RECORDED, before), (SALE_RECORDED, fact))
    return Decision((SALE_RECORDED, fact), [(lines[at], why) for at, why in set_aside], fact["duplicate_lines"])


def decide_stock(state: PoolState, report: StockReport, appended_at_ms: int) -> Decision:
    """Decide a stock report: a movement, a count, or a level."""
    refused = _refuse(state, report, appended_at_ms)
    if refused is not None:
        return refused
    before, set_aside, lines = state.dedup.report_before(report), _LinesSetAside(), report["lines"]
    fact: StockReportRecorded = {
        "event": report, "applied": [], "counted": [], "reversed": [], "duplicate_lines": 0, "stale_lines": 0,
        "quarantined": [],
    }  # fmt: skip
    fresh = _unseen(before, fact, lines, [] if before is None else before["event"]["lines"], set_aside)
    if report["kind"] in ("counted", "level"):
        taken_back = [] if before is None else _reversal(before, undone(before, fact))
        fact["counted"] = _count(state, fact, fresh, taken_back, set_aside)
    else:
        sign_of = _adjusted_sign if report["kind"] == "adjusted" else _received_sign
        fact["applied"] = _apply(state, report["store"], lines, fresh, set_aside, sign_of)
        kept = kept_lines(before, fact, {lines[at]["line_id"] for at, _ in set_aside})
        if before is not None and kept:
            fact["event"] = {**report, "lines": list(lines)}
            keep(fact["applied"], placed(kept, before["event"]["lines"], fact["event"]["lines"]))
    if before is not None:
        fact["reversed"] = _reversal(before, undone(before, fact))
        fact["reversed"] += _withdrawn(state, before, fact["counted"]) if is_newer(report, before) else []
    fact["quarantined"] = _quarantined(set_aside)
    if before is not None and (fact["applied"] or fact["counted"]) and not is_newer(report, before):
        _check_union(state, (STOCK_REPORT_RECORDED, before), (STOCK_REPORT_RECORDED, fact))
    return Decision((STOCK_REPORT_RECORDED, fact), [(lines[at], why) for at, why in set_aside], fact["duplicate_lines"])


def _check_union(state: PoolState, before: Fact, fact: Fact) -> None:
    """A version that is told in parts is remembered as one. Raises BadMessage when that is too much."""
    check_size(sum(len(state.tables.facts.encode(part)) for part in (before, fact)))


def _refuse(state: PoolState, event: Sale | StockReport, appended_at_ms: int) -> Decision | None:
    """Set the whole event aside when its head is not acceptable."""
    occurred, recorded, told = event["occurred_at_ms"], event["recorded_at_ms"], _told_at_ms(event)
    skew = state.config.pool["future_skew_ms"]
    reason: DeadLetterReason
    if event["store"] not in state.config.stores:
        reason = reasons.UNKNOWN_STORE
    elif max(occurred, told) > recorded + skew or recorded > appended_at_ms + skew:
        reason = reasons.IN_THE_FUTURE
    elif _is_too_late(state, event, told) or occurred <= 0:  # 0 stands for never
        reason = reasons.TOO_LATE
    elif len(event["lines"]) > LINES_MAX or not (event["lines"] or _takes_all_back(event)):
        reason = reasons.TOO_MANY_LINES
    else:
        return None
    rejected: Rejected = {"store": event["store"], "reason": reason, "lines": len(event["lines"])}
    return Decision((REJECTED, rejected), [(line, reason) for line in event["lines"]], 0)


def _told_at_ms(event: Sale | StockReport) -> int:
    return event["recorded_at_ms"] if event["told_at_ms"] is None else event["told_at_ms"]


def _is_too_late(state: PoolState, event: Sale | StockReport, told_at_ms: int) -> bool:
    """Lateness counts as of when the event was first told, and by the pool's clock.

    What is published again after it was set aside keeps its lateness; then it is the publishing that must be of late,
    or its bytes would count anew once they are forgotten. A count needs all that moved since, whoever tells it.
    """
    occurred, limit_ms = event["occurred_at_ms"], state.config.pool["late_limit_ms"]
    keeps_lateness = event["told_at_ms"] is not None and _report_kind(event) not in ("counted", "level")
    latest = event["recorded_at_ms"] if keeps_lateness else occurred
    return told_at_ms - occurred > limit_ms or latest < state.row["late_before_ms"]


def _takes_all_back(event: Sale | StockReport) -> bool:
    """True for a revision of a sale: it may have no lines, for nothing was sold after all."""
    return "kind" not in event and event["source"]["version"] > 1


def _sale_sign(line: SaleLine) -> int | None:
    return SALE_SIGN[line["kind"]] if 0 < line["quantity_milli"] <= QUANTITY_MAX_MILLI else None


def _received_sign(line: StockLine) -> int | None:
    return 1 if 0 <= line["quantity_milli"] <= QUANTITY_MAX_MILLI else None


def _adjusted_sign(line: StockLine) -> int | None:
    return 1 if -QUANTITY_MAX_MILLI <= line["quantity_milli"] <= QUANTITY_MAX_MILLI else None


def _apply(
    state: PoolState, store: str, lines: Sequence[_L], fresh: Iterable[int], set_aside: _LinesSetAside,
    sign_of: Callable[[_L], int | None],
) -> list[AppliedLine]:  # fmt: skip
    """The fresh lines that can be applied: what they move is their quantity times its sign. Raises BadMessage.

    `sign_of` gives None for a quantity that a line cannot have. Of a kit each part is applied.
    """
    applied: list[AppliedLine] = []
    for at in fresh:
        line = lines[at]
        sign = sign_of(line)
        goods = _goods(state, store, line, good_quantity=sign is not None)
        if isinstance(goods, str) or sign is None:
            set_aside.append((at, reasons.BAD_QUANTITY if not isinstance(goods, str) else goods))
            continue
        for sku, milli in goods:
            one: AppliedLine = {"line": at, "sku": sku, "delta_milli": sign * milli}
            if milli != line["quantity_milli"]:
                one["moved_milli"] = abs(milli)
            applied.append(one)
        if len(applied) > MOVEMENTS_MAX:
            raise BadMessage(reasons.TOO_LARGE, f"it moves goods more than {MOVEMENTS_MAX} times: divide it")
    return applied


def _goods(
    state: PoolState, store: str, line: SaleLine | StockLine, *, good_quantity: bool
) -> list[Goods] | DeadLetterReason:
    """The goods that a line names, or why it is set aside; for a line of a bad quantity always a reason."""
    meaning = state.config.meaning(store, line["code"])
    if meaning is None:
        return reasons.UNMAPPED_CODE
    if len(line["line_id"]) > LINE_ID_MAX:
        return reasons.INVALID
    if meaning.unit is None:
        return reasons.UNKNOWN_ITEM
    if not good_quantity:
        return reasons.BAD_QUANTITY
    return goods_of(meaning, state.config.items, line["quantity_milli"], line["unit"])


def _reversal(before: SaleRecorded | StockReportRecorded, lines: Iterable[AppliedLine]) -> list[ReversedLine]:
    """What reverses `lines`, applied ones of `before`."""
    event = before["event"]
    return [
        {
            "sku": line["sku"], "kind": _line_kind(event["lines"][line["line"]]),
            "occurred_at_ms": event["occurred_at_ms"], "delta_milli": -line["delta_milli"],
        }
        for line in lines
    ]  # fmt: skip


def _say_what_moved(before: SaleRecorded, lines: Iterable[AppliedLine], reversed_: Iterable[ReversedLine]) -> None:
    """Say how much the lines were of which something else changes the books, for goods of orders move once."""
    for line, old in zip(reversed_, lines, strict=True):
        told = before["event"]["lines"][old["line"]]
        if line["delta_milli"] != -told_milli(old, told):
            line["moved_milli"] = moved_milli(old, told)


def _line_kind(line: SaleLine | StockLine) -> SaleLineKind | Literal["stock"]:
    return cast("SaleLineKind | Literal['stock']", line.get("kind", "stock"))


def _withdrawn(state: PoolState, before: StockReportRecorded, counted: Iterable[CountedLine]) -> list[ReversedLine]:
    """The counts that stand and that the new version no longer makes.

    They cannot be undone, for the movements that they have seen are forgotten.
    """
    event = before["event"]
    store, as_of_ms = event["store"], event["occurred_at_ms"]
    made = {line["sku"] for line in counted if line["applied"]}
    gone: list[ReversedLine] = []
    for line in before["counted"]:
        shelf = state.shelf(line["sku"], store)
        if line["applied"] and line["sku"] not in made and shelf is not None and shelf.counted_at_ms == as_of_ms:
            gone.append({"sku": line["sku"], "kind": COUNT_WITHDRAWN, "occurred_at_ms": as_of_ms, "delta_milli": 0})
    return gone


def _quarantined(set_aside: _LinesSetAside) -> list[QuarantinedLine]:
    return [{"line": at, "reason": reason} for at, reason in set_aside]


def _unseen(
    before: SaleRecorded | StockReportRecorded | None, fact: SaleRecorded | StockReportRecorded,
    lines: Sequence[_L], old_lines: Sequence[_L], set_aside: _LinesSetAside,
) -> Iterable[int]:  # fmt: skip
    """Places of the lines that were not applied before; repeats are counted in `fact`, contradictions set aside.

    The lines of one version are a union: a line set aside and sent again is applied then. A higher version
    replaces the lower one whole. A lower one is stale.
    """
    event = fact["event"]
    known: dict[str, _L] = {}
    conflicting = False
    room = LINES_MAX
    if before is not None:
        old, version = before["event"], event["source"]["version"]
        if version < old["source"]["version"]:
            fact["stale_lines"] = len(lines)
            return []
        if version == old["source"]["version"]:
            applied = _applied_places(before)
            known = {line["line_id"]: line for at, line in enumerate(old_lines) if at in applied}
            room -= len(applied)
            same_head = event["occurred_at_ms"] == old["occurred_at_ms"] and _report_kind(event) == _report_kind(old)
            conflicting = bool(applied) and not same_head
    elif len({line["line_id"] for line in lines}) == len(lines):
        return range(len(lines))
    fresh: dict[str, int] = {}
    for at, line in enumerate(lines):
        line_id = line["line_id"]
        same = known.get(line_id)
        if same is None and line_id in fresh:
            same = lines[fresh[line_id]]
        if conflicting:
            set_aside.append((at, reasons.CONFLICT))
        elif same is None and len(fresh) >= room:
            set_aside.append((at, reasons.TOO_MANY_LINES))
        elif same is None:
            fresh[line_id] = at
        elif _says_the_same(same, line):
            fact["duplicate_lines"] += 1
        else:
            set_aside.append((at, reasons.CONFLICT))
    return fresh.values()


def _applied_places(fact: SaleRecorded | StockReportRecorded) -> set[int]:
    counted = cast("Sequence[CountedLine]", fact.get("counted", ()))
    return {line["line"] for line in (*own_lines(fact["applied"]), *counted)}


def _report_kind(event: Sale | StockReport) -> str | None:
    return cast("str | None", event.get("kind"))


def _says_the_same(one: SaleLine | StockLine, other: SaleLine | StockLine) -> bool:
    return all(one.get(name) == other.get(name) for name in ("code", "quantity_milli", "unit", "kind", "reason"))


def _count(
    state: PoolState, fact: StockReportRecorded, fresh: Iterable[int], undone: Iterable[ReversedLine],
    set_aside: _LinesSetAside,
) -> list[CountedLine]:  # fmt: skip
    """The fresh lines that count an item; `undone` are movements that are taken back before the count is folded.

    A level of a kit says nothing, for a kit has no stock: it is absorbed, and the till may go on telling it.
    """
    report = fact["event"]
    store, as_of_ms, lines = report["store"], report["occurred_at_ms"], report["lines"]
    config = state.config
    is_level = report["kind"] == "level"
    is_evidence = is_level and config.stores[store]["reports_sales"]
    counted: list[CountedLine] = []
    so_far: dict[str, tuple[int, set[str]]] = {}
    for at in fresh:
        if is_level and _is_kit(config, store, lines[at]["code"]):
            fact["stale_lines"] += 1
            continue
        told = lines[at]["quantity_milli"]
        good_quantity = abs(told) <= QUANTITY_MAX_MILLI and (told >= 0 or is_level)
        goods = _goods(state, store, lines[at], good_quantity=good_quantity)
        if isinstance(goods, str):
            set_aside.append((at, goods))
            continue
        if _is_kit(config, store, lines[at]["code"]):  # its parts are what lies there
            set_aside.append((at, reasons.BAD_KIT))
            continue
        [(sku, quantity)] = goods
        before_milli, codes = so_far.get(sku, (0, set()))
        if lines[at]["code"] in codes:  # one code counted twice in one report: which of them is true?
            set_aside.append((at, reasons.CONFLICT))
            continue
        so_far[sku] = before_milli + quantity, codes | {lines[at]["code"]}
        if codes:  # cases and single pieces of one item: together they are what was counted
            one = next(line for line in counted if line["sku"] == sku)
            counted.append({**one, "line": at, "drift_milli": quantity, "counted_milli": before_milli + quantity})
            continue
        key = (state.pool, sku, store)
        shelf = state.shelves.get(key)
        books = 0 if shelf is None else books_as_of(state, key, shelf, as_of_ms)
        for old in undone:
            if shelf is not None and old["sku"] == sku and shelf.counted_at_ms < old["occurred_at_ms"] <= as_of_ms:
                books += old["delta_milli"]
        stands = shelf is None or as_of_ms >= shelf.counted_at_ms
        line: CountedLine = {
            "line": at, "sku": sku, "applied": stands and not is_evidence, "drift_milli": quantity - books,
        }  # fmt: skip
        if quantity != told:
            line["counted_milli"] = quantity
        counted.append(line)
    return counted


def _is_kit(config: PoolConfig, store: str, code: str) -> bool:
    meaning = config.meaning(store, code)
    return meaning is not None and meaning.terms is not None and bool(meaning.terms.parts)


def books_as_of(state: PoolState, key: ShelfKey, shelf: Shelf, as_of_ms: int) -> int:
    """What the books say the shelf held at `as_of_ms`: on hand less the movements that occurred later."""
    later = moved_after(shelf.recent, as_of_ms)
    for block in range(shelf.first_block, shelf.next_block):
        later += moved_after(state.blocks.get((key, block)) or b"", as_of_ms)
    return shelf.on_hand_milli - later
