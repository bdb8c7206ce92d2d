"""The state of a partition's pools: tables of rows, each row in the changelog under its own key."""

from collections.abc import Callable, Iterator
from typing import Any

from schemas.codec import topic_codec
from schemas.models.config import ConfigChange
from schemas.topics import POOL_CHANGELOG
from streams.catalog import Catalog
from streams.pool.lending.index import LendingIndex
from streams.pool.orders.index import OrderIndex
from streams.pool.state.dedup import INDEX_ENTRY, Index, Page, Seen
from streams.pool.state.dedup_index import PLACE
from streams.pool.state.shelf import Shelf
from streams.pool.transfers.index import TransferIndex
from streams.runtime.table import Fetch, Table

ShelfKey = tuple[str, str, str]
"""(pool, sku, store)"""
EntityKey = tuple[str, str]
"""(pool, id of an order, a task, a store, a loan, a use or another pool)"""
QuotaKey = tuple[str, str, str]
"""(sku, what is counted, the store or the customer)"""
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
        "position": 0, "clock_ms": 0, "first_dedup_page": 0, "dedup_page": 0, "dedup_events": 0,
        "lines_applied": 0, "lines_duplicate": 0, "lines_stale": 0, "lines_quarantined": 0,
        "requests_accepted": 0, "requests_refused": 0, "reports_accepted": 0, "reports_refused": 0,
        "orders_rerouted": 0, "orders_unfilled": 0, "holds_broken": 0, "holds_expired": 0, "reactions_stopped": 0,
    }  # fmt: skip


def _encode_shelf(shelf: Shelf) -> bytes:
    return _SHELF_HEADER + shelf.to_avro()


def _decode_shelf(raw: bytes) -> Shelf:
    return Shelf(**decode_row(raw))


_encode_page_row = _encoder("DedupPage")


def _encode_page(page: Page) -> bytes:
    return _encode_page_row(
        {
            "pool": page.pool, "page": page.page, "clock_ms": page.clock_ms,
            "index": bytes(page.index), "facts": bytes(page.facts),
        }
    )  # fmt: skip


def _decode_page(raw: bytes) -> Page:
    row = decode_row(raw)
    return Page(row["pool"], row["page"], row["clock_ms"], bytearray(row["index"]), bytearray(row["facts"]))


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
            lambda key: f"seen/{key[0]}/{key[1]:012d}", _encode_page, _decode_page, fetch, 256
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

        self.orders: Table[EntityKey, dict[str, Any]] = Table(
            lambda key: f"order/{key[0]}/{key[1]}", _encoder("OrderRow"), decode_row, fetch
        )
        self.tasks: Table[EntityKey, dict[str, Any]] = Table(
            lambda key: f"task/{key[0]}/{key[1]}", _encoder("TaskRow"), decode_row, fetch
        )
        self.transfers: Table[EntityKey, dict[str, Any]] = Table(
            lambda key: f"transfer/{key[0]}/{key[1]}", _encoder("TransferRow"), decode_row, fetch
        )
        self.quotas: Table[tuple[str, str, str, str], dict[str, Any]] = Table(
            lambda key: f"quota/{key[0]}/{len(key[1])}/{key[1]}/{key[2]}/{key[3]}",
            _encoder("QuotaRow"), decode_row, fetch, 0,
        )  # fmt: skip
        self.loads: Table[EntityKey, dict[str, Any]] = Table(
            lambda key: f"load/{key[0]}/{key[1]}", _encoder("StoreLoad"), decode_row, fetch, 0
        )
        self.loans: Table[EntityKey, dict[str, Any]] = Table(
            lambda key: f"loan/{key[0]}/{key[1]}", _encoder("LoanRow"), decode_row, fetch
        )
        self.uses: Table[EntityKey, dict[str, Any]] = Table(
            lambda key: f"use/{key[0]}/{key[1]}", _encoder("DrawRow"), decode_row, fetch
        )
        self.channels: Table[EntityKey, dict[str, Any]] = Table(
            lambda key: f"channel/{key[0]}/{key[1]}", _encoder("LendingChannel"), decode_row, fetch, 0
        )
        self._all: tuple[Table[Any, Any], ...] = (
            self.shelves, self.blocks, self.pages, self.pools, self.config, self.items,
            self.orders, self.tasks, self.transfers, self.quotas, self.loads, self.loans, self.uses, self.channels,
        )  # fmt: skip

    def drain(self) -> Iterator[tuple[str, bytes | None]]:
        """Every changed row once, in its last value. Ends the batch."""
        for table in self._all:
            if table.changed:
                yield from table.drain()

    def committed(self) -> None:
        """What was drained is behind `fetch` now."""
        for table in self._all:
            table.committed()


class PoolState:
    """One pool: its row, its catalog, its remembered events, and the partition's tables."""

    def __init__(self, pool: str, tables: Tables, index: Index) -> None:
        self.pool = pool
        self.tables = tables
        self.row = tables.pools.get(pool) or empty_pool_row()
        self.catalog = Catalog()
        self.seen = Seen(pool, self.row, tables.pages, index)
        self.order_index = OrderIndex()
        self.transfer_index = TransferIndex()
        self.quota_counts: dict[QuotaKey, int] = {}
        self.lending = LendingIndex(self.catalog.lenders)
        self.strained: dict[ShelfKey, None] = {}
        """Shelves of which more is held than there is; what follows from that is told with the same input."""
        self.doubted: dict[ShelfKey, str] = {}
        """Shelves whose books are in doubt since this input, and why: a recount is opened with the same input."""
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
    for _, raw in scan("order/"):
        order = decode_row(raw)
        pool_state(order["pool"]).order_index.put_order(None, order)
    for _, raw in scan("task/"):
        task = decode_row(raw)
        pool_state(task["pool"]).order_index.put_task(None, task)
    for _, raw in scan("transfer/"):
        transfer = decode_row(raw)
        pool_state(transfer["pool"]).transfer_index.put(None, transfer)
    for _, raw in scan("quota/"):
        quota = decode_row(raw)
        pool_state(quota["pool"]).quota_counts[quota["sku"], quota["kind"], quota["name"]] = quota["count"]
    for key, raw in scan("load/"):
        load = decode_row(raw)
        pool_state(key.split("/")[1]).order_index.loads[load["store"]] = load
    for _, raw in scan("loan/"):
        loan = decode_row(raw)
        pool_state(loan["pool"]).lending.put_loan(loan)
    for _, raw in scan("use/"):
        use = decode_row(raw)
        pool_state(use["pool"]).lending.put_use(use)
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
