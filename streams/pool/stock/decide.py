"""Decisions on inputs: `decide(state, input) -> Decision`. Pure: it reads the state and changes nothing."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeGuard

from schemas.models.base import LINE_ID_MAX, LINES_MAX, QUANTITY_MAX_MILLI
from streams.pool.journal import dead_letter_reasons
from streams.pool.journal.facts import COUNT_WITHDRAWN, REJECTED, SALE_RECORDED, STOCK_REPORT_RECORDED, Fact, Fields
from streams.pool.orders.ring_up import match_ring_up
from streams.pool.state.dedup import Known
from streams.pool.state.pool_state import PoolState, ShelfKey
from streams.pool.state.shelf import Shelf, moved_after

_SALE_SIGN = {"sale": -1, "return": 1, "return_not_restocked": 0, "void": 1}
_DeltaOf = Callable[[Fields], int | None]
"""Signed change of what the store has, from a line; None for a quantity that the line cannot have."""


class Decision(NamedTuple):
    """The fact for the journal, what was known of its event, and the lines for the dead-letter topic with reasons."""

    fact: Fact
    known: Known | None
    set_aside: list[tuple[Fields, str]]


def decide_sale(state: PoolState, sale: Fields, appended_at_ms: int) -> Decision:
    """A till transaction. Its lines take goods away or bring them back."""
    refused = _refuse(state, sale, appended_at_ms)
    if refused is not None:
        return refused
    decision = _decide_movement(state, SALE_RECORDED, _head(sale), _sale_delta)
    match_ring_up(
        lambda order: state.tables.orders.get((state.pool, order)),
        decision.fact[1],
        None if decision.known is None else decision.known.before,
    )
    return decision


def decide_stock(state: PoolState, report: Fields, appended_at_ms: int) -> Decision:
    """A stock report: a movement, a count, or a level."""
    refused = _refuse(state, report, appended_at_ms)
    if refused is not None:
        return refused
    fields = _head(report)
    fields["counted"] = []
    if report["kind"] in ("counted", "level"):
        return _decide_count(state, fields)
    delta_of = _adjusted_delta if report["kind"] == "adjusted" else _received_delta
    return _decide_movement(state, STOCK_REPORT_RECORDED, fields, delta_of)


def _refuse(state: PoolState, event: Fields, appended_at_ms: int) -> Decision | None:
    """Set the whole event aside when its head is not acceptable."""
    settings = state.catalog.pool
    occurred, recorded = event["occurred_at_ms"], event["recorded_at_ms"]
    skew = settings["future_skew_ms"]
    if event["store"] not in state.catalog.stores:
        reason = dead_letter_reasons.UNKNOWN_STORE
    elif occurred > recorded + skew or recorded > appended_at_ms + skew:
        reason = dead_letter_reasons.IN_THE_FUTURE
    elif recorded - occurred > settings["late_limit_ms"] or occurred <= 0:  # 0 stands for never
        reason = dead_letter_reasons.TOO_LATE
    elif not 0 < len(event["lines"]) <= LINES_MAX:
        reason = dead_letter_reasons.TOO_MANY_LINES
    else:
        return None
    fields = {"store": event["store"], "reason": reason, "lines": len(event["lines"])}
    return Decision((REJECTED, fields), None, [(line, reason) for line in event["lines"]])


def _head(event: Fields) -> Fields:
    return {
        "event": event, "applied": [], "reversed": [], "duplicate_lines": 0, "stale_lines": 0, "quarantined": [],
    }  # fmt: skip


def _sale_delta(line: Fields) -> int | None:
    quantity: int = line["quantity_milli"]
    return _SALE_SIGN[line["kind"]] * quantity if 0 < quantity <= QUANTITY_MAX_MILLI else None


def _received_delta(line: Fields) -> int | None:
    quantity: int = line["quantity_milli"]
    return quantity if 0 <= quantity <= QUANTITY_MAX_MILLI else None


def _adjusted_delta(line: Fields) -> int | None:
    quantity: int = line["quantity_milli"]
    return quantity if -QUANTITY_MAX_MILLI <= quantity <= QUANTITY_MAX_MILLI else None


def _decide_movement(state: PoolState, kind: str, fields: Fields, delta_of: _DeltaOf) -> Decision:
    event = fields["event"]
    lines = event["lines"]
    known = state.seen.look_up(kind, event)
    before = known.before
    set_aside: list[tuple[int, str]] = []
    fresh = _unseen(before, fields, set_aside)
    taken = fields["applied"]
    catalog, store = state.catalog, event["store"]
    for at in fresh:
        line = lines[at]
        meaning = catalog.meaning(store, line["code"])
        if meaning is None:
            set_aside.append((at, dead_letter_reasons.UNMAPPED_CODE))
            continue
        sku, unit = meaning
        delta = delta_of(line)
        if len(line["line_id"]) > LINE_ID_MAX:
            set_aside.append((at, dead_letter_reasons.INVALID))
            continue
        if unit is None or unit != line["unit"] or delta is None:
            set_aside.append((at, _why_not(unit, good_quantity=delta is not None)))
            continue
        taken.append({"line": at, "sku": sku, "delta_milli": delta})
    _take_back(state, before, fields)
    return _decision((kind, fields), known, set_aside)


def _is_replaced(before: Fields | None, event: Fields) -> TypeGuard[Fields]:
    """A higher version replaces the lower one whole."""
    return before is not None and event["source"]["version"] > before["event"]["source"]["version"]


def _take_back(state: PoolState, before: Fields | None, fields: Fields) -> None:
    if _is_replaced(before, fields["event"]):
        fields["reversed"] = _reversal(before) + _withdrawn(state, before, fields.get("counted", ()))


def _reversal(before: Fields) -> list[Fields]:
    event = before["event"]
    return [
        {
            "sku": line["sku"], "kind": event["lines"][line["line"]].get("kind", "stock"),
            "occurred_at_ms": event["occurred_at_ms"], "delta_milli": -line["delta_milli"],
        }
        for line in before["applied"]
    ]  # fmt: skip


def _withdrawn(state: PoolState, before: Fields, counted: Iterable[Fields]) -> list[Fields]:
    """The counts that stand and that the new version no longer makes.

    They cannot be undone, for the movements that they have seen are forgotten.
    """
    event = before["event"]
    store, as_of_ms = event["store"], event["occurred_at_ms"]
    made = {line["sku"] for line in counted if line["applied"]}
    gone = []
    for line in before.get("counted", ()):
        shelf = state.tables.shelves.get((state.pool, line["sku"], store))
        if line["applied"] and line["sku"] not in made and shelf is not None and shelf.counted_at_ms == as_of_ms:
            gone.append({"sku": line["sku"], "kind": COUNT_WITHDRAWN, "occurred_at_ms": as_of_ms, "delta_milli": 0})
    return gone


def _decision(fact: Fact, known: Known, set_aside: list[tuple[int, str]]) -> Decision:
    if not set_aside:
        return Decision(fact, known, [])
    fields = fact[1]
    lines = fields["event"]["lines"]
    fields["quarantined"] = [{"line": at, "reason": reason} for at, reason in set_aside]
    return Decision(fact, known, [(lines[at], reason) for at, reason in set_aside])


def _why_not(unit: str | None, *, good_quantity: bool) -> str:
    if unit is None:
        return dead_letter_reasons.UNKNOWN_ITEM
    return dead_letter_reasons.WRONG_UNIT if good_quantity else dead_letter_reasons.BAD_QUANTITY


def _unseen(before: Fields | None, fields: Fields, set_aside: list[tuple[int, str]]) -> Iterable[int]:
    """Indices of the lines that were not taken before; repeats are counted in `fields`, contradictions set aside.

    The lines of one version are a union: a line set aside and sent again is taken then. A higher version
    replaces the lower one whole. A lower one is stale.
    """
    event = fields["event"]
    known: dict[str, Fields] = {}
    conflicting = False
    room = LINES_MAX
    if before is not None:
        old, version = before["event"], event["source"]["version"]
        if version < old["source"]["version"]:
            fields["stale_lines"] = len(event["lines"])
            return []
        if version == old["source"]["version"]:
            applied = {line["line"] for line in (*before["applied"], *before.get("counted", ()))}
            known = {line["line_id"]: line for at, line in enumerate(old["lines"]) if at in applied}
            room -= len(applied)
            same_head = event["occurred_at_ms"] == old["occurred_at_ms"] and event.get("kind") == old.get("kind")
            conflicting = bool(applied) and not same_head
    elif len({line["line_id"] for line in event["lines"]}) == len(event["lines"]):
        return range(len(event["lines"]))
    fresh: dict[str, int] = {}
    for at, line in enumerate(event["lines"]):
        line_id = line["line_id"]
        same = known.get(line_id)
        if same is None and line_id in fresh:
            same = event["lines"][fresh[line_id]]
        if conflicting:
            set_aside.append((at, dead_letter_reasons.CONFLICT))
        elif same is None and len(fresh) >= room:
            set_aside.append((at, dead_letter_reasons.TOO_MANY_LINES))
        elif same is None:
            fresh[line_id] = at
        elif _says_the_same(same, line):
            fields["duplicate_lines"] += 1
        else:
            set_aside.append((at, dead_letter_reasons.CONFLICT))
    return fresh.values()


def _says_the_same(one: Fields, other: Fields) -> bool:
    return all(one.get(name) == other.get(name) for name in ("code", "quantity_milli", "unit", "kind", "reason"))


def _decide_count(state: PoolState, fields: Fields) -> Decision:
    event = fields["event"]
    set_aside: list[tuple[int, str]] = []
    known = state.seen.look_up(STOCK_REPORT_RECORDED, event)
    fresh = _unseen(known.before, fields, set_aside)
    store, as_of_ms, lines = event["store"], event["occurred_at_ms"], event["lines"]
    catalog = state.catalog
    is_level = event["kind"] == "level"
    is_evidence = is_level and catalog.stores[store]["reports_sales"]
    counted: dict[str, Fields] = {}
    taken_back = _reversal(known.before) if _is_replaced(known.before, event) else []
    for at in fresh:
        quantity = lines[at]["quantity_milli"]
        meaning = catalog.meaning(store, lines[at]["code"])
        if meaning is None:
            set_aside.append((at, dead_letter_reasons.UNMAPPED_CODE))
            continue
        sku, unit = meaning
        if len(lines[at]["line_id"]) > LINE_ID_MAX:
            set_aside.append((at, dead_letter_reasons.INVALID))
            continue
        good_quantity = abs(quantity) <= QUANTITY_MAX_MILLI and (quantity >= 0 or is_level)
        if unit is None or unit != lines[at]["unit"] or not good_quantity:
            set_aside.append((at, _why_not(unit, good_quantity=good_quantity)))
            continue
        if sku in counted:  # one item counted twice in one report: which of them is true?
            set_aside.append((at, dead_letter_reasons.CONFLICT))
            continue
        key = (state.pool, sku, store)
        shelf = state.tables.shelves.get(key)
        books = 0 if shelf is None else books_as_of(state, key, shelf, as_of_ms)
        for old in taken_back:  # folded before the count is
            if shelf is not None and old["sku"] == sku and shelf.counted_at_ms < old["occurred_at_ms"] <= as_of_ms:
                books += old["delta_milli"]
        stands = shelf is None or as_of_ms >= shelf.counted_at_ms
        counted[sku] = {
            "line": at, "sku": sku, "applied": stands and not is_evidence, "drift_milli": quantity - books,
        }  # fmt: skip
    fields["counted"] = list(counted.values())
    _take_back(state, known.before, fields)
    return _decision((STOCK_REPORT_RECORDED, fields), known, set_aside)


def books_as_of(state: PoolState, key: ShelfKey, shelf: Shelf, as_of_ms: int) -> int:
    """What the books say the shelf held at `as_of_ms`: on hand less the movements that occurred later."""
    later = moved_after(shelf.recent, as_of_ms)
    for number in range(shelf.first_block, shelf.next_block):
        later += moved_after(state.tables.blocks.get((key, number)) or b"", as_of_ms)
    return shelf.on_hand_milli - later
