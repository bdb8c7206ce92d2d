"""The tables of restock's state: how their rows are named and kept in the changelog."""

from collections.abc import Iterator
from typing import Any

from schemas.codec import Codec
from schemas.topics import RESTOCK_CHANGELOG
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
from streams.runtime.contract import Rows, StateRows
from streams.runtime.table import Table

_IN_MEMORY = 1 << 40
"""Rows of these tables are all kept decoded."""
Key = tuple[str, ...]
"""The pool, and what names the row in it."""


class Tables:
    """All tables of a partition."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.codec = Codec(RESTOCK_CHANGELOG.name)
        self._all: dict[str, Table[Key, Any]] = {}
        self.pools: Table[Key, RestockPoolRow] = self._table("pool", "RestockPoolRow", _IN_MEMORY)
        self.config: Table[Key, ConfigChange] = self._table("config", "ConfigChange", 0)
        self.items: Table[Key, CatalogItem] = self._table("item", "CatalogItem", 0)
        self.shelves: Table[Key, RestockShelfRow] = self._table("shelf", "RestockShelfRow", _IN_MEMORY)
        self.days: Table[Key, StoreDayRow] = self._table("day", "StoreDayRow", 1_000)
        self.past: Table[Key, PastSaleRow] = self._table("past", "PastSaleRow", 10_000)
        self.wanted: Table[Key, WantedOrderRow] = self._table("wanted", "WantedOrderRow", 10_000)
        self.transits: Table[Key, TransitRow] = self._table("transit", "TransitRow", _IN_MEMORY)
        self.blocks: Table[Key, ForecastBlock] = self._table("block", "ForecastBlock", _IN_MEMORY)
        self.proposals: Table[Key, RestockProposal] = self._table("proposal", "RestockProposal", _IN_MEMORY)

    def _table(self, prefix: str, record: str, cached_rows_max: int) -> Table[Key, Any]:
        encode, decode, name = self.codec.encode, self.codec.decode, f"commonshelf.{record}"
        table: Table[Key, Any] = Table(
            lambda key: "/".join((prefix, *key)),
            lambda row: encode({"row": (name, row)}),
            lambda raw: decode(raw)["row"][1],
            self._rows.fetch,
            cached_rows_max,
        )
        self._all[prefix] = table
        return table

    def committed_rows(self, table: Table[Key, Any]) -> Iterator[Any]:
        """The rows of a table as the changelog has them, by key; those of a table in memory are kept there."""
        prefix = next(name for name, one in self._all.items() if one is table)
        for key, raw in self._rows.scan(f"{prefix}/"):
            row = table.decode(raw)
            if table.cached_rows_max == _IN_MEMORY:
                table.cache[tuple(key.split("/", _PARTS[prefix])[1:])] = row
            yield row

    def changed_rows(self) -> int:
        """Rows that changed in this batch."""
        return sum(len(table.changed) for table in self._all.values())

    def drain(self) -> StateRows:
        """Every changed row once, in its last value. Ends the batch."""
        return [row for table in self._all.values() if table.changed for row in table.drain()]

    def committed(self) -> None:
        """What was drained is behind `Rows` now."""
        for table in self._all.values():
            table.committed()


_PARTS = {
    "pool": 1, "config": 2, "item": 2, "shelf": 3, "day": 3, "past": 2, "wanted": 2, "transit": 2, "block": 2,
    "proposal": 3,
}  # fmt: skip
"""Parts of the keys; the last one may have slashes of its own."""
