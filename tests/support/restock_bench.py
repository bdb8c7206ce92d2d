"""A restock partition on a bench: journal pages in, proposals out, committed rows in a dict instead of Kafka."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Producer

from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange, PoolSettings, StoreSettings
from schemas.models.restock_terms import RestockSettings
from schemas.partition import partition_of
from schemas.topics import (
    CATALOG_ITEMS,
    ORDERS_REQUESTS,
    POOL_CONFIG,
    POOL_JOURNAL,
    POS_HISTORY,
    RESTOCK_ANSWERS,
    RESTOCK_CHANGELOG,
    RESTOCK_PROPOSALS,
)
from streams.restock.processor import RestockPartition, RestockProcessor
from streams.runtime.contract import InputRecord, OutputRecord, Rows
from tests.support.partition_bench import PartitionBench
from tests.support.pool import BREAD, DAY_MS, HOUR_MS, MILK, NOON_MS, OTHER_STORE, POOL, STORE, PoolBench, line

MIDNIGHT_MS = NOON_MS // DAY_MS * DAY_MS
TODAY = NOON_MS // DAY_MS
EVERY_DAY = tuple({"weekday": day, "opens_minute": 480, "closes_minute": 1200} for day in range(1, 8))
"""From 8:00 to 20:00."""


@dataclass
class RestockBench(PartitionBench[RestockPartition]):
    """One partition; outputs appear with `commit`."""

    offsets: dict[str, int] = field(default_factory=dict)

    def open(self, rows: Rows) -> RestockPartition:
        return RestockProcessor().open(0, 1, rows)

    def put(self, topic: str, value: bytes | None, appended_at_ms: int = NOON_MS) -> None:
        offset = self.offsets.get(topic, 0)
        self.offsets[topic] = offset + 1
        self.partition.apply(InputRecord(topic, 0, offset, appended_at_ms, b"k", value))

    def follow(self, pages: Iterable[OutputRecord]) -> None:
        """Take journal pages, and commit."""
        for page in pages:
            self.put(POOL_JOURNAL.name, page.value)
        self.commit()

    def answer(self, kind: str, version: int, sku: str = MILK, **fields: Any) -> None:
        said = {
            "pool": POOL, "store": STORE, "sku": sku, "version": version, "kind": kind, "buy_milli": None,
            "with_moves": True, "by": "Anna", "recorded_at_ms": NOON_MS, "origin": "test",
        } | fields  # fmt: skip
        self.put(RESTOCK_ANSWERS.name, topic_codec(RESTOCK_ANSWERS.name).encode(said))
        self.commit()

    def past_sale(self, source_id: str, days_ago: int, quantity_milli: int, version: int = 1, sku: str = MILK) -> None:
        at_ms = MIDNIGHT_MS + 10 * HOUR_MS - days_ago * DAY_MS
        sale = {
            "id": f"{STORE}/csv/{source_id}@{version}", "pool": POOL, "store": STORE,
            "source": {"system": "csv", "id": source_id, "version": version}, "occurred_at_ms": at_ms,
            "recorded_at_ms": at_ms, "lines": [{"line_id": "1", "kind": "sale", **line(quantity_milli, sku)}],
        }  # fmt: skip
        self.put(POS_HISTORY.name, topic_codec(POS_HISTORY.name).encode(sale))

    # --- out --------------------------------------------------------------------------------------------

    def told(self, topic: str) -> list[dict[str, Any]]:
        """Decoded records of an output topic, in order."""
        return [topic_codec(topic).decode(one.value) for one in self.outputs if one.topic == topic]

    def proposals(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The compacted table, by store and item."""
        return {(one["store"], one["sku"]): one for one in self.told(RESTOCK_PROPOSALS.name)}

    def requests(self) -> list[dict[str, Any]]:
        return self.told(ORDERS_REQUESTS.name)

    def row(self, key: str) -> dict[str, Any]:
        """A committed row."""
        decoded: dict[str, Any] = topic_codec(RESTOCK_CHANGELOG.name).decode(self.rows[key])["row"][1]
        return decoded

    def days(self, store: str = STORE, sku: str = MILK) -> dict[int, dict[str, Any]]:
        """The shelf's days, learned or not, by days from the tests' today."""
        found = {}
        for key in self.rows:
            if key.startswith(f"day/{POOL}/{store}/"):
                row = self.row(key)
                for one in row["items"]:
                    if one["sku"] == sku:
                        found[row["day"] - TODAY] = one
        shelf = self.row(f"shelf/{POOL}/{store}/{sku}")
        return found | {one["day"] - TODAY: one for one in shelf["days"]}


