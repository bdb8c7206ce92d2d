"""The appointments of a pool, followed on their topic, as states of which arrival apps are told."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from connectors.arrival.message import Row, appointment_state, forgotten_state, handed_line
from connectors.context import Tables
from connectors.outbound.teller import State
from schemas.statuses import LIVE_TASK
from schemas.topics import CATALOG_ITEMS, PICKUP_APPOINTMENTS, POOL_CONFIG, POOL_TASKS

WAIT_S = 0.05
"""How long to wait for news: so often the driver looks at what else is due."""
_APPOINTMENTS, _TASKS = PICKUP_APPOINTMENTS.name, POOL_TASKS.name
_CONFIG, _ITEMS = POOL_CONFIG.name, CATALOG_ITEMS.name


class Appointments:
    """A source of outbound messages; an item is order/store."""

    def __init__(self, pool: str, follow: Callable[[Sequence[str]], Tables]) -> None:
        self._pool = pool
        self._tables = follow((_APPOINTMENTS, _TASKS, _CONFIG, _ITEMS))
        self._hand_overs: dict[str, str] = {}
        """Item → key of the hand-over that is open for it."""
        self._places: Mapping[str, Row] = {}
        self._stores: Mapping[str, Row] = {}
        self._zone = ZoneInfo("UTC")

    def changed(self) -> Collection[str]:
        changes = self._tables.changes(WAIT_S)
        if any(topic == _CONFIG for topic, _ in changes):
            self._configure()
        ready = {self._take_task(key) for topic, key in changes if topic == _TASKS}
        changed = {self._item(key) for topic, key in changes if topic == _APPOINTMENTS}
        return changed | {item for item in ready if item is not None and self.knows(item)}

    def knows(self, item: str) -> bool:
        return self._key(item) in self._tables.table(_APPOINTMENTS)

    def state(self, item: str) -> State:
        row = self._tables.table(_APPOINTMENTS).get(self._key(item))
        if row is None:
            return forgotten_state(self._pool, item)
        return appointment_state(row, self._places, self._stores, self._zone, self._lines(item))

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

    def _configure(self) -> None:
        self._places = {one["place"]: one for one in self._settings("PickupPlace")}
        self._stores = {one["store"]: one for one in self._settings("StoreSettings")}
        self._zone = next((ZoneInfo(one["time_zone"]) for one in self._settings("PoolSettings")), self._zone)

    def _settings(self, kind: str) -> Iterator[Mapping[str, Any]]:
        for row in self._tables.table(_CONFIG).values():
            name, setting = row["change"]
            if name.rpartition(".")[2] == kind:
                yield setting

    def _key(self, item: str) -> str:
        return f"{self._pool}/{item}"

    def _item(self, key: str) -> str:
        return key.removeprefix(f"{self._pool}/")
