"""The cursors of connectors, kept in a compacted topic: a new host, anywhere, reads on from there."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from connectors.contract import Stores
from messaging.clock import wall_clock_ms
from schemas.models.connectors import ConnectorPosition

Key = tuple[str, str, str, str]


class Positions:
    """The cursors of all connectors of a host. Thread-safe.

    stored: reads what the topic holds now, decoded; called once, when a cursor is first asked for, and again if it
        raised. publisher: `save` returns when Kafka has the cursor.
    """

    def __init__(self, stored: Callable[[], Iterable[Mapping[str, Any]]], publisher: Stores[ConnectorPosition]) -> None:
        self._stored = stored
        self._publisher = publisher
        self._cursors: dict[Key, int] | None = None
        self._lock = threading.Lock()

    def load(self, pool: str, store: str, connector: str, feed: str) -> int | None:
        """The cursor stored last, or None. Raises what `stored` raises."""
        return self._known().get((pool, store, connector, feed))

    def save(self, pool: str, store: str, connector: str, feed: str, cursor: int) -> None:
        """Return when Kafka has it. Raises PublishError."""
        now_ms = wall_clock_ms()
        position = ConnectorPosition(
            pool=pool, store=store, connector=connector, feed=feed, cursor=cursor, stored_at_ms=now_ms
        )
        self._publisher.publish_all([position])
        self._known()[pool, store, connector, feed] = cursor

    def _known(self) -> dict[Key, int]:
        with self._lock:
            if self._cursors is None:
                self._cursors = {
                    (each["pool"], each["store"], each["connector"], each["feed"]): each["cursor"]
                    for each in self._stored()
                }
            return self._cursors
