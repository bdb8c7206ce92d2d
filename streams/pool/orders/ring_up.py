"""Goods of an order that the till rings up move once: with the sale or with the hand-over, whichever comes first.

A hold remembers what of it was rung up. Ringing up goods that are still held takes them from the shelf; at the
hand-over only the rest goes. Ringing up goods that were handed over moves nothing.
"""

from collections.abc import Callable
from typing import Any

from streams.pool.orders.holds import COLLECTED, CONFIRMED, PICKED, TENTATIVE

Fields = dict[str, Any]
OrderOf = Callable[[str], Fields | None]
_RINGS = (COLLECTED, PICKED, CONFIRMED, TENTATIVE)
"""Whose turn it is when goods are rung up; a voided line goes the other way."""
_SIGN = {"sale": 1, "void": -1}


def match_ring_up(order_of: OrderOf, fields: Fields, before: Fields | None) -> None:
    """Tell in the fact of a sale which of its units are goods of the order that it names, and what is left to move.

    `before` is the fact of the version that it replaces.
    """
    event = fields["event"]
    holds: dict[str, list[Fields]] = {}

    def ring_for(name: str, sku: str, milli: int) -> tuple[int, int]:
        holds[name], rung, moved = ring(holds[name], event["store"], sku, milli)
        return rung, moved

    for name in {event["order_ref"], before["event"]["order_ref"] if before is not None else None}:
        order = None if name is None else order_of(name)
        if order is not None:
            holds[order["order"]] = order["holds"]
    if before is not None and before["event"]["order_ref"] in holds:
        name = before["event"]["order_ref"]
        # Undone in reverse: what a later line of the receipt voided is rung up first.
        for line, old in reversed(list(zip(fields["reversed"], before["applied"], strict=False))):
            told = before["event"]["lines"][old["line"]]
            if old["sold_at_till_milli"]:
                line["order"] = name
                line["sold_at_till_milli"], moved = ring_for(name, line["sku"], -old["sold_at_till_milli"])
                line["delta_milli"] = _SIGN[told["kind"]] * told["quantity_milli"] - old["sold_at_till_milli"] - moved
    if event["order_ref"] in holds:
        for line in fields["applied"]:
            told = event["lines"][line["line"]]
            sign = _SIGN.get(told["kind"], 0)
            if sign:
                milli = sign * told["quantity_milli"]
                line["sold_at_till_milli"], moved = ring_for(event["order_ref"], line["sku"], milli)
                line["delta_milli"] = line["sold_at_till_milli"] - milli - moved


def orders_rung_up(fields: Fields) -> list[str]:
    """The orders whose goods the fact of a sale says were rung up, or voided."""
    names = [line["order"] for line in fields["reversed"] if line.get("sold_at_till_milli")]
    if any(line.get("sold_at_till_milli") for line in fields["applied"]):
        names.append(fields["event"]["order_ref"])
    return list(dict.fromkeys(names))


def rung_up(order: Fields, fields: Fields) -> list[Fields]:
    """The order's holds after the fact of a sale."""
    holds: list[Fields] = order["holds"]
    lines = [line for line in reversed(fields["reversed"]) if line.get("order") == order["order"]]
    if fields["event"]["order_ref"] == order["order"]:
        lines += fields["applied"]
    for line in lines:
        if line.get("sold_at_till_milli"):
            holds, _, _ = ring(holds, fields["event"]["store"], line["sku"], line["sold_at_till_milli"])
    return holds


def ring(holds: list[Fields], store: str, sku: str, milli: int) -> tuple[list[Fields], int, int]:
    """(holds after ringing up `milli`, what of it was the order's, what of that was still held); negative to void."""
    after = list(holds)
    left, moved = milli, 0
    for state in _RINGS if milli > 0 else reversed(_RINGS):
        for at, hold in enumerate(after):
            if left and (hold["store"], hold["sku"], hold["state"]) == (store, sku, state):
                rung = hold["sold_at_till_milli"]
                part = min(left, hold["quantity_milli"] - rung) if milli > 0 else max(left, -rung)
                after[at] = {**hold, "sold_at_till_milli": rung + part}
                left -= part
                moved += 0 if state == COLLECTED else part
    return after, milli - left, moved
