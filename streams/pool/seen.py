"""Which source events were applied, so that a repeat changes nothing and a revision only its difference.

Facts are kept in pages of 64 in the order in which they were applied, so that pages do not depend on batches.
An index from a 12-byte hash of the event's name to its page and place is derived from the pages and kept locally.
"""

from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from typing import Any, Protocol

from streams.pool.facts import SALE_TAKEN, Fields, decode_fact
from streams.runtime.table import Table

EVENTS_PER_PAGE = 64
KEY_BYTES = 12
INDEX_ENTRY = Struct(f"<{KEY_BYTES}sI")
MARGIN_MS = 86_400_000
"""Events are remembered for the pool's late limit and this much more."""


@dataclass(slots=True)
class Page:
    """A row of the seen table; fields as in SeenPage."""

    pool: str
    page: int
    clock_ms: int = 0
    index: bytes = b""
    facts: bytes = b""


class Index(Protocol):
    """Where an event's page is looked up."""

    def __call__(self, pool: str, key: bytes) -> tuple[int, int] | None:
        """(page, position in its facts) of the newest fact about the event, or None."""


def event_key(kind: str, event: Fields) -> bytes:
    """Hash of an event's name. Sales and stock reports are named apart."""
    space = "sale" if kind == SALE_TAKEN else "stock"
    source = event["source"]
    return blake2b(
        f"{space}|{event['store']}|{source['system']}|{source['id']}".encode(), digest_size=KEY_BYTES
    ).digest()


class Seen:
    """The events of one pool that are remembered. `row` is the pool's row, which counts them."""

    def __init__(self, pool: str, row: dict[str, Any], pages: Table[tuple[str, int], Page], index: Index) -> None:
        self._pool = pool
        self._row = row
        self._pages = pages
        self._index = index
        self._uncommitted: dict[bytes, tuple[int, int]] = {}
        self._asked: Fields | None = None
        self._answer: tuple[bytes, Fields | None] = (b"", None)

    def find(self, kind: str, event: Fields) -> Fields | None:
        """The fields of the newest fact about the event of that name, or None."""
        return self._look_up(kind, event)[1]

    def _look_up(self, kind: str, event: Fields) -> tuple[bytes, Fields | None]:
        """Key and fields; deciding and folding one event ask twice."""
        if event is not self._asked:
            key = event_key(kind, event)
            self._answer = (key, self._find(key))
            self._asked = event
        return self._answer

    def _find(self, key: bytes) -> Fields | None:
        place = self._uncommitted.get(key) or self._index(self._pool, key)
        if place is None:
            return None
        page = self._pages.get((self._pool, place[0]))
        return None if page is None else decode_fact(page.facts, place[1])[1]

    def remember(self, kind: str, event: Fields, fact: bytes) -> None:
        """Keep `fact`, encoded, as the newest about the event of that name."""
        key = self._look_up(kind, event)[0]
        self._asked = None
        row = self._row
        count = row["seen_events"]
        number = count // EVENTS_PER_PAGE
        at = (self._pool, number)
        page = self._pages.get(at) if count % EVENTS_PER_PAGE else None
        if page is None:
            page = Page(self._pool, number)
        position = len(page.facts)
        page.index += INDEX_ENTRY.pack(key, position)
        page.facts += fact
        page.clock_ms = max(page.clock_ms, row["clock_ms"], event["recorded_at_ms"])
        self._pages.put(at, page)
        self._uncommitted[key] = (number, position)
        row["seen_events"] = count + 1

    def expire(self, late_limit_ms: int) -> None:
        """Forget full pages that no event within the late limit can repeat."""
        row = self._row
        oldest_kept_ms = row["clock_ms"] - late_limit_ms - MARGIN_MS
        while row["first_seen_page"] < row["seen_events"] // EVENTS_PER_PAGE:
            at = (self._pool, row["first_seen_page"])
            page = self._pages.get(at)
            if page is not None:
                if page.clock_ms >= oldest_kept_ms:
                    return
                self._pages.delete(at)
            row["first_seen_page"] += 1

    def committed(self) -> None:
        """The local index holds everything remembered so far."""
        self._uncommitted.clear()
