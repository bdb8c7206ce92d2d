"""The records of outbound calls, kept in a compacted topic."""

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from connectors.contract import Stores
from connectors.outbound.contract import Record

_Kept_contra = TypeVar("_Kept_contra", contravariant=True)


class Keeps(Stores[_Kept_contra], Protocol[_Kept_contra]):
    """Keeps records of calls, and drops those that nobody needs."""

    def forget(self, record: _Kept_contra) -> None:
        """Return when Kafka has it that the record is gone. Raises PublishError, Superseded."""


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
        publisher: Keeps[Record],
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

    def known(self, party: Hashable) -> dict[str, Record]:
        """The records of a party by item, without asking Kafka: none before `of` has."""
        with self._lock:
            return dict((self._known or {}).get(party, {}))

    def save(self, record: Record) -> None:
        """Return when Kafka has it. Raises PublishError."""
        self.save_all([record])

    def save_all(self, records: Sequence[Record]) -> None:
        """Return when Kafka has all of them. Raises PublishError; then some may be there."""
        if not records:
            return
        self._publisher.publish_all(records)
        self.note(records)

    def note(self, records: Iterable[Record]) -> None:
        """Take for the last records of their items what is saved later."""
        with self._lock:
            for record in records:
                party, item = self._place(record)
                if self._known is not None:
                    self._known.setdefault(party, {})[item] = record

    def forget(self, record: Record) -> None:
        """Drop the record of an item. Raises PublishError."""
        self._publisher.forget(record)
        party, item = self._place(record)
        with self._lock:
            if self._known is not None:
                self._known.get(party, {}).pop(item, None)
