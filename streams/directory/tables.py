"""The tables of the directory's state. Keys begin with the pool; rows are loaded into `DirectoryPool`."""

from schemas.types.access import AccessSetting
from schemas.types.catalog import CatalogItem
from schemas.types.config import ConfigChange
from schemas.types.directory import AggregateGroupsRow, DirectoryPoolRow, DirectoryShelfRow, PublicStore
from streams.pool.state.tables import TableSpec

Key = tuple[str, ...]
"""The pool, and what names the row in it."""

POOLS: TableSpec[Key, DirectoryPoolRow] = TableSpec(
    "pool", "DirectoryPoolRow", "/".join, load=lambda pool, row: pool.load_row(row)
)
CONFIG: TableSpec[Key, ConfigChange] = TableSpec(
    "config", "ConfigChange", "/".join, load=lambda pool, row: pool.load_change(row)
)
ITEMS: TableSpec[Key, CatalogItem] = TableSpec(
    "item", "CatalogItem", "/".join, load=lambda pool, row: pool.load_item(row)
)
LISTINGS: TableSpec[Key, AccessSetting] = TableSpec(
    "listing", "AccessSetting", "/".join, load=lambda pool, row: pool.load_listing(row)
)
SHELVES: TableSpec[Key, DirectoryShelfRow] = TableSpec(
    "shelf", "DirectoryShelfRow", "/".join, load=lambda pool, row: pool.load_shelf(row)
)
STORES: TableSpec[Key, PublicStore] = TableSpec(
    "store", "PublicStore", "/".join, load=lambda pool, row: pool.load_store(row)
)
GROUPS: TableSpec[Key, AggregateGroupsRow] = TableSpec(
    "groups", "AggregateGroupsRow", "/".join, load=lambda pool, row: pool.load_groups(row)
)
TABLES = (POOLS, CONFIG, ITEMS, LISTINGS, SHELVES, STORES, GROUPS)
"""In the order in which they are loaded."""
CACHED_ROWS_MAX = 0
"""Rows are kept where they are loaded into."""
