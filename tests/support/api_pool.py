"""A pool of three stores whose numbers nothing else has, as the API's callers see it."""

import time
import uuid

from confluent_kafka import Producer

from commonshelf.config.publishing import publish_settings
from commonshelf.config.web_settings import Api
from messaging.log_reader import read_log
from messaging.publisher import Publisher, publish_and_flush
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange, PoolSettings, StoreSettings
from schemas.models.pos import Sale, SaleLine, Source, StockLine, StockReport
from schemas.partition import partition_of
from tests.support.api import HOUR_MS

ON_HAND = {"corner": 41_207, "mill": 73_519, "bakery": 58_313}
"""Thousandths of MILK and of TEA at each store: numbers that nothing else has."""
ALL = (
    "shelves:read", "orders:read", "orders:write", "tasks:read", "tasks:write", "restock:read", "restock:write",
    "statements:read", "webhooks:write",
)  # fmt: skip
LIMITS = Api(public_requests_per_minute=1_000_000, key_requests_per_minute=1_000_000)


class ApiPool:
    """A pool of three stores with two items, which sell by the kilogram."""

    def __init__(self, kafka, partitions, name):
        self.options, self.partitions, self.name = kafka.options, partitions, name
        self.now_ms = time.time_ns() // 1_000_000
        changes = [
            PoolSettings(name="A pool"),
            *(
                StoreSettings(
                    store=store, name=store.title(), latitude_e6=52_500_000 + 1_000 * n, longitude_e6=13_400_000
                )
                for n, store in enumerate(ON_HAND)
            ),
        ]
        head = {"pool": name, "recorded_at_ms": self.now_ms}
        records = [ConfigChange(**head, origin="test", change=change) for change in changes]
        records += [
            CatalogItem(**head, sku=sku, name=sku.title(), category=category, unit="kg")
            for sku, category in (("MILK", "Dairy"), ("TEA", "Dry goods"))
        ]
        publish_settings(self.options, partitions, records)
        for store, quantity_milli in ON_HAND.items():
            lines = [StockLine(line_id=sku, code=f"sku:{sku}", quantity_milli=quantity_milli, unit="kg")
                     for sku in ("MILK", "TEA")]  # fmt: skip
            self.publish(StockReport(**self.head(store, "opening"), kind="opening", lines=tuple(lines)))

    def head(self, store, source_id):
        source = Source(system="test", id=source_id, version=1)
        return {
            "pool": self.name, "store": store, "source": source, "occurred_at_ms": self.now_ms,
            "recorded_at_ms": self.now_ms,
        }  # fmt: skip

    def publish(self, *events):
        with Publisher(self.options, self.partitions) as publisher:
            publish_and_flush(publisher, events)

    def sell(self, store, quantity_milli):
        line = SaleLine(line_id="1", code="sku:MILK", quantity_milli=quantity_milli, unit="kg")
        self.publish(Sale(**self.head(store, uuid.uuid4().hex), lines=(line,)))

    def put_row(self, topic, key, row):
        producer = Producer(self.options)
        value = topic_codec(topic.name).encode(row)
        producer.produce(topic.name, value, key, partition_of(self.name, self.partitions))
        assert producer.flush(60) == 0

    def records(self, topic):
        """What the pool's partition of a topic holds."""
        home = [partition_of(self.name, self.partitions)]
        found = [topic_codec(topic.name).decode(one.value()) for one in read_log(self.options, [topic.name], home)]
        return [one for one in found if one["pool"] == self.name]

    def terms(self, quantity_milli=1_500, store="corner", sku="MILK", **more):
        return {
            "mode": "pickup", "preferred_store": store, "deadline_ms": self.now_ms + 8 * HOUR_MS,
            "lines": [{"line_id": "1", "sku": sku, "quantity_milli": quantity_milli}], **more,
        }  # fmt: skip
