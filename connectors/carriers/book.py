"""The deliveries of a pool, followed in a thread, with what the pool makes of the messages that were published."""

from collections.abc import Callable, Sequence

from connectors.carriers.message import is_delivery
from connectors.context import Answers, Tables
from connectors.inbound.book import PartnerBook, Row
from schemas.topics import POOL_TASKS


class Book(PartnerBook):
    """The deliveries of one carrier. carries_for: whether it carries what a store hands over."""

    def __init__(
        self,
        pool: str,
        carries_for: Callable[[str], bool],
        follow: Callable[[Sequence[str]], Tables],
        answers: Callable[[], Answers],
    ) -> None:
        super().__init__(pool, (POOL_TASKS.name,), follow, answers)
        self._carries_for = carries_for
        self._rows: dict[str, Row] = {}

    def delivery(self, task: str) -> Row | None:
        return self._rows.get(task)

    def put(self, topic: str, item: str, row: Row | None) -> None:
        """Take note of a task."""
        if row is None:
            self._rows.pop(item, None)
        elif is_delivery(row) and self._carries_for(row["store"]):
            self._rows[item] = row
