"""The appointments of a pool, followed in a thread, with what the pool makes of the messages that were published."""

from collections.abc import Callable, Sequence

from connectors.context import Answers, Tables
from connectors.inbound.book import PartnerBook, Row
from schemas.statuses import LIVE_TASK
from schemas.topics import PICKUP_APPOINTMENTS, POOL_TASKS

_APPOINTMENTS, _TASKS = PICKUP_APPOINTMENTS.name, POOL_TASKS.name


class Book(PartnerBook):
    """Appointments and hand-overs of one pool."""

    def __init__(self, pool: str, follow: Callable[[Sequence[str]], Tables], answers: Callable[[], Answers]) -> None:
        super().__init__(pool, (_APPOINTMENTS, _TASKS), follow, answers)
        self._rows: dict[str, Row] = {}
        self._stores: dict[str, frozenset[str]] = {}
        self._hand_overs: dict[str, Row] = {}

    def appointment(self, order: str, store: str) -> Row | None:
        return self._rows.get(f"{order}/{store}")

    def hand_over(self, order: str, store: str) -> Row | None:
        return self._hand_overs.get(f"{order}/{store}")

    def stores(self, order: str) -> frozenset[str]:
        return self._stores.get(order, frozenset())

    def put(self, topic: str, item: str, row: Row | None) -> None:
        """Take note of an appointment, or of a task."""
        if topic == _APPOINTMENTS:
            self._put_appointment(item, row)
        elif row is not None and row["kind"] == "hand_over":
            self._put_hand_over(row)

    def _put_appointment(self, item: str, row: Row | None) -> None:
        order, _, store = item.partition("/")
        stores = self._stores.get(order, frozenset())
        if row is None:
            self._rows.pop(item, None)
            stores -= {store}
        else:
            self._rows[item] = row
            stores |= {store}
        if stores:
            self._stores[order] = stores
        else:
            self._stores.pop(order, None)

    def _put_hand_over(self, row: Row) -> None:
        item = f"{row['order']}/{row['store']}"
        if row["status"] in LIVE_TASK:
            self._hand_overs[item] = row
        elif item in self._hand_overs and self._hand_overs[item]["task"] == row["task"]:
            del self._hand_overs[item]
