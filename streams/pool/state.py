"""The state of a partition's pools: tables of rows, each row in the changelog under its own key."""

from collections.abc import Callable, Iterator
from typing import Any

from schemas.codec import topic_codec
from schemas.models import ConfigChange
from schemas.topics import POOL_CHANGELOG
from streams.catalog import Catalog
from streams.pool.seen import INDEX_ENTRY, Index, Page, Seen
from streams.pool.seen_index import PLACE
from streams.pool.shelf import Shelf
from streams.runtime.table import Fetch, Table

ShelfKey = tuple[str, str, str]
"""(pool, sku, store)"""
Scan = Callable[[str], Iterator[tuple[str, bytes]]]
"""Committed rows whose key starts with a prefix, in key order."""

_codec = topic_codec(POOL_CHANGELOG.name)


_SHELF_HEADER = _codec.encode({"row": ("commonshelf.ShelfRow", {"books": b"", "recent": b""})})[:-2]


def _encoder(kind: str) -> Callable[[Any], bytes]:
    name = f"commonshelf.{kind}"
    encode = _codec.encode
    return lambda row: encode({"row": (name, row)})


def decode_row(raw: bytes) -> Any:
    """The row of a changelog value."""
    return _codec.decode(raw)["row"][1]


def shelf_row_key(key: ShelfKey) -> str:
    return f"shelf/{key[0]}/{key[1]}/{key[2]}"


def empty_pool_row() -> dict[str, Any]:
    """A pool nobody has spoken of yet."""
    return {
        "number": 0, "clock_ms": 0, "first_seen_page": 0, "seen_page": 0, "seen_events": 0,
        "lines_applied": 0, "lines_duplicate": 0, "lines_stale": 0, "lines_quarantined": 0,
    }  # fmt: skip


def _encode_shelf(shelf: Shelf) -> bytes:
    return _SHELF_HEADER + shelf.to_avro()


def _decode_shelf(raw: bytes) -> Shelf:
    return Shelf(**decode_row(raw))


_encode_page_row = _encoder("SeenPage")


def _encode_page(page: Page) -> bytes:
    return _encode_page_row(
        {"pool": page.pool, "page": page.page, "clock_ms": page.clock_ms, "index": page.index, "facts": page.facts}
    )


_encode_block_row = _encoder("MovementBlock")


class Tables:
    """All tables of a partition."""

    def __init__(self, fetch: Fetch, cached_rows_max: int = 50_000) -> None:
        self.shelves: Table[ShelfKey, Shelf] = Table(
            shelf_row_key, _encode_shelf, _decode_shelf, fetch, cached_rows_max
        )
        self.blocks: Table[tuple[ShelfKey, int], bytes] = Table(
            lambda key: f"moves/{'/'.join(key[0])}/{key[1]:08d}",
            lambda moves: _encode_block_row({"recent": moves}),
            lambda raw: decode_row(raw)["recent"],
            fetch,
            1_000,
        )
        self.pages: Table[tuple[str, int], Page] = Table(
            lambda key: f"seen/{key[0]}/{key[1]:012d}", _encode_page, lambda raw: Page(**decode_row(raw)), fetch, 256
        )
        self.pools: Table[str, dict[str, Any]] = Table(
            lambda pool: f"pool/{pool}", _encoder("PoolRow"), decode_row, fetch
        )
        self.config: Table[str, dict[str, Any]] = Table(
            lambda key: f"config/{key}", _encoder("ConfigChange"), decode_row, fetch, 0
        )
        self.items: Table[str, dict[str, Any]] = Table(
            lambda key: f"item/{key}", _encoder("CatalogItem"), decode_row, fetch, 0
        )

    def drain(self) -> Iterator[tuple[str, bytes | None]]:
        """Every changed row once, in its last value. Ends the batch."""
        for table in (self.shelves, self.blocks, self.pages, self.pools, self.config, self.items):
            if table.changed:
                yield from table.drain()


class PoolState:
    """One pool: its row, its catalog, its remembered events, and the partition's tables."""

    def __init__(self, pool: str, tables: Tables, index: Index) -> None:
        self.pool = pool
        self.tables = tables
        self.row = tables.pools.get(pool) or empty_pool_row()
        self.catalog = Catalog()
        self.seen = Seen(pool, self.row, tables.pages, index)
        self.stale_terms: set[tuple[str | None, str | None]] = set()
        """(sku, store) whose terms changed and whose availability must be told again; None stands for all."""


def load_pools(tables: Tables, index: Index, scan: Scan) -> dict[str, PoolState]:
    """The pools of a partition as its committed rows have them."""
    pools: dict[str, PoolState] = {}

    def pool_state(pool: str) -> PoolState:
        if pool not in pools:
            pools[pool] = PoolState(pool, tables, index)
        return pools[pool]

    for key, _ in scan("pool/"):
        pool_state(key.removeprefix("pool/"))
    for _, raw in scan("config/"):
        row = decode_row(raw)
        pool_state(row["pool"]).catalog.apply_change(*row["change"])
    for _, raw in scan("item/"):
        item = decode_row(raw)
        pool_state(item["pool"]).catalog.apply_item(item)
    return pools


def config_key(plain: dict[str, Any]) -> str:
    """Compaction key of a decoded ConfigChange."""
    return ConfigChange.from_avro(plain).key


def index_entries(row_key: str, raw: bytes) -> list[tuple[bytes, bytes]]:
    """What the local index holds of a changelog row: of a page of events, each event's hash and its place."""
    if not row_key.startswith("seen/"):
        return []
    page = decode_row(raw)
    pool, number = page["pool"].encode(), page["page"]
    return [(pool + key, PLACE.pack(number, position)) for key, position in INDEX_ENTRY.iter_unpack(page["index"])]
