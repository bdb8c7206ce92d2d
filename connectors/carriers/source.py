"""The deliveries of a pool, followed on their topic, as states of which carriers are told."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from connectors.carriers.message import Row, delivery_state, forgotten_state, is_delivery
from connectors.context import Tables
from connectors.outbound.teller import State
from schemas.topics import POOL_CONFIG, POOL_TASKS

WAIT_S = 0.05
"""How long to wait for news: so often the driver looks at what else is due."""
_TASKS, _CONFIG = POOL_TASKS.name, POOL_CONFIG.name


class Deliveries:
    """A source of outbound messages; an item is the task that hands a delivery over.

    carries_for: whether the carrier carries what a store hands over.
    """

    def __init__(
        self, pool: str, follow: Callable[[Sequence[str]], Tables], carries_for: Callable[[str], bool]
    ) -> None:
        self._prefix = f"{pool}/"
        self._pool = pool
        self._carries_for = carries_for
        self._tables = follow((_TASKS, _CONFIG))
        self._known: set[str] = set()
        """Deliveries that were there at the last look."""
        self._stores: Mapping[str, Row] = {}
        self._zone = ZoneInfo("UTC")

    def changed(self) -> Collection[str]:
        changes = self._tables.changes(WAIT_S)
        if any(topic == _CONFIG for topic, _ in changes):
            self._configure()
        tasks = {key.removeprefix(self._prefix) for topic, key in changes if topic == _TASKS}
        there = {task for task in tasks if self.knows(task)}
        found = there | (tasks & self._known)
        self._known = (self._known - tasks) | there
        return found

    def knows(self, item: str) -> bool:
        return self._row(item) is not None

    def state(self, item: str) -> State:
        row = self._row(item)
        return forgotten_state(self._pool, item) if row is None else delivery_state(row, self._stores, self._zone)

    def _row(self, item: str) -> Row | None:
        row = self._tables.table(_TASKS).get(f"{self._prefix}{item}")
        return row if row is not None and is_delivery(row) and self._carries_for(row["store"]) else None

    def _configure(self) -> None:
        self._stores = {one["store"]: one for one in self._settings("StoreSettings")}
        self._zone = next((ZoneInfo(one["time_zone"]) for one in self._settings("PoolSettings")), self._zone)

    def _settings(self, kind: str) -> Iterator[Mapping[str, Any]]:
        for row in self._tables.table(_CONFIG).values():
            name, setting = row["change"]
            if name.rpartition(".")[2] == kind:
                yield setting
