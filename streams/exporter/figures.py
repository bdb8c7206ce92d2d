"""Figures of pools and stores, folded from rows of topics; pure.

Gauges follow the newest rows of compacted topics. Sums count what happens from the start on: rows that are read as
history (`is_live` false) change gauges alone, as a sum that jumps at each start would look like a rush.
"""

from collections import Counter
from typing import Any, NamedTuple, get_args

from schemas.statuses import LIVE_APPOINTMENT, LIVE_TASK
from schemas.topics import (
    ORDERS_EVENTS,
    PICKUP_APPOINTMENTS,
    POOL_AVAILABILITY,
    POOL_CONFIG,
    POOL_TASKS,
    RESTOCK_PROPOSALS,
)
from schemas.types.orders import OrderEvent, OrderEventKind, OrderOutcome
from schemas.types.pickup import AppointmentRow
from schemas.types.restock import ProposalStatus, RestockProposal
from schemas.types.stock import Availability
from schemas.types.tasks import TaskRow
from streams.pool.orders.filling import filled_alone

TABLES = (POOL_AVAILABILITY.name, POOL_TASKS.name, PICKUP_APPOINTMENTS.name, RESTOCK_PROPOSALS.name)
"""Read from their beginning."""
LOGS = (ORDERS_EVENTS.name,)
"""Read from now on."""
WINDOWS = ("kept", "late", "no_show")
OUTCOMES = get_args(OrderOutcome)
KINDS = get_args(OrderEventKind)
PROPOSAL_STATUSES = get_args(ProposalStatus)
_COLLECTED = ("handed_over", "part_handed_over")
Store = tuple[str, str]
"""(pool, store)"""


def _how_kept(row: AppointmentRow) -> str | None:
    """How the window of an appointment that ended was kept; None of one that was called off."""
    if row["status"] in _COLLECTED:
        return "late" if row["is_late"] else "kept"
    return "no_show" if row["status"] == "no_show" else None


class _ShelfFigures(NamedTuple):
    """Figures of one row of the availability topic."""

    is_negative: bool
    confidence_permille: int


