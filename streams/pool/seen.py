"""Which source events were applied, so that a repeat changes nothing and a revision only its difference.

Events are kept in pages of 64 in the order in which they were applied, so that pages do not depend on batches.
An index from a 12-byte hash of the event's name to its page is derived from the pages and kept locally.
"""

from hashlib import blake2b
from typing import Any, Protocol

from streams.runtime.table import Table

EVENTS_PER_PAGE = 64
KEY_BYTES = 12
MARGIN_MS = 86_400_000
"""Events are remembered for the pool's late limit and this much more."""

Event = dict[str, Any]
Page = dict[str, Any]


class Index(Protocol):
    """Where the page of an event is looked up."""

    def __call__(self, pool: str, key: bytes) -> int | None:
        """Number of the page that last held the event, or None."""


def event_key(kind: str, store: str, system: str, source_id: str) -> bytes:
    """Hash of an event's name. Sales and stock reports are named apart."""
    space = "sale" if kind == "sale" else "stock"
    return blake2b(f"{space}|{store}|{system}|{source_id}".encode(), digest_size=KEY_BYTES).digest()


class Seen:
    """The events of one pool that are remembered. `row` is the pool's row, which counts them."""

    def __init__(self, pool: str, row: dict[str, Any], pages: Table[tuple[str, int], Page], index: Index) -> None:
        self._pool = pool
        self._row = row
        self._pages = pages
        self._index = index
        self._uncommitted: dict[bytes, int] = {}
        self._asked: Event | None = None
        self._answer: tuple[bytes, Event | None] = (b"", None)

    def find(self, fact: Event) -> Event | None:
        """The event of the fact's name as it was last applied, or None."""
        return self._look_up(fact)[1]

    def _look_up(self, fact: Event) -> tuple[bytes, Event | None]:
        """Key and event; deciding and folding one fact ask twice."""
        if fact is not self._asked:
            kind, store, system, source_id = fact["kind"], fact["store"], fact["system"], fact["source_id"]
            key = event_key(kind, store, system, source_id)
            self._answer = (key, self._find(key, kind, store, system, source_id))
            self._asked = fact
        return self._answer

    def _find(self, key: bytes, kind: str, store: str, system: str, source_id: str) -> Event | None:
        number = self._uncommitted.get(key)
        if number is None:
            number = self._index(self._pool, key)
            if number is None:
                return None
        page = self._pages.get((self._pool, number))
        if page is None:
            return None
        is_sale = kind == "sale"
        for event in reversed(page["events"]):
            if (
                event["source_id"] == source_id
                and event["store"] == store
                and event["system"] == system
                and (event["kind"] == "sale") is is_sale
            ):
                return event  # type: ignore[no-any-return]
        return None

    def remember(self, fact: Event, event: Event) -> None:
        """Keep `event` (at least the fields of SeenEvent) as the newest of the fact's name."""
        key = self._look_up(fact)[0]
        self._asked = None
        count = self._row["seen_events"]
        number = count // EVENTS_PER_PAGE
        page = self._pages.get((self._pool, number)) if count % EVENTS_PER_PAGE else None
        if page is None:
            page = {"pool": self._pool, "page": number, "clock_ms": 0, "keys": b"", "events": []}
        page["events"].append(event)
        page["keys"] += key
        page["clock_ms"] = max(page["clock_ms"], self._row["clock_ms"], event["recorded_at_ms"])
        self._pages.put((self._pool, number), page)
        self._uncommitted[key] = number
        self._row["seen_events"] = count + 1

    def expire(self, late_limit_ms: int) -> None:
        """Forget full pages that no event within the late limit can repeat."""
        row = self._row
        oldest_kept_ms = row["clock_ms"] - late_limit_ms - MARGIN_MS
        while row["first_seen_page"] < row["seen_events"] // EVENTS_PER_PAGE:
            at = (self._pool, row["first_seen_page"])
            page = self._pages.get(at)
            if page is not None:
                if page["clock_ms"] >= oldest_kept_ms:
                    return
                self._pages.delete(at)
            row["first_seen_page"] += 1

    def committed(self) -> None:
        """The local index holds everything remembered so far."""
        self._uncommitted.clear()
