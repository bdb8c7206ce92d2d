"""The pool's orders as the board follows them: where demand went, and how much of it is filled."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, NamedTuple

from schemas.types.orders import OrderEvent
from streams.pool.orders.filling import Filling

_MOVES_MAX = 200
_NO_NEWS = ("refused", "repeated")

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


@dataclass
class Flow:
    """One pool's orders, folded event by event, each at most once."""

    position: int = 0
    """Of the newest event taken in; earlier ones change nothing."""
    moves: deque[Move] = field(default_factory=lambda: deque(maxlen=_MOVES_MAX))
    reroutes: int = 0
    filling: Filling = field(default_factory=Filling)

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
        self.filling.take(event)
        found = list(dict.fromkeys(_moves(event)))
        self.moves.extend(found)
        self.reroutes += event["kind"] == "rerouted"
        return found


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
