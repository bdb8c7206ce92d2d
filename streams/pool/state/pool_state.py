"""The state of one pool: the books that all aggregates share, and by handle what each aggregate keeps of its own."""

from collections.abc import Callable
from typing import Any, TypeVar

from schemas.avro_parts import bytes_bytes
from schemas.codec import Codec
from schemas.types.state import PoolRow, StaleTermsRow
from streams.catalog import PoolConfig
from streams.pool.state.agenda import Agenda
from streams.pool.state.alarms import Alarms
from streams.pool.state.availability import AVAILABILITY
from streams.pool.state.dedup import INDEX_ENTRY, Dedup, DedupIndex, FactPage
from streams.pool.state.dedup_index import PLACE
from streams.pool.state.part import Part
from streams.pool.state.shelf import Shelf, ShelfKey, shelf_decoder
from streams.pool.state.stale_terms import StaleTerms
from streams.pool.state.tables import PoolTables, TableSpec

P = TypeVar("P")


def _shelf_head(changelog: Codec) -> bytes:
    """What the encoding of each shelf's row begins with."""
    empty = changelog.encode({"row": ("commonshelf.ShelfRow", {"books": b"", "recent": b""})})
    return empty[: -2 * len(bytes_bytes(b""))]


def _shelf_encoder(changelog: Codec) -> Callable[[Shelf], bytes]:
    head = _shelf_head(changelog)
    return lambda shelf: head + shelf.to_avro()


SHELVES: TableSpec[ShelfKey, Shelf] = TableSpec(
    "shelf", "ShelfRow", "/".join, decode=lambda row: Shelf(**row), encoder=_shelf_encoder, published=AVAILABILITY,
    decoder=lambda changelog: shelf_decoder(_shelf_head(changelog)),
)  # fmt: skip
BLOCKS: TableSpec[tuple[ShelfKey, int], bytes] = TableSpec(
    "moves", "MovementBlock", name=lambda key: f"{'/'.join(key[0])}/{key[1]:08d}",
    decode=lambda row: bytes(row["recent"]), fields=lambda moves: {"recent": moves}, cached_rows_max=1_000,
)  # fmt: skip
"""Older movements of a shelf, for a count that arrives late."""
PAGES: TableSpec[tuple[str, int], FactPage] = TableSpec(
    "dedup", "DedupPage", name=lambda key: f"{key[0]}/{key[1]:012d}", cached_rows_max=256,
    decode=lambda row: FactPage(
        row["pool"], row["page"], row["clock_ms"], bytearray(row["index"]), bytearray(row["facts"])
    ),
    fields=lambda page: {
        "pool": page.pool, "page": page.page, "clock_ms": page.clock_ms,
        "index": bytes(page.index), "facts": bytes(page.facts),
    },
)  # fmt: skip
POOLS: TableSpec[str, PoolRow] = TableSpec("pool", "PoolRow", name=str, load=lambda _, __: None)
STALE_TERMS: TableSpec[str, StaleTermsRow] = TableSpec("stale", "StaleTermsRow", name=str, load=lambda _, __: None)
SHARED = (SHELVES, BLOCKS, PAGES, POOLS, STALE_TERMS)
"""Tables that belong to no aggregate alone."""


class PoolState:
    """One pool: its row, its settings, its remembered events, and the partition's tables."""

    def __init__(self, pool: str, tables: PoolTables, index: DedupIndex) -> None:
        self.pool = pool
        self.tables = tables
        self.shelves = tables[SHELVES]
        self.blocks = tables[BLOCKS]
        self.pools = tables[POOLS]
        self.row = self.pools.get(pool) or empty_pool_row()
        self.config = PoolConfig()
        self.dedup = Dedup(pool, self.row, tables[PAGES], index, tables.facts)
        self.alarms = Alarms()
        """What the pool's clock makes due, for all aggregates."""
        self.agenda = Agenda()
        self.may_be_due = True
        """Whether the clock may have made something due that no input has brought about yet; not known at first."""
        self.stale_terms = StaleTerms(tables[STALE_TERMS].get(pool))
        self._parts: dict[Part[Any], Any] = {}

    def __getitem__(self, part: Part[P]) -> P:
        found: P | None = self._parts.get(part)
        if found is None:
            found = self._parts[part] = part.make(self)
        return found

    def close_batch(self) -> None:
        """Write down what outlives the batch and follows from no input."""
        self.dedup.close_batch()
        row = self.stale_terms.row()
        if row is not None:
            self.tables[STALE_TERMS].put(self.pool, row)
        elif self.stale_terms.is_stored:
            self.tables[STALE_TERMS].delete(self.pool)
        self.stale_terms.is_stored = row is not None

    @property
    def next_position(self) -> int:
        """The position of the entry that is being decided."""
        return self.row["position"] + 1

    def shelf(self, sku: str, store: str) -> Shelf | None:
        """The store's books of an item; None for one that nothing has changed yet."""
        return self.shelves.get((self.pool, sku, store))


def empty_pool_row() -> PoolRow:
    """A pool that nothing has happened in."""
    return {
        "position": 0, "clock_ms": 0, "late_before_ms": 0, "first_dedup_page": 0, "dedup_page": 0, "dedup_events": 0,
        "lines_applied": 0, "lines_duplicate": 0, "lines_stale": 0, "lines_quarantined": 0,
        "requests_accepted": 0, "requests_refused": 0, "reports_accepted": 0, "reports_refused": 0,
        "orders_rerouted": 0, "orders_unfilled": 0, "orders_part_filled": 0, "hand_overs_not_rung_up": 0,
        "holds_broken": 0, "holds_expired": 0, "reactions_stopped": 0,
    }  # fmt: skip


def index_entries(row_key: str, raw: bytes, changelog: Codec) -> list[tuple[bytes, bytes]]:
    """What the local index holds of a changelog row: of a page of events, each event's hash and its place."""
    if not row_key.startswith(f"{PAGES.prefix}/"):
        return []
    page = PAGES.decode(changelog.decode(raw)["row"][1])
    pool = page.pool.encode()
    return [(pool + key, PLACE.pack(page.page, position)) for key, position in INDEX_ENTRY.iter_unpack(page.index)]
