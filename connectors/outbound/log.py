"""The records of outbound calls, kept in a compacted topic."""

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Generic

from connectors.contract import Stores
from connectors.outbound.contract import Record


class OutboundLog(Generic[Record]):
    """The last record of each item, by party. Thread-safe.

    stored: reads the topic's rows; called once, and again if it raised. decode: makes a record of a row. place: the
    party and the item of a record.
    """

    def __init__(
        self,
        stored: Callable[[], Iterable[Mapping[str, Any]]],
        decode: Callable[[Mapping[str, Any]], Record],
        place: Callable[[Record], tuple[Hashable, str]],
        publisher: Stores[Record],
    ) -> None:
        self._stored = stored
        self._decode = decode
        self._place = place
        self._publisher = publisher
        self._known: dict[Hashable, dict[str, Record]] | None = None
        self._lock = threading.Lock()

    def of(self, party: Hashable) -> dict[str, Record]:
        """The records of a party by item. Raises what `stored` raises."""
        with self._lock:
            if self._known is None:
                known: dict[Hashable, dict[str, Record]] = {}
                for record in map(self._decode, self._stored()):
                    its_party, item = self._place(record)
                    known.setdefault(its_party, {})[item] = record
                self._known = known
            return dict(self._known.get(party, {}))

    def save(self, record: Record) -> None:
        """Return when Kafka has it. Raises PublishError."""
        self._publisher.publish_all([record])
        party, item = self._place(record)
        with self._lock:
            if self._known is not None:
                self._known.setdefault(party, {})[item] = record
