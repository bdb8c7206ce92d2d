"""Index of a pool's orders and tasks. Made from their rows alone, whenever these are loaded."""

import heapq
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from streams.pool.orders.holds import ENDED, TENTATIVE, held_on_shelves, open_milli, working_stores

Row = dict[str, Any]
ORDER, TASK = "order", "task"
LIVE_TASK = ("open", "claimed")
Name = tuple[str, str]
"""(ORDER or TASK, id)"""


class Alarms:
    """Names by the time at which they are due; the earliest first, names of one time in order."""

    def __init__(self) -> None:
        self._at_ms: dict[Name, int] = {}
        self._heap: list[tuple[int, Name]] = []

    def set(self, name: Name, at_ms: int | None) -> None:
        """Set, or clear with None."""
        if at_ms is None:
            self._at_ms.pop(name, None)
        elif self._at_ms.get(name) != at_ms:
            self._at_ms[name] = at_ms
            heapq.heappush(self._heap, (at_ms, name))
        if len(self._heap) > 2 * len(self._at_ms) + 64:
            self._heap = [(at_ms, name) for name, at_ms in self._at_ms.items()]
            heapq.heapify(self._heap)

    def due(self, clock_ms: int) -> Name | None:
        """The first name that is due at `clock_ms`; it stays until it is set anew or cleared."""
        while self._heap and self._heap[0][0] <= clock_ms:
            at_ms, name = self._heap[0]
            if self._at_ms.get(name) == at_ms:
                return name
            heapq.heappop(self._heap)
        return None


class OrderIndex:
    """Indices over the orders and tasks of one pool."""

    def __init__(self) -> None:
        self.alarms = Alarms()
        """Orders whose holds expire, tasks that escalate, lose their claim or are late."""
        self.forgettable = Alarms()
        """Ended orders and tasks, by when they leave the state."""
        self.unplaced: dict[str, None] = {}
        """Orders with goods that nobody holds and nobody gave up: they are allocated anew at once."""
        self.holding: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        """(sku, store) → orders that hold goods there."""
        self.orders_at: defaultdict[str, dict[str, None]] = defaultdict(dict)
        """Store → orders that it works on."""
        self.tasks_of: defaultdict[str, dict[str, None]] = defaultdict(dict)
        """Order → its tasks that have not ended."""
        self.tasks_at: defaultdict[str, dict[str, None]] = defaultdict(dict)
        """Store → its tasks that have not ended."""
        self.recounts: dict[tuple[str, str], str] = {}
        """(sku, store) → the recount that is under way."""
        self.loads: dict[str, Row] = {}
        """Store → what it was given on the last day that it was given anything."""

    def given_on(self, store: str, day: int) -> int:
        """Orders that the store was given on `day`."""
        load = self.loads.get(store)
        return int(load["given"]) if load is not None and load["day"] == day else 0

    def put_order(self, before: Row | None, order: Row | None) -> None:
        """Take note of an order's new row; None for one that leaves the state."""
        name = (order or before or {})["order"]
        _move(self.holding, held_on_shelves(before), held_on_shelves(order), name)
        _move(self.orders_at, working_stores(before), working_stores(order), name)
        has_ended = order is None or order["status"] == ENDED
        if order is None or has_ended or not open_milli(order):
            self.unplaced.pop(name, None)
        else:
            self.unplaced[name] = None
        is_tentative = order is not None and order["status"] == TENTATIVE
        self.alarms.set((ORDER, name), order["expires_at_ms"] if order is not None and is_tentative else None)
        self.forgettable.set((ORDER, name), order["forget_at_ms"] if order is not None and has_ended else None)

    def put_task(self, before: Row | None, task: Row | None) -> None:
        """The same for a task."""
        row = task or before or {}
        name, is_live = row["task"], task is not None and task["status"] in LIVE_TASK
        for group, key in ((self.tasks_at, row["store"]), (self.tasks_of, row["order"])):
            if key is not None:
                _move(group, {key}, {key} if is_live else (), name)
        if row["kind"] == "recount":
            shelf = (row["lines"][0]["sku"], row["store"])
            if is_live:
                self.recounts[shelf] = name
            elif self.recounts.get(shelf) == name:
                del self.recounts[shelf]
        self.alarms.set((TASK, name), task_alarm_ms(task) if task is not None and is_live else None)
        self.forgettable.set((TASK, name), task["forget_at_ms"] if task is not None and not is_live else None)


def _move(group: Any, before: Any, after: Any, name: str) -> None:
    for key in before:
        if key not in after:
            group[key].pop(name, None)
            if not group[key]:
                del group[key]
    for key in after:
        group[key][name] = None


def task_alarm_ms(task: Row) -> int:
    """When something must happen to a task that nobody touches."""
    if task["status"] == "claimed":
        return int(min(task["lease_until_ms"], task["due_ms"]))
    if task["claim_by_ms"] and not task["escalations"]:
        return int(min(task["claim_by_ms"], task["due_ms"]))
    return int(task["due_ms"])


def due_now(alarms: Alarms, clock_ms: int) -> Iterator[Name]:
    """Every name that is due, each cleared as it is handed out."""
    while (name := alarms.due(clock_ms)) is not None:
        alarms.set(name, None)
        yield name