class Figures:
    """The figures as they stand. One thread calls `take`; who reads beside it keeps it out meanwhile."""

    def __init__(self) -> None:
        self.pools: set[str] = set()
        """Pools that are configured."""
        self.places: set[tuple[str, str]] = set()
        """(pool, place), of places of pickup that are configured."""
        self.shelves: Counter[Store] = Counter()
        self.negative: Counter[Store] = Counter()
        self.confidence_permille: Counter[Store] = Counter()
        """Sum over the shelves."""
        self.newest_ms: dict[Store, int] = {}
        """When the newest change that the availability shows was recorded."""
        self.tasks: Counter[tuple[str, str, str]] = Counter()
        """(pool, store, kind) → tasks that have not ended."""
        self.tasks_ended: Counter[tuple[str, str, str]] = Counter()
        """(pool, store, how)"""
        self.appointments: Counter[tuple[str, str, str]] = Counter()
        """(pool, place, status) → appointments that have not ended."""
        self.windows: Counter[tuple[str, str, str]] = Counter()
        """(pool, place, how it was kept)"""
        self.window_ms: Counter[tuple[str, str]] = Counter()
        """(pool, place) → widths of these windows, as they were promised last."""
        self.proposals: Counter[tuple[str, str]] = Counter()
        """(pool, status) → newest proposals."""
        self.order_events: Counter[tuple[str, str]] = Counter()
        """(pool, kind)"""
        self.orders_ended: Counter[tuple[str, str]] = Counter()
        """(pool, outcome)"""
        self.lines_ordered: Counter[str] = Counter()
        self.lines_filled: Counter[str] = Counter()
        self.lines_filled_alone: Counter[str] = Counter()
        self._shelf: dict[tuple[str, str, str], _ShelfFigures] = {}
        self._task: dict[bytes, tuple[str, str, str]] = {}
        self._appointment: dict[bytes, tuple[str, str, str]] = {}
        self._proposal: dict[bytes, tuple[str, str]] = {}

    def take(self, topic: str, key: bytes, row: Any, *, is_live: bool) -> None:
        """A row of one of the topics, or None where its key is taken back."""
        if topic == POOL_CONFIG.name:
            pool, _, setting = key.decode().partition("/")
            kind, _, name = setting.partition("/")
            self.pools.add(pool)
            if kind == "place":
                self.places.add((pool, name))
        elif topic == POOL_AVAILABILITY.name:
            self._take_shelf(key, row)
        elif topic == POOL_TASKS.name:
            self._take_task(key, row, is_live=is_live)
        elif topic == PICKUP_APPOINTMENTS.name:
            self._take_appointment(key, row, is_live=is_live)
        elif topic == RESTOCK_PROPOSALS.name:
            self._take_proposal(key, row)
        elif row is not None and is_live:
            self._take_event(row)

    def _take_shelf(self, key: bytes, row: Availability | None) -> None:
        pool, sku, store = key.decode().split("/", 2)
        shelf, at = (pool, sku, store), (pool, store)
        before = self._shelf.pop(shelf, None)
        if before is not None:
            self.shelves[at] -= 1
            self.negative[at] -= before.is_negative
            self.confidence_permille[at] -= before.confidence_permille
        if row is not None:
            found = _ShelfFigures(row["on_hand_milli"] < 0, row["confidence_permille"])
            self._shelf[shelf] = found
            self.shelves[at] += 1
            self.negative[at] += found.is_negative
            self.confidence_permille[at] += found.confidence_permille
            self.newest_ms[at] = max(self.newest_ms.get(at, 0), row["recorded_at_ms"])

    def _take_task(self, key: bytes, row: TaskRow | None, *, is_live: bool) -> None:
        before = self._task.pop(key, None)
        if before is not None:
            self.tasks[before] -= 1
        if row is None:
            return
        if row["status"] in LIVE_TASK:
            now = (row["pool"], row["store"], row["kind"])
            self._task[key] = now
            self.tasks[now] += 1
        elif is_live and before is not None:  # else it is told once more
            self.tasks_ended[row["pool"], row["store"], row["status"]] += 1

    def _take_appointment(self, key: bytes, row: AppointmentRow | None, *, is_live: bool) -> None:
        before = self._appointment.pop(key, None)
        if before is not None:
            self.appointments[before] -= 1
        if row is None:
            return
        pool, place = row["pool"], row["place"]
        if row["status"] in LIVE_APPOINTMENT:
            now = (pool, place, row["status"])
            self._appointment[key] = now
            self.appointments[now] += 1
        elif is_live and before is not None:
            how = _how_kept(row)
            if how is not None:
                self.windows[pool, place, how] += 1
                self.window_ms[pool, place] += row["window_until_ms"] - row["window_from_ms"]

    def _take_proposal(self, key: bytes, row: RestockProposal | None) -> None:
        before = self._proposal.pop(key, None)
        if before is not None:
            self.proposals[before] -= 1
        if row is not None:
            now = (row["pool"], row["status"])
            self._proposal[key] = now
            self.proposals[now] += 1

    def _take_event(self, event: OrderEvent) -> None:
        pool, kind = event["pool"], event["kind"]
        if pool not in self.pools:
            return  # a stranger's name: it would be a series for ever
        self.order_events[pool, kind] += 1
        if event["status"] == "ended" and event["outcome"] in OUTCOMES:
            self.orders_ended[pool, event["outcome"]] += 1
        if event["key"] is not None and kind in ("allocated", "unfilled") and event["decision"] is not None:
            self._take_placed(event)

    def _take_placed(self, event: OrderEvent) -> None:
        pool = event["pool"]
        self.lines_ordered[pool] += len(event["lines"])
        self.lines_filled[pool] += sum(not line["unfilled_milli"] for line in event["lines"])
        self.lines_filled_alone[pool] += len(filled_alone(event))
