"""Follows what the pool tells about orders and tasks, as any downstream service would."""

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from commonshelf.demo.topic_watch import TopicWatch
from schemas.topics import ORDERS_EVENTS, POOL_TASKS
from schemas.types.orders import OrderEvent
from streams.pool.orders.filling import Filling

_RATE_OVER_S = 60.0
_ANSWERS = frozenset({"allocated", "unfilled", "refused"})
_KEPT = frozenset({"tentative", "confirmed", "picked"})
Row = Mapping[str, Any]


@dataclass(slots=True)
class OrdersView:
    """The orders as seen so far. Lines are lines of orders."""

    answered: int = 0
    """Orders that were allocated, or refused with a reason."""
    lines_answered: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """Ended orders by outcome."""
    reroutes: int = 0
    late_tasks: int = 0
    """Tasks that nobody claimed or ended in time."""
    filling: Filling = field(default_factory=Filling)
    """What is filled of the newest, with the pool and without."""
    orders: dict[str, int] = field(default_factory=dict)
    """Holds that go on, by order."""
    reroutes_at_s: deque[float] = field(default_factory=deque)

    @property
    def holds(self) -> int:
        """Goods kept for orders now: one hold for each line and store."""
        return sum(list(self.orders.values()))

    @property
    def reroutes_per_min(self) -> int:
        """In the last minute."""
        since_s = time.monotonic() - _RATE_OVER_S
        return sum(at_s > since_s for at_s in list(self.reroutes_at_s))

    def take_event(self, event: Row) -> None:
        """A message of orders.events."""
        kind = event["kind"]
        if kind in _ANSWERS and event["order"] not in self.orders:
            self.answered += 1
            self.lines_answered += len(event["lines"])
        if kind == "rerouted":
            self.reroutes += 1
            self.reroutes_at_s.append(time.monotonic())
            while self.reroutes_at_s[0] < time.monotonic() - _RATE_OVER_S:
                self.reroutes_at_s.popleft()
        if event["status"] == "ended" and event["outcome"]:
            self.outcomes[event["outcome"]] += 1
        if event["status"]:
            self.orders[event["order"]] = sum(hold["state"] in _KEPT for hold in event["holds"])
        self.filling.take(cast("OrderEvent", event))


class OrdersWatch(TopicWatch):
    """Reads one pool's reroutes and tasks from now on, in a thread of its own, in which `on_event` and `on_task` run.

    `view` is written by that thread only. `check` raises what ended the thread.
    """

    def __init__(
        self,
        kafka_options: Mapping[str, str],
        pool: str,
        partitions: int,
        on_event: Callable[[Row], None],
        on_task: Callable[[Row], None],
    ) -> None:
        self.view = OrdersView()
        self._on_event = on_event
        self._on_task = on_task
        self._late: set[str] = set()
        super().__init__(kafka_options, "orders", (ORDERS_EVENTS.name, POOL_TASKS.name), pool, partitions)

    def _take(self, topic: str, row: Row) -> None:
        if topic == ORDERS_EVENTS.name:
            self.view.take_event(row)
            self._on_event(row)
            return
        if (row["status"] == "late" or row["escalations"]) and row["task"] not in self._late:
            self._late.add(row["task"])
            self.view.late_tasks += 1
        self._on_task(row)
