"""Which source events were applied, so that a repeat changes nothing and a revision only its difference.

Facts are kept in pages of 64 in the order in which they were applied, so that pages do not depend on batches.
An index from a 12-byte hash of the event's name to its page and place is derived from the pages and kept locally.
"""

from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from typing import Any, NamedTuple, Protocol

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
    """Where remembered events are looked up."""

    def find(self, pool: str, key: bytes) -> tuple[int, int] | None:
        """(page, position in its facts) of the newest fact about the event, or None."""

    def add(self, pool: str, key: bytes) -> None:
        """The event is remembered from now on; its place follows when the page is stored."""


def event_key(kind: str, event: Fields) -> bytes:
    """Hash of an event's name. Sales and stock reports are named apart."""
    space = "sale" if kind == SALE_TAKEN else "stock"
    source = event["source"]
    system = source["system"]
    name = f"{space}|{event['store']}|{len(system)}|{system}|{source['id']}"
    return blake2b(name.encode(), digest_size=KEY_BYTES).digest()


class Known(NamedTuple):
    """An event's key, and the fields of the newest fact about the event of that name."""

    key: bytes
    before: Fields | None


class Seen:
    """The events of one pool that are remembered. `row` is the pool's row, which counts them."""

    def __init__(self, pool: str, row: dict[str, Any], pages: Table[tuple[str, int], Page], index: Index) -> None:
        self._pool = pool
        self._row = row
        self._pages = pages
        self._index = index
        self._uncommitted: dict[bytes, tuple[int, int]] = {}

    def look_up(self, kind: str, event: Fields) -> Known:
        """What is remembered of the event's name."""
        key = event_key(kind, event)
        place = self._uncommitted.get(key) or self._index.find(self._pool, key)
        if place is None:
            return Known(key, None)
        page = self._pages.get((self._pool, place[0]))
        return Known(key, None if page is None else decode_fact(page.facts, place[1])[1])

    def remember(self, key: bytes, recorded_at_ms: int, fact: bytes) -> None:
        """Keep `fact`, encoded, as the newest about the event of that key."""
        row = self._row
        row["seen_events"] += 1
        number = row["seen_page"]
        at = (self._pool, number)
        page = self._pages.get(at) or Page(self._pool, number, row["clock_ms"])
        position = len(page.facts)
        page.index += _pack_entry(key, position)
        page.facts += fact
        page.clock_ms = max(page.clock_ms, recorded_at_ms, row["clock_ms"])
        self._pages.put(at, page)
        self._uncommitted[key] = (number, position)
        self._index.add(self._pool, key)
        if len(page.index) >= _FULL_INDEX_BYTES or len(page.facts) >= _FULL_FACTS_BYTES:
            row["seen_page"] = number + 1

    def expire(self, late_limit_ms: int) -> None:
        """Forget full pages that no event within the late limit can repeat."""
        row = self._row
        oldest_kept_ms = row["clock_ms"] - late_limit_ms - MARGIN_MS
        while row["first_seen_page"] < row["seen_page"]:
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


_pack_entry = INDEX_ENTRY.pack
_FULL_INDEX_BYTES = EVENTS_PER_PAGE * INDEX_ENTRY.size
_FULL_FACTS_BYTES = 262_144
"""A page closes early when its facts are this large: a row must fit into a Kafka record."""