def restock_pool(time_zone: str = "UTC", **terms: Any) -> PoolBench:
    """A pool of two stores that open from 8 to 20, and sell milk by packs of 6 and bread that keeps 2 days."""
    pool = PoolBench()
    pool.configure(PoolSettings(name="North", time_zone=time_zone, restock=RestockSettings(**terms)))
    for store in (STORE, OTHER_STORE):
        pool.configure(StoreSettings(store=store, name=store, opening=EVERY_DAY))
    pool.stock_item(MILK, category="Dairy", pack_milli=6_000, cost_minor=80, price_minor=129, supplier="dairy")
    pool.stock_item(
        BREAD, category="Bread", cost_minor=120, price_minor=290, shelf_life_days=2, supplier="baker", pack_milli=1_000
    )
    pool.tick(MIDNIGHT_MS + 9 * HOUR_MS)
    pool.commit()
    return pool


def milk_pool() -> PoolBench:
    """Two days of a pool: milk sells in the corner shop, and the mill has plenty."""
    pool = restock_pool(move_minor_per_trip=10)
    stock_of(pool, STORE, MILK, 14)
    stock_of(pool, OTHER_STORE, MILK, 90)
    sell_days(pool, 2, {(STORE, MILK): 3, (OTHER_STORE, MILK): 1})
    return pool


def publish(pool: PoolBench, options: Mapping[str, str], partitions: int) -> None:
    """Put the pool's settings, items and journal on a Kafka: what a restock worker and our views follow."""
    producer, partition = Producer(dict(options)), partition_of(POOL, partitions)
    keys = {POOL_CONFIG.name: ConfigChange.from_avro, CATALOG_ITEMS.name: CatalogItem.model_validate}
    for record in pool.inputs:
        if record.topic in keys:
            key = keys[record.topic](topic_codec(record.topic).decode(record.value)).key
            producer.produce(record.topic, record.value, key, partition)
    for page in pages(pool):
        producer.produce(page.topic, page.value, page.key, partition)
    producer.flush()


def pages(pool: PoolBench) -> list[OutputRecord]:
    """The journal of the pool as it was published."""
    pool.commit()
    return [output for output in pool.outputs if output.topic == POOL_JOURNAL.name]


def stock_of(pool: PoolBench, store: str, sku: str, units: int) -> None:
    """Put so many units on a shelf at 8:00 of the tests' today."""
    at_ms = MIDNIGHT_MS + 8 * HOUR_MS
    pool.report(
        "opening", f"{store}-{sku}", line(units * 1000, sku), store=store, occurred_at_ms=at_ms, recorded_at_ms=at_ms,
        appended_at_ms=at_ms,
    )  # fmt: skip


def sell_days(pool: PoolBench, days: int, of_day: dict[tuple[str, str], int], first: int = 0) -> None:
    """Let days pass, each with a sale at 10:00 of so many units of (store, SKU).

    first: the first of them, counted from the tests' today.
    """
    for day in range(first, first + days):
        at_ms = MIDNIGHT_MS + day * DAY_MS
        for (store, sku), units in of_day.items():
            now = {"occurred_at_ms": at_ms + 10 * HOUR_MS, "recorded_at_ms": at_ms + 10 * HOUR_MS}
            pool.sell(
                f"{store}-{sku}-{day}", line(units * 1000, sku), store=store, appended_at_ms=at_ms + 10 * HOUR_MS, **now
            )
        pool.pass_time(at_ms + 21 * HOUR_MS)
        pool.commit()
