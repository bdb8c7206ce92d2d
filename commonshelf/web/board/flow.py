"""The pool's orders as the board follows them: where demand went, and how much is filled with the pool and without."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, NamedTuple

from schemas.types.orders import OrderEvent

_ORDERS_MAX = 20_000
_MOVES_MAX = 200
_NO_NEWS = ("refused", "repeated")
_NEVER_CAME = ("cancelled", "expired")
"""Outcomes of orders that the customer gave up: nobody failed to fill them."""

MoveKind = Literal["sent", "rerouted"]


class Move(NamedTuple):
    """Demand that went from one store to another."""

    position: int
    """Of the journal's entry that moved it."""
    order: str
    kind: MoveKind
    """sent: another store filled it from the start. rerouted: a store had promised it and failed."""
    from_store: str
    to_store: str
    at_ms: int


class Fill(NamedTuple):
    """Lines of orders, and how many of them were filled."""

    lines: int
    with_pool: int
    """Filled by any store."""
    without: int
    """Filled with nothing of another store than the customer chose; who chose none takes what any store gives."""


@dataclass(slots=True)
class _Standing:
    """An order as far as its lines have come. Lines are named by their id."""

    lines: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    unfilled: set[str] = field(default_factory=set)
    counts: bool = True


@dataclass
class Flow:
    """One pool's orders, folded event by event, each at most once."""

    position: int = 0
    """Of the newest event taken in; earlier ones change nothing."""
    moves: deque[Move] = field(default_factory=lambda: deque(maxlen=_MOVES_MAX))
    reroutes: int = 0
    _orders: OrderedDict[str, _Standing] = field(default_factory=OrderedDict)
    _lines: int = 0
    _with_pool: int = 0
    _without: int = 0

    @property
    def orders(self) -> int:
        """How many are remembered: the newest."""
        return len(self._orders)

    @property
    def fill(self) -> Fill:
        """Of the orders that are remembered."""
        return Fill(self._lines, self._with_pool, self._without)

    def newest(self, count: int) -> list[Move]:
        """The newest moves, the very newest first."""
        return list(islice(reversed(self.moves), count))

    def take(self, event: OrderEvent) -> list[Move]:
        """The moves that an event tells of. An event that was taken in before tells of none."""
        if event["position"] <= self.position:
            return []
        self.position = event["position"]
        if event["transfer"] is not None or not event["lines"] or event["kind"] in _NO_NEWS:
            return []
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
        found = list(dict.fromkeys(_moves(event)))
        self.moves.extend(found)
        self.reroutes += event["kind"] == "rerouted"
        return found

    def _count(self, standing: _Standing, sign: int) -> None:
        if standing.counts:
            filled = standing.lines - standing.unfilled
            self._lines += sign * len(standing.lines)
            self._with_pool += sign * len(filled)
            self._without += sign * len(filled - standing.moved)


def _note(standing: _Standing, event: OrderEvent) -> None:
    decision = event["decision"]
    for demand in decision["demand"] if decision is not None else ():
        if demand["wanted_store"] is not None:
            standing.moved.add(demand["line_id"])
    standing.lines = {line["line_id"] for line in event["lines"]}
    standing.unfilled = {line["line_id"] for line in event["lines"] if line["unfilled_milli"]}
    standing.counts = event["outcome"] not in _NEVER_CAME


def _moves(event: OrderEvent) -> Iterator[Move]:
    """Of a decision: from the store that was wanted, or that failed, to those that give the goods."""
    decision, position = event["decision"], event["position"]
    if event["kind"] == "rerouted":
        failed = {line["line_id"]: line["declined_by"][-1]["store"] for line in event["lines"] if line["declined_by"]}
        for hold in event["holds"]:
            if hold["position"] == position and failed.get(hold["line_id"], hold["store"]) != hold["store"]:
                from_store = failed[hold["line_id"]]
                yield Move(position, event["order"], "rerouted", from_store, hold["store"], event["at_ms"])
        return
    for demand in decision["demand"] if decision is not None and event["kind"] in ("allocated", "amended") else ():
        wanted, given = demand["wanted_store"], demand["given_store"]
        if wanted is not None and given is not None and wanted != given:
            yield Move(position, event["order"], "sent", wanted, given, event["at_ms"])
