"""Holds of an order on shelves, and the acts that change them. Rows are never changed in place.

A hold is tentative until the order is confirmed, then picked, then collected. What is released, expired or broken
leaves the order's row; what the till has rung up of it has gone, and stays as collected.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from streams.pool.lending.loans import is_elsewhere

Row = dict[str, Any]
TENTATIVE, CONFIRMED, PICKED, COLLECTED = "tentative", "confirmed", "picked", "collected"
ENDED = "ended"
_KEPT = (TENTATIVE, CONFIRMED, PICKED)


def held_milli(hold: Row) -> int:
    """What of it the shelf still holds."""
    return hold["quantity_milli"] - hold["sold_at_till_milli"] if hold["state"] in _KEPT else 0


def held_on_shelves(order: Row | None) -> dict[tuple[str, str], int]:
    """(sku, store) → what the order holds there, zeros left out; lent goods in use are held by the lender."""
    held: dict[tuple[str, str], int] = defaultdict(int)
    for hold in order["holds"] if order is not None else ():
        if hold["state"] in _KEPT and not is_in_use(hold):
            held[hold["sku"], hold["store"]] += held_milli(hold)
    return {shelf: milli for shelf, milli in held.items() if milli}


def is_in_use(hold: Row) -> bool:
    """Lent goods of a confirmed order: the store keeps them under the lender's own count."""
    return hold["state"] != TENTATIVE and is_elsewhere(hold["store"])


def is_kept(hold: Row) -> bool:
    """Not handed over yet."""
    return hold["state"] in _KEPT


def working_stores(order: Row | None) -> set[str]:
    """Stores that keep goods for it."""
    return {hold["store"] for hold in order["holds"] if hold["state"] in _KEPT} if order is not None else set()


def is_off_the_shelf(order: Row) -> bool:
    """Has a store picked or handed over anything?"""
    return any(hold["state"] in (PICKED, COLLECTED) for hold in order["holds"])


def open_milli(order: Row) -> dict[str, int]:
    """Line id → what is wanted and neither held, handed over nor given up, lines without left out."""
    left = {line["line_id"]: line["quantity_milli"] - line["unfilled_milli"] for line in order["lines"]}
    for hold in order["holds"]:
        left[hold["line_id"]] -= hold["quantity_milli"]
    return {line_id: milli for line_id, milli in left.items() if milli > 0}


def without(holds: Iterable[Row], taken: Callable[[Row], int]) -> list[Row]:
    """The holds less `taken` of each kept one (thousandths, what was rung up stays as collected)."""
    left = []
    for hold in holds:
        milli = min(taken(hold), held_milli(hold)) if hold["state"] in _KEPT else 0
        if milli == 0:
            left.append(hold)
        elif milli < held_milli(hold):
            left.append({**hold, "quantity_milli": hold["quantity_milli"] - milli})
        elif hold["sold_at_till_milli"]:
            left.append({**hold, "quantity_milli": hold["sold_at_till_milli"], "state": COLLECTED})
    return left


def released(holds: Iterable[Row], which: Callable[[Row], bool] = is_kept) -> list[Row]:
    """The holds less those of the kept ones that `which` picks; what was rung up of them stays as collected."""
    left = []
    for hold in holds:
        if not (is_kept(hold) and which(hold)):
            left.append(hold)
        elif hold["sold_at_till_milli"]:
            left.append({**hold, "quantity_milli": hold["sold_at_till_milli"], "state": COLLECTED})
    return left


def fail_lines(order: Row, failed: dict[str, int], store: str, reason: str, *, comes_back: bool) -> Row:
    """The order after `store` could not give what its lines were to get there, by line id, in thousandths.

    The holds are reduced by the caller. With `comes_back` the lines go elsewhere, never to this store again; an order
    that may not be split goes as a whole, unless it may go without the line and goods are off the shelf already.
    """
    lines = []
    for line in order["lines"]:
        if line["line_id"] not in failed:
            lines.append(line)
        elif comes_back:
            barred = any(one["store"] == store for one in line["declined_by"])
            declined_by = line["declined_by"] if barred else [*line["declined_by"], {"store": store, "reason": reason}]
            lines.append({**line, "declined_by": declined_by})
        else:
            given_up = line["unfilled_milli"] + failed[line["line_id"]]
            lines.append({**line, "unfilled_milli": given_up, "reason": reason})
    order = {**order, "lines": lines}
    stays = order["terms"]["may_part_fill"] and is_off_the_shelf(order)
    if comes_back and not order["terms"]["may_split"] and not stays:
        order["holds"] = released(order["holds"])
    return order


def give_up(order: Row, missing: dict[str, int], reason: str) -> Row:
    """Nobody fills `missing`, by line id. An order that wants all or nothing keeps nothing."""
    if missing and not order["terms"]["may_part_fill"]:
        order = {**order, "holds": released(order["holds"])}
        missing = open_milli(order)
    lines = [
        {**line, "unfilled_milli": line["unfilled_milli"] + missing[line["line_id"]], "reason": reason}
        if line["line_id"] in missing
        else line
        for line in order["lines"]
    ]
    return {**order, "lines": lines}


def settled(order: Row, now_ms: int, kept_ms: int) -> Row:
    """The order, ended when nothing is kept for it and nothing more is wanted."""
    if order["status"] == ENDED or any(is_kept(hold) for hold in order["holds"]) or open_milli(order):
        return order
    collected = sum(hold["quantity_milli"] for hold in order["holds"])
    if collected:
        wanted = sum(line["quantity_milli"] for line in order["lines"])
        outcome = "collected" if collected >= wanted else "part_collected"
    elif any(line["reason"] == "not_collected" for line in order["lines"]):
        outcome = "not_collected"
    else:
        outcome = "unfilled"
    return ended(order, outcome, now_ms, kept_ms)


def ended(order: Row, outcome: str, now_ms: int, kept_ms: int) -> Row:
    """The order, ended; what it kept is released."""
    holds = released(order["holds"])
    if holds and outcome in ("cancelled", "expired"):
        outcome = "part_collected"
    # A repeat of the first request must find it, or be past its deadline.
    forget_at_ms = max(now_ms, order["terms"]["deadline_ms"]) + kept_ms
    return {
        **order, "status": ENDED, "outcome": outcome, "holds": holds, "expires_at_ms": 0,
        "ended_at_ms": now_ms, "forget_at_ms": forget_at_ms,
    }  # fmt: skip
