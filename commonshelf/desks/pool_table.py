"""The availability of a pool as a reader sees it: per item the sum, and each store's part."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer

from commonshelf.config.names import check_name
from commonshelf.config.publishing import current
from messaging.decoding import decoder
from messaging.log_reader import is_record, table_consumer, until_end
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, POOL_AVAILABILITY, POOL_CONFIG

_decode = decoder(POOL_AVAILABILITY.name)


@dataclass(frozen=True)
class ItemAvailability:
    """One item of a pool. Quantities are thousandths of `unit`; `stores` are rows of pool.availability.v1."""

    sku: str
    name: str
    unit: str
    available_milli: int
    stores: list[dict[str, Any]]


@dataclass
class PoolTable:
    """A pool's table, to which newer rows may be added."""

    pool: str
    names: Mapping[str, str]
    """SKU → the item's name."""
    rows: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def put(self, row: dict[str, Any]) -> None:
        if row["pool"] == self.pool:
            self.rows[row["sku"], row["store"]] = row

    def items(self, sku: str | None = None) -> list[ItemAvailability]:
        """All items in order of their SKU, or the one named. Raises UnknownNameError."""
        by_sku: dict[str, list[dict[str, Any]]] = {}
        for key in sorted(self.rows):
            by_sku.setdefault(key[0], []).append(self.rows[key])
        if sku is not None:
            check_name("item", sku, {*by_sku, *self.names}, f"pool {self.pool}")
            by_sku = {sku: by_sku.get(sku, [])}
        return [
            ItemAvailability(
                sku=one,
                name=self.names.get(one, ""),
                unit=rows[0]["unit"] if rows else "each",
                available_milli=sum(row["available_milli"] for row in rows),
                stores=rows,
            )
            for one, rows in by_sku.items()
        ]


class PoolReader:
    """Reads a pool's table to its present end, then follows it. Close it."""

    def __init__(self, kafka_options: Mapping[str, str], pool: str, partitions: int) -> None:
        """Raises UnknownNameError for a pool that is not configured, KafkaException when Kafka does not answer."""
        pools = {change["pool"] for change in current(kafka_options, POOL_CONFIG.name)}
        check_name("pool", pool, pools)
        partition = [partition_of(pool, partitions)]
        items = current(kafka_options, CATALOG_ITEMS.name, partition)
        self.table = PoolTable(pool, {item["sku"]: item["name"] for item in items if item["pool"] == pool})
        self._consumer: Consumer = table_consumer(kafka_options, POOL_AVAILABILITY.name, partition)
        for message in until_end(self._consumer):
            self._take(message.value())

    def follow(self, timeout_s: float) -> Iterator[dict[str, Any]]:
        """The rows that arrive within `timeout_s`, each also put into the table."""
        for message in self._consumer.consume(1000, timeout_s):
            row = self._take(message.value()) if is_record(message) else None
            if row is not None:
                yield row

    def close(self) -> None:
        self._consumer.close()

    def _take(self, value: bytes | None) -> dict[str, Any] | None:
        row: dict[str, Any] | None = _decode(value)
        if row is not None:
            self.table.put(row)
        return row
