"""Holds of an order, the goods that stores keep for it, and how they change. Rows are never changed in place.

A hold is tentative until the order is confirmed, then picked, then collected. What is released, expired or broken
leaves the order's row; what the till has rung up of it has gone, and stays as collected.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from schemas.types.orders import DeclinedBy, Hold, OrderLineState, OrderOutcome, OrderRow
from streams.pool.journal.elsewhere import is_elsewhere

TENTATIVE: Final = "tentative"
CONFIRMED: Final = "confirmed"
PICKED: Final = "picked"
COLLECTED: Final = "collected"
ENDED: Final = "ended"
_KEPT = (TENTATIVE, CONFIRMED, PICKED)


def held_milli(hold: Hold) -> int:
    """What of it the shelf still holds."""
    return hold["quantity_milli"] - hold["sold_at_till_milli"] if hold["state"] in _KEPT else 0


def held_on_shelves(order: OrderRow | None) -> dict[tuple[str, str], int]:
    """(sku, store) → what the order holds there, zeros left out; lent goods in use are held by the lender."""
    held: dict[tuple[str, str], int] = defaultdict(int)
    for hold in order["holds"] if order is not None else ():
        if hold["state"] in _KEPT and not is_drawn(hold):
            held[hold["sku"], hold["store"]] += held_milli(hold)
    return {shelf: milli for shelf, milli in held.items() if milli}


def is_drawn(hold: Hold) -> bool:
    """Lent goods of a confirmed order: the store keeps them under the lender's own count."""
    return hold["state"] != TENTATIVE and is_elsewhere(hold["store"])


def is_kept(hold: Hold) -> bool:
    """Not handed over yet."""
    return hold["state"] in _KEPT


def working_stores(order: OrderRow | None) -> set[str]:
    """Stores that keep goods for it."""
    return {hold["store"] for hold in order["holds"] if hold["state"] in _KEPT} if order is not None else set()


def is_off_the_shelf(order: OrderRow) -> bool:
    """Has a store picked or handed over anything?"""
    return any(hold["state"] in (PICKED, COLLECTED) for hold in order["holds"])


def open_milli(order: OrderRow) -> dict[str, int]:
    """Line id → what is wanted and neither held, handed over nor left unfilled, lines without left out."""
    left = {line["line_id"]: line["quantity_milli"] - line["unfilled_milli"] for line in order["lines"]}
    for hold in order["holds"]:
        left[hold["line_id"]] -= hold["quantity_milli"]
    return {line_id: milli for line_id, milli in left.items() if milli > 0}


def reduce(holds: Iterable[Hold], by: Callable[[Hold], int]) -> list[Hold]:
    """The holds, each kept one less by so many thousandths; what was rung up of it stays as collected."""
    left: list[Hold] = []
    for hold in holds:
        milli = min(by(hold), held_milli(hold)) if hold["state"] in _KEPT else 0
        if milli == 0:
            left.append(hold)
        elif milli < held_milli(hold):
            left.append({**hold, "quantity_milli": hold["quantity_milli"] - milli})
        elif hold["sold_at_till_milli"]:
            left.append(_left_by_till(hold))
    return left


def release(holds: Iterable[Hold], which: Callable[[Hold], bool] = is_kept) -> list[Hold]:
    """The holds without the kept ones that `which` picks; what was rung up of them stays as collected."""
    left: list[Hold] = []
    for hold in holds:
        if not (is_kept(hold) and which(hold)):
            left.append(hold)
        elif hold["sold_at_till_milli"]:
            left.append(_left_by_till(hold))
    return left


def rung_up_whole(holds: Iterable[Hold]) -> list[Hold]:
    """The holds; a kept one of which the till has rung up everything is collected with that."""
    return [_left_by_till(hold) if is_kept(hold) and not held_milli(hold) else hold for hold in holds]


def _left_by_till(hold: Hold) -> Hold:
    return {**hold, "quantity_milli": hold["sold_at_till_milli"], "state": COLLECTED, "left_by_till": True}


def fail_lines(order: OrderRow, failed: dict[str, int], store: str, reason: str, *, comes_back: bool) -> OrderRow:
    """The order after `store` could not give what its lines were to get there, by line id, in thousandths.

    The holds are reduced by the caller. With `comes_back` the lines go elsewhere, never to this store again; an order
    that may not be split goes as a whole, unless it may go without the line and goods are off the shelf already.
    """
    lines: list[OrderLineState] = []
    for line in order["lines"]:
        if line["line_id"] not in failed:
            lines.append(line)
        elif comes_back:
            barred = any(one["store"] == store for one in line["declined_by"])
            declined: DeclinedBy = {"store": store, "reason": reason}
            declined_by = line["declined_by"] if barred else [*line["declined_by"], declined]
            lines.append({**line, "declined_by": declined_by})
        else:
            unfilled = line["unfilled_milli"] + failed[line["line_id"]]
            lines.append({**line, "unfilled_milli": unfilled, "reason": reason})
    order = {**order, "lines": lines}
    stays = order["terms"]["may_part_fill"] and is_off_the_shelf(order)
    if comes_back and not order["terms"]["may_split"] and not stays:
        order["holds"] = release(order["holds"])
    return order


def leave_unfilled(order: OrderRow, missing: dict[str, int], reason: str) -> OrderRow:
    """The order after nobody fills `missing`, by line id. An order that wants all or nothing keeps nothing."""
    if missing and not order["terms"]["may_part_fill"]:
        order = {**order, "holds": release(order["holds"])}
        missing = open_milli(order)
    lines: list[OrderLineState] = [
        {**line, "unfilled_milli": line["unfilled_milli"] + missing[line["line_id"]], "reason": reason}
        if line["line_id"] in missing
        else line
        for line in order["lines"]
    ]
    return {**order, "lines": lines}


def close_if_done(order: OrderRow, now_ms: int, kept_ms: int) -> OrderRow:
    """The order, ended when nothing is kept for it and nothing more is wanted.

    The quarter hours of stores that keep nothing for it any more are given back.
    """
    slots = order.get("slots")
    if slots:
        working = working_stores(order)
        order = {**order, "slots": [slot for slot in slots if slot["store"] in working]}
    if order["status"] == ENDED or any(is_kept(hold) for hold in order["holds"]) or open_milli(order):
        return order
    collected = sum(hold["quantity_milli"] for hold in order["holds"])
    outcome: OrderOutcome
    if collected:
        wanted = sum(line["quantity_milli"] for line in order["lines"])
        outcome = "collected" if collected >= wanted else "part_collected"
    elif any(line["reason"] == "not_collected" for line in order["lines"]):
        outcome = "not_collected"
    else:
        outcome = "unfilled"
    return close(order, outcome, now_ms, kept_ms)


def close(order: OrderRow, outcome: OrderOutcome, now_ms: int, kept_ms: int) -> OrderRow:
    """The order, ended; what it kept is released."""
    holds = release(order["holds"])
    if holds and outcome in ("cancelled", "expired"):
        outcome = "part_collected"
    # A repeat of the first request must find it, or be past its deadline.
    forget_at_ms = max(now_ms, order["terms"]["deadline_ms"]) + kept_ms
    return {
        **order, "status": ENDED, "outcome": outcome, "holds": holds, "expires_at_ms": 0,
        "ended_at_ms": now_ms, "forget_at_ms": forget_at_ms, "slots": [],
    }  # fmt: skip
