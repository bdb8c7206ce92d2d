"""Memory of the source events that were applied: a repeat changes nothing, a revision only its difference.

Facts are kept in pages of 64 in the order in which they were applied, so that pages do not depend on batches.
An index from a 12-byte hash of the event's name to its page and place is derived from the pages and kept locally.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from typing import Any, NamedTuple, Protocol, cast

from schemas.types.pos import Sale, StockReport
from schemas.types.state import PoolRow
from schemas.types.stock import SaleRecorded, StockReportRecorded
from streams.pool.journal.facts import SALE_RECORDED, STOCK_REPORT_RECORDED, FactCodec
from streams.pool.state.horizon import remembered_since_ms
from streams.runtime.table import Table

EVENTS_PER_PAGE = 64
KEY_BYTES = 12
INDEX_ENTRY = Struct(f"<{KEY_BYTES}sI")
EXPIRED_MAX = 500
"""Pages that one tick forgets."""


@dataclass(slots=True)
class FactPage:
    """A row of the table of applied events; fields as in DedupPage."""

    pool: str
    page: int
    clock_ms: int
    index: bytearray
    facts: bytearray


class DedupIndex(Protocol):
    """Looks remembered events up."""

    def find(self, entry_key: bytes) -> tuple[int, int] | None:
        """(page, position in its facts) of the newest fact about the event, or None. The key is pool + event key."""

    def known(self, entry_keys: Iterable[bytes]) -> list[bytes]:
        """Those of the events that are remembered."""

    def add(self, entry_keys: list[bytes]) -> None:
        """The events are remembered from now on; their places follow when the pages are stored."""


def sale_key(event: Sale | StockReport) -> bytes:
    """Hash of a sale's name."""
    return _key("sale", event)


def plain_sale_key(store: str, system: bytes, source_id: bytes) -> bytes:
    """The same of a sale with an ASCII name."""
    return blake2b(_plain_sender(store, system) + source_id, digest_size=KEY_BYTES).digest()


def plain_sale_keys(senders: Sequence[tuple[str, bytes]], source_ids: Sequence[bytes]) -> list[bytes]:
    """The same of many; a sender is a store and a system."""
    return [
        blake2b(_plain_sender(store, system) + source_id, digest_size=KEY_BYTES).digest()
        for (store, system), source_id in zip(senders, source_ids, strict=True)
    ]


@lru_cache(maxsize=4_096)
def _plain_sender(store: str, system: bytes) -> bytes:
    return b"sale|%b|%d|%b|" % (store.encode(), len(system), system)


def stock_key(event: Sale | StockReport) -> bytes:
    """Hash of a stock report's name: they are named apart from sales."""
    return _key("stock", event)


def _key(space: str, event: Sale | StockReport) -> bytes:
    source = event["source"]
    system = source["system"]
    name = f"{space}|{event['store']}|{len(system)}|{system}|{source['id']}"
    return blake2b(name.encode(), digest_size=KEY_BYTES).digest()


class Known(NamedTuple):
    """An event's key, and the fields of the newest fact about the event of that name."""

    key: bytes
    before: SaleRecorded | StockReportRecorded | None


