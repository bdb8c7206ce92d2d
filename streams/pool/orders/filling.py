"""The filling of orders, with the pool and without: the one place where it is counted. Pure.

The board, the demo and the metrics ask here. A line counts as filled without the pool when the store of the customer's
wish gave it, or could have given all of it when the order was decided, and did not fail later. Who wished no store
takes what any gives.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.types.orders import Demand, OrderEvent

_ORDERS_MAX = 20_000
_NO_NEWS = ("refused", "repeated")
_PLACED = ("allocated", "unfilled", "amended")
_NEVER_CAME = ("cancelled", "expired")
"""Outcomes of orders that the customer gave up: nobody failed to fill them."""
_NOT_COLLECTED = "not_collected"
"""Reason of a line that was filled, and nobody came for."""


class Fill(NamedTuple):
    """Lines of orders, and how many of them were filled."""

    lines: int
    with_pool: int
    without: int


def filled_alone(event: OrderEvent) -> set[str]:
    """Ids of the lines that one store could fill, by the decision that placed them: the wished one, where one was."""
    demand = _demand(event)
    return {
        line["line_id"] for line in event["lines"]
        if line["line_id"] not in demand or demand[line["line_id"]]["wanted_milli"] >= line["quantity_milli"]
    }  # fmt: skip


def _demand(event: OrderEvent) -> dict[str, Demand]:
    """Line → what of it goes elsewhere than wished, or to nobody, by the event's decision."""
    return {} if event["decision"] is None else {one["line_id"]: one for one in event["decision"]["demand"]}


@dataclass(slots=True)
class _Standing:
    """An order as far as its lines have come. Lines are named by their id."""

    lines: int = 0
    filled: int = 0
    alone: set[str] = field(default_factory=set)
    wanted_store: str | None = None
    counts: bool = True


class Filling:
    """The newest orders' lines, folded event by event."""

    def __init__(self) -> None:
        self._orders: OrderedDict[str, _Standing] = OrderedDict()
        self._sum = Fill(0, 0, 0)

    @property
    def orders(self) -> int:
        """How many are remembered."""
        return len(self._orders)

    @property
    def fill(self) -> Fill:
        """Of the orders that are remembered."""
        return self._sum

    def take(self, event: OrderEvent) -> None:
        """What an event tells of an order; of transfers, and of what was refused, nothing."""
        if event["transfer"] is not None or not event["lines"] or event["kind"] in _NO_NEWS:
            return
        standing = self._orders.pop(event["order"], None)
        if standing is None:
            standing = _Standing()
        else:
            self._count(standing, -1)
        _note(standing, event)
        self._orders[event["order"]] = standing
        self._count(standing, 1)
        if len(self._orders) > _ORDERS_MAX:
            self._count(self._orders.popitem(last=False)[1], -1)

    def _count(self, standing: _Standing, sign: int) -> None:
        if standing.counts:
            added = (standing.lines, standing.filled, len(standing.alone))
            self._sum = Fill(*(total + sign * part for total, part in zip(self._sum, added, strict=True)))


def _note(standing: _Standing, event: OrderEvent) -> None:
    if event["kind"] in _PLACED and event["decision"] is not None:
        standing.alone = filled_alone(event)
    elsewhere = _demand(event)
    for line in event["lines"]:
        demand = elsewhere.get(line["line_id"])
        if demand is not None:
            standing.wanted_store = demand["wanted_store"] or standing.wanted_store
            if demand["wanted_milli"] < line["quantity_milli"]:
                standing.alone.discard(line["line_id"])
        if any(one["store"] == standing.wanted_store for one in line["declined_by"]):
            standing.alone.discard(line["line_id"])
    standing.lines = len(event["lines"])
    standing.filled = sum(not line["unfilled_milli"] or line["reason"] == _NOT_COLLECTED for line in event["lines"])
    standing.counts = event["outcome"] not in _NEVER_CAME
