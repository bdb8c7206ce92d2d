"""Checks of one order's row against the row before, for the auditor of the simulation."""

from typing import Any

from streams.pool.journal.facts import FULFILMENT_REPORT_DECIDED

Row = dict[str, Any]
KEPT = ("tentative", "confirmed", "picked")


class ViolationError(AssertionError):
    """The pool did what it must not do."""


def require(holds: object, what: str, *about: object) -> None:
    """Raises ViolationError unless it holds."""
    if not holds:
        raise ViolationError(f"{what}: {', '.join(map(repr, about))}")


def check_steps(what: str, kind: str, before: Row | None, order: Row) -> None:
    """Holds go on in their order, each by its own cause."""

    def milli(row: Row | None, state: str) -> int:
        return sum(one["quantity_milli"] for one in row["holds"] if one["state"] == state) if row is not None else 0

    gained = {state: milli(order, state) - milli(before, state) for state in (*KEPT, "collected")}
    rung = sum(one["sold_at_till_milli"] for one in order["holds"])
    require(gained["picked"] <= 0 or kind == FULFILMENT_REPORT_DECIDED, "picked by nobody", what, before, order)
    if kind != FULFILMENT_REPORT_DECIDED:
        require(gained["collected"] <= rung, "collected by nobody", what, before, order)
    require(gained["collected"] >= 0, "given back what was collected", what, before, order)
    is_confirming = what in ("confirmed", "amended", "rerouted", "unfilled")
    require(gained["confirmed"] <= 0 or is_confirming, "confirmed by nobody", what, before, order)
    is_promising = what in ("placed", "amended", "rerouted", "unfilled")
    require(gained["tentative"] <= 0 or is_promising, "promised by nobody", what, before, order)
    if what == "confirmed":
        require(gained["confirmed"] == -gained["tentative"], "confirming changes no promise", before, order)


def check_lines(order: Row) -> None:
    for line in order["lines"]:
        kept = sum(one["quantity_milli"] for one in order["holds"] if one["line_id"] == line["line_id"])
        require(kept + line["unfilled_milli"] <= line["quantity_milli"], "more than was wanted", line, order)
        require(line["unfilled_milli"] >= 0, "given up less than nothing", line)
    for hold in order["holds"]:
        require(0 <= hold["sold_at_till_milli"] <= hold["quantity_milli"] > 0, "a hold", hold, order)