class Dedup:
    """The events of one pool that are remembered. `row` is the pool's row, which counts them."""

    def __init__(
        self, pool: str, row: PoolRow, pages: Table[tuple[str, int], FactPage], index: DedupIndex, facts: FactCodec
    ) -> None:
        self._pool = pool
        self._row = row
        self._pages = pages
        self._index = index
        self._facts = facts
        self._mark = facts.mark
        self._entry_prefix = pool.encode()
        self._uncommitted: dict[bytes, tuple[int, int]] = {}
        self._closed: dict[bytes, tuple[int, int]] = {}
        """Remembered in the batch that is being committed."""
        self._open_page: FactPage | None = None
        self._found: tuple[Sale | StockReport, Known] | None = None
        """The last look-up: who folds an event asks what was asked when it was decided."""

    def look_up(self, kind: str, event: Sale | StockReport) -> Known:
        """What is remembered of the event's name."""
        if self._found is not None and self._found[0] is event:
            return self._found[1]
        key = sale_key(event) if kind == SALE_RECORDED else stock_key(event)
        place = self.place_of(key)
        page = None if place is None else self._pages.get((self._pool, place[0]))
        before: Any = None if place is None or page is None else self._facts.recall(page.facts, place[1])[1]
        known = Known(key, before)
        self._found = event, known
        return known

    def sale_before(self, sale: Sale) -> SaleRecorded | None:
        """The newest fact about the sale of that name."""
        return cast("SaleRecorded | None", self.look_up(SALE_RECORDED, sale).before)

    def report_before(self, report: StockReport) -> StockReportRecorded | None:
        """The newest fact about the stock report of that name."""
        return cast("StockReportRecorded | None", self.look_up(STOCK_REPORT_RECORDED, report).before)

    def place_of(self, key: bytes) -> tuple[int, int] | None:
        """Where the newest fact about the event of that key is kept; None for a new event."""
        return self._uncommitted.get(key) or self._closed.get(key) or self._index.find(self._entry_prefix + key)

    def known(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of the events that are remembered."""
        prefix = self._entry_prefix
        found = {key[len(prefix) :] for key in self._index.known([prefix + key for key in keys])}
        found.update(filter(self._uncommitted.__contains__, keys), filter(self._closed.__contains__, keys))
        return found

    def newest(self, key: bytes) -> bytes | None:
        """The newest fact about the event of that key, encoded, and what its page holds behind it.

        None for a new event, and for a fact by another schema than today's.
        """
        place, mark = self.place_of(key), self._mark
        page = None if place is None else self._pages.get((self._pool, place[0]))
        if place is None or page is None or not page.facts.startswith(mark, place[1]):
            return None
        return bytes(page.facts[place[1] + len(mark) :])

    def remember(self, key: bytes, recorded_at_ms: int, fact: bytes) -> None:
        """Keep `fact`, encoded, as the newest about the event of that key."""
        self.remember_all((key,), (recorded_at_ms,), (fact,))

    def remember_all(self, keys: Sequence[bytes], recorded_ms: Sequence[int], facts: Sequence[bytes]) -> None:
        """The same of many events, in this order."""
        self._found = None
        row, mark, uncommitted, page = self._row, self._mark, self._uncommitted, None
        row["dedup_events"] += len(keys)
        for key, recorded_at_ms, fact in zip(keys, recorded_ms, facts, strict=True):
            if page is None:
                page = self._page_to_fill()
                index, kept, latest_ms = page.index, page.facts, max(page.clock_ms, row["clock_ms"])
            position = len(kept)
            index += _pack_entry(key, position)
            kept += mark
            kept += fact
            latest_ms = max(latest_ms, recorded_at_ms)
            uncommitted[key] = (page.page, position)
            if len(index) >= _FULL_INDEX_BYTES or len(kept) >= _FULL_FACTS_BYTES:
                self._put_page(page, latest_ms)
                row["dedup_page"] = page.page + 1
                self._open_page = page = None
        if page is not None:
            self._put_page(page, latest_ms)

    def _page_to_fill(self) -> FactPage:
        page = self._open_page
        if page is None:
            row, at = self._row, (self._pool, self._row["dedup_page"])
            page = self._open_page = self._pages.get(at) or FactPage(*at, row["clock_ms"], bytearray(), bytearray())
        return page

    def _put_page(self, page: FactPage, clock_ms: int) -> None:
        page.clock_ms = clock_ms
        self._pages.put((page.pool, page.page), page)

    def latest_recorded_ms(self) -> int:
        """Until when the newest events say that it is: when the latest of the last page was recorded; 0 for none."""
        number = self._row["dedup_page"]
        page = self._pages.get((self._pool, number)) or self._pages.get((self._pool, number - 1))
        return 0 if page is None else page.clock_ms

    def expire(self) -> None:
        """Forget full pages of what is too late when it is told again: so many at most, the next tick more."""
        row = self._row
        oldest_kept_ms = remembered_since_ms(row)
        for _ in range(min(row["dedup_page"] - row["first_dedup_page"], EXPIRED_MAX)):
            at = (self._pool, row["first_dedup_page"])
            page = self._pages.get(at)
            if page is not None:
                if page.clock_ms >= oldest_kept_ms:
                    return
                self._pages.delete(at)
            row["first_dedup_page"] += 1

    def close_batch(self) -> None:
        """What is remembered from now on belongs to the next batch."""
        prefix = self._entry_prefix
        self._index.add([prefix + key for key in self._uncommitted])
        self._closed, self._uncommitted = self._uncommitted, {}

    def committed(self) -> None:
        """The local index holds everything remembered before the last `close_batch`."""
        self._closed = {}

    def uncommitted(self) -> list[bytes]:
        """Keys of the local index that it does not hold yet."""
        prefix = self._entry_prefix
        return [prefix + key for keys in (self._closed, self._uncommitted) for key in keys]


_pack_entry = INDEX_ENTRY.pack
_FULL_INDEX_BYTES = EVENTS_PER_PAGE * INDEX_ENTRY.size
_FULL_FACTS_BYTES = 262_144
"""A page closes early when its facts are this large: a row must fit into a Kafka record."""
