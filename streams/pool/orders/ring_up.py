"""Goods of an order that the till rings up move once: with the sale or with the hand-over, whichever comes first.

A hold remembers what of it was rung up. Ringing up goods that are still held takes them from the shelf; at the
hand-over only the rest goes. Ringing up goods that were handed over moves nothing. A hold that is rung up whole is
collected with that: nothing is left to hand over. When the sale is voided, its goods are back on the shelf.
"""

from collections.abc import Callable, Sequence

from schemas.types.orders import Hold, OrderRow
from schemas.types.pos import SaleLineKind
from schemas.types.stock import AppliedLine, ReversedLine, SaleRecorded
from streams.pool.journal.facts import moved_milli
from streams.pool.orders.holds import COLLECTED, CONFIRMED, PICKED, TENTATIVE

OrderOf = Callable[[str], OrderRow | None]
_RINGS = ((COLLECTED, False), (COLLECTED, True), (PICKED, False), (CONFIRMED, False), (TENTATIVE, False))
"""(state, left by the till): whose turn it is when goods are rung up; a voided line goes the other way."""
_SIGN: dict[SaleLineKind, int] = {"sale": 1, "void": -1}


def match_ring_up(
    order_of: OrderOf, sale: SaleRecorded, before: SaleRecorded | None, undone: Sequence[AppliedLine]
) -> None:
    """Say in the fact of a sale which of its units are goods of the order that it names, and what is left to move.

    `before` is the fact that is known of the sale, `undone` those of its applied lines that are reversed.
    """
    event = sale["event"]
    was_for = None if before is None else before["event"]["order_ref"]
    holds: dict[str, list[Hold]] = {}

    def ring_for(name: str, sku: str, milli: int) -> tuple[int, int]:
        holds[name], rung, moved = ring(holds[name], event["store"], sku, milli)
        return rung, moved

    for name in {event["order_ref"], was_for}:
        order = None if name is None else order_of(name)
        if order is not None:
            holds[order["order"]] = order["holds"]
    if before is not None and was_for is not None and was_for in holds:
        # Undone in reverse: what a later line of the receipt voided is rung up first.
        for line, old in reversed(list(zip(sale["reversed"], undone, strict=False))):
            told, rung = before["event"]["lines"][old["line"]], _sold_at_till(old)
            if rung:
                line["order"] = was_for
                line["sold_at_till_milli"], moved = ring_for(was_for, line["sku"], -rung)
                line["delta_milli"] = _SIGN[told["kind"]] * moved_milli(old, told) - rung - moved
    if event["order_ref"] is not None and event["order_ref"] in holds:
        for applied in sale["applied"]:
            told = event["lines"][applied["line"]]
            sign = _SIGN.get(told["kind"], 0)
            if sign:
                milli = sign * moved_milli(applied, told)
                applied["sold_at_till_milli"], moved = ring_for(event["order_ref"], applied["sku"], milli)
                applied["delta_milli"] = applied["sold_at_till_milli"] - milli - moved


def orders_rung_up(sale: SaleRecorded) -> list[str]:
    """The orders whose goods the fact of a sale says were rung up, or voided."""
    names = [line.get("order") for line in sale["reversed"] if _sold_at_till(line)]
    if any(map(_sold_at_till, sale["applied"])):
        names.append(sale["event"]["order_ref"])
    return [name for name in dict.fromkeys(names) if name is not None]


def ring_up(order: OrderRow, sale: SaleRecorded) -> list[Hold]:
    """The order's holds after the fact of a sale."""
    holds = order["holds"]
    lines: list[ReversedLine | AppliedLine] = [
        line for line in reversed(sale["reversed"]) if line.get("order") == order["order"]
    ]
    if sale["event"]["order_ref"] == order["order"]:
        lines += sale["applied"]
    for line in lines:
        if _sold_at_till(line):
            holds, _, _ = ring(holds, sale["event"]["store"], line["sku"], _sold_at_till(line))
    return holds


def _sold_at_till(line: ReversedLine | AppliedLine) -> int:
    return line.get("sold_at_till_milli", 0)


def ring(holds: list[Hold], store: str, sku: str, milli: int) -> tuple[list[Hold], int, int]:
    """(holds after ringing up `milli`, what of it was the order's, what of that was still held); negative to void."""
    after = list(holds)
    left, moved = milli, 0
    for state, is_by_till in _RINGS if milli > 0 else reversed(_RINGS):
        for at, hold in enumerate(after):
            how = (hold["store"], hold["sku"], hold["state"], hold.get("left_by_till", False))
            if left and how == (store, sku, state, is_by_till):
                rung = hold["sold_at_till_milli"]
                part = min(left, hold["quantity_milli"] - rung) if milli > 0 else max(left, -rung)
                after[at] = {**hold, "sold_at_till_milli": rung + part}
                left -= part
                moved += 0 if state == COLLECTED and not is_by_till else part
    return after, milli - left, moved
