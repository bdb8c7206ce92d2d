"""The deliveries of a pool, followed on their topic, as states of which carriers are told."""

from collections.abc import Callable, Collection, Sequence

from connectors.carriers.message import Row, delivery_state, forgotten_state, is_delivery
from connectors.context import Tables
from connectors.outbound.contract import NEWS_WAIT_S
from connectors.outbound.settings import PoolSettings
from connectors.outbound.teller import State
from schemas.topics import POOL_CONFIG, POOL_TASKS

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
        self._settings = PoolSettings()

    def changed(self) -> Collection[str]:
        changes = self._tables.changes(NEWS_WAIT_S)
        if any(topic == _CONFIG for topic, _ in changes):
            self._settings.read(self._tables.table(_CONFIG).values())
        tasks = {key.removeprefix(self._prefix) for topic, key in changes if topic == _TASKS}
        there = {task for task in tasks if self.knows(task)}
        found = there | (tasks & self._known)
        self._known = (self._known - tasks) | there
        return found

    def knows(self, item: str) -> bool:
        return self._row(item) is not None

    def state(self, item: str) -> State:
        row = self._row(item)
        if row is None:
            return forgotten_state(self._pool, item)
        return delivery_state(row, self._settings.stores, self._settings.zone)

    def _row(self, item: str) -> Row | None:
        row = self._tables.table(_TASKS).get(f"{self._prefix}{item}")
        return row if row is not None and is_delivery(row) and self._carries_for(row["store"]) else None
