"""A pool in this process: real bytes in, real facts out, the rows in dicts. Kafka alone is left out."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import Change, ConfigChange
from schemas.models.pos import Source, StockLine, StockReport
from schemas.topics import CATALOG_ITEMS, POOL_CONFIG, POS_STOCK
from streams.pool.processor import PoolProcessor
from streams.pool.state.pool_state import PoolState
from streams.runtime.contract import InputRecord, OutputRecord, Rows

POOL = "bench"
_UNITS = 900_000_000


class LocalPool:
    """One pool. What is put in counts as appended when it is `clock_ms`."""

    def __init__(self, clock_ms: int) -> None:
        self.clock_ms = clock_ms
        self._stored: dict[str, bytes] = {}
        self._index: dict[bytes, bytes] = {}
        self._processor = PoolProcessor()
        self._partition = self._processor.open(0, 1, Rows(self._stored.get, self._scan, self._index.get))
        self._offsets: Counter[str] = Counter()

    @property
    def state(self) -> PoolState:
        """The pool as it stands."""
        return self._partition.pools[POOL]

    def configure(self, change: Change) -> None:
        """Make a setting."""
        event = ConfigChange(pool=POOL, recorded_at_ms=self.clock_ms, origin="bench", change=change)
        self.put(POOL_CONFIG.name, event.to_avro())

    def stock(self, stores: list[str], items: int) -> list[str]:
        """Name so many items, and give each store plenty of each; the items."""
        skus = [f"sku-{number}" for number in range(items)]
        for sku in skus:
            item = CatalogItem(pool=POOL, sku=sku, name="An item", recorded_at_ms=self.clock_ms)
            self.put(CATALOG_ITEMS.name, item.to_avro())
        lines = tuple(StockLine(line_id=sku, code=f"sku:{sku}", quantity_milli=_UNITS) for sku in skus)
        for store in stores:
            report = StockReport(
                pool=POOL, store=store, kind="received", source=Source(system="bench", id=store, version=1),
                occurred_at_ms=self.clock_ms, recorded_at_ms=self.clock_ms, lines=lines,
            )  # fmt: skip
            self.put(POS_STOCK.name, report.to_avro())
        return skus

    def record(self, topic: str, value: Any) -> InputRecord:
        """The next record of a topic, by the fields of its value."""
        offset = self._offsets[topic]
        self._offsets[topic] += 1
        return InputRecord(topic, 0, offset, self.clock_ms, b"", topic_codec(topic).encode(value))

    def apply(self, record: InputRecord) -> None:
        """Decide and fold a record."""
        self._partition.apply(record)

    def put(self, topic: str, value: Any) -> None:
        """Decide and fold the next record of a topic."""
        self.apply(self.record(topic, value))

    def commit(self) -> list[OutputRecord]:
        """End the batch; what it tells."""
        batch = self._partition.close_batch()
        for key, row in batch.rows:
            if row is None:
                self._stored.pop(key, None)
            else:
                self._stored[key] = row
                self._index.update(self._processor.index_entries(key, row))
        self._partition.committed()
        return batch.outputs

    def _scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        return iter(sorted(item for item in self._stored.items() if item[0].startswith(prefix) and item[0] > after))
