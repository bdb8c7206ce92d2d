"""The tables of restock's state. Keys begin with the pool; rows are loaded into the processor's `RestockPool`."""

from schemas.types.catalog import CatalogItem
from schemas.types.config import ConfigChange
from schemas.types.restock import (
    ForecastBlock,
    PastSaleRow,
    RestockPoolRow,
    RestockProposal,
    RestockShelfRow,
    StoreDayRow,
    TransitRow,
    WantedOrderRow,
)
from streams.pool.state.tables import TableSpec

Key = tuple[str, ...]
"""The pool, and what names the row in it."""

POOLS: TableSpec[Key, RestockPoolRow] = TableSpec(
    "pool", "RestockPoolRow", "/".join, load=lambda pool, row: pool.history.load_row(row)
)
CONFIG: TableSpec[Key, ConfigChange] = TableSpec(
    "config", "ConfigChange", "/".join, load=lambda pool, row: pool.history.load_change(row)
)
ITEMS: TableSpec[Key, CatalogItem] = TableSpec(
    "item", "CatalogItem", "/".join, load=lambda pool, row: pool.history.config.apply_item(row)
)
SHELVES: TableSpec[Key, RestockShelfRow] = TableSpec(
    "shelf", "RestockShelfRow", "/".join, load=lambda pool, row: pool.history.load_shelf(row)
)
DAYS: TableSpec[Key, StoreDayRow] = TableSpec("day", "StoreDayRow", "/".join, cached_rows_max=1_000)
PAST: TableSpec[Key, PastSaleRow] = TableSpec("past", "PastSaleRow", "/".join, cached_rows_max=10_000)
WANTED: TableSpec[Key, WantedOrderRow] = TableSpec("wanted", "WantedOrderRow", "/".join, cached_rows_max=10_000)
TRANSITS: TableSpec[Key, TransitRow] = TableSpec(
    "transit", "TransitRow", "/".join, cached_rows_max=10_000, load=lambda pool, row: pool.history.load_transit(row)
)
BLOCKS: TableSpec[Key, ForecastBlock] = TableSpec(
    "block", "ForecastBlock", "/".join, load=lambda pool, row: pool.history.load_block(row)
)
PROPOSALS: TableSpec[Key, RestockProposal] = TableSpec(
    "proposal", "RestockProposal", "/".join, load=lambda pool, row: pool.take_proposal(row)
)
TABLES = (POOLS, CONFIG, ITEMS, SHELVES, DAYS, PAST, WANTED, TRANSITS, BLOCKS, PROPOSALS)
"""In the order in which they are loaded: the pool's own row first, settings before what they are about."""
CACHED_ROWS_MAX = 0
"""Of tables that say nothing else: their rows are kept where they are loaded into."""
