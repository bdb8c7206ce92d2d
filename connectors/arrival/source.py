"""The appointments of a pool, followed on their topic, as states of which arrival apps are told."""

from collections.abc import Callable, Collection, Sequence

from connectors.arrival.message import Row, appointment_state, forgotten_state, handed_line
from connectors.context import Tables
from connectors.outbound.contract import NEWS_WAIT_S
from connectors.outbound.settings import PoolSettings
from connectors.outbound.teller import State
from schemas.statuses import LIVE_TASK
from schemas.topics import CATALOG_ITEMS, PICKUP_APPOINTMENTS, POOL_CONFIG, POOL_TASKS

_APPOINTMENTS, _TASKS = PICKUP_APPOINTMENTS.name, POOL_TASKS.name
_CONFIG, _ITEMS = POOL_CONFIG.name, CATALOG_ITEMS.name


class Appointments:
    """A source of outbound messages; an item is order/store."""

    def __init__(self, pool: str, follow: Callable[[Sequence[str]], Tables]) -> None:
        self._pool = pool
        self._tables = follow((_APPOINTMENTS, _TASKS, _CONFIG, _ITEMS))
        self._hand_overs: dict[str, str] = {}
        """Item → key of the hand-over that is open for it."""
        self._settings = PoolSettings()

    def changed(self) -> Collection[str]:
        changes = self._tables.changes(NEWS_WAIT_S)
        if any(topic == _CONFIG for topic, _ in changes):
            self._settings.read(self._tables.table(_CONFIG).values())
        ready = {self._take_task(key) for topic, key in changes if topic == _TASKS}
        changed = {self._item(key) for topic, key in changes if topic == _APPOINTMENTS}
        return changed | {item for item in ready if item is not None and self.knows(item)}

    def knows(self, item: str) -> bool:
        return self._key(item) in self._tables.table(_APPOINTMENTS)

    def state(self, item: str) -> State:
        row = self._tables.table(_APPOINTMENTS).get(self._key(item))
        if row is None:
            return forgotten_state(self._pool, item)
        told = self._settings
        return appointment_state(row, told.places, told.stores, told.zone, self._lines(item))

    def _lines(self, item: str) -> list[Row]:
        task = self._tables.table(_TASKS).get(self._hand_overs.get(item, ""))
        items = self._tables.table(_ITEMS)
        lines = () if task is None else task["lines"]
        return [handed_line(line, items.get(self._key(line["sku"]))) for line in lines]

    def _take_task(self, key: str) -> str | None:
        """The appointment whose goods can be handed over by the task, or could."""
        row = self._tables.table(_TASKS).get(key)
        if row is None or row["kind"] != "hand_over":
            return None
        item = f"{row['order']}/{row['store']}"
        if row["status"] in LIVE_TASK:
            self._hand_overs[item] = key
        elif self._hand_overs.get(item) == key:
            del self._hand_overs[item]
        return item

    def _key(self, item: str) -> str:
        return f"{self._pool}/{item}"

    def _item(self, key: str) -> str:
        return key.removeprefix(f"{self._pool}/")
