"""A directory partition on a bench: settings, shelves and ticks in, what everybody may know out."""

from dataclasses import dataclass, field
from typing import Any

from schemas.codec import topic_codec
from schemas.models.access import Access, AccessSetting, PublicListing
from schemas.models.catalog import CatalogItem
from schemas.models.config import Change, ConfigChange, PickupPlace, PoolSettings, StoreSettings
from schemas.topics import (
    ACCESS_SETTINGS,
    CATALOG_ITEMS,
    POOL_AVAILABILITY,
    POOL_CONFIG,
    POOL_TICKS,
    PUBLIC_AGGREGATES,
    PUBLIC_BANDS,
    PUBLIC_STORES,
)
from streams.directory.processor import DirectoryPartition, DirectoryProcessor
from streams.runtime.contract import InputRecord, Rows
from tests.support.partition_bench import PartitionBench
from tests.support.pool import DAY_MS, NOON_MS, POOL

PUBLIC = (PUBLIC_STORES.name, PUBLIC_BANDS.name, PUBLIC_AGGREGATES.name)


@dataclass
class DirectoryBench(PartitionBench[DirectoryPartition]):
    """One partition; outputs appear with `commit`."""

    inputs: list[InputRecord] = field(default_factory=list)

    def open(self, rows: Rows) -> DirectoryPartition:
        return DirectoryProcessor().open(0, 1, rows)

    def put(self, topic: str, value: Any, key: str = POOL, appended_at_ms: int = NOON_MS) -> None:
        """A record; `value` is what the topic's codec takes, or bytes, or None."""
        encoded = value if value is None or isinstance(value, bytes) else topic_codec(topic).encode(value)
        record = InputRecord(topic, 0, len(self.inputs), appended_at_ms, key.encode(), encoded)
        self.inputs.append(record)
        self.partition.apply(record)

    # --- in ---------------------------------------------------------------------------------------------

    def change(self, change: Change) -> None:
        event = ConfigChange(pool=POOL, recorded_at_ms=NOON_MS, origin="test", change=change)
        self.put(POOL_CONFIG.name, event.to_avro(), event.key)

    def pool(self, **settings: Any) -> None:
        self.change(PoolSettings(name="North", **settings))

    def store(self, store: str, **settings: Any) -> None:
        self.change(StoreSettings(store=store, name=store.title(), **settings))

    def place(self, place: str, *stores: str) -> None:
        self.change(PickupPlace(place=place, name=place.title(), stores=stores))

    def item(self, sku: str, category: str = "Bread") -> None:
        item = CatalogItem(pool=POOL, recorded_at_ms=NOON_MS, sku=sku, name=sku.title(), category=category)
        self.put(CATALOG_ITEMS.name, item.to_avro(), item.key)

    def access(self, setting: Access) -> None:
        event = AccessSetting(pool=POOL, recorded_at_ms=NOON_MS, origin="test", setting=setting)
        self.put(ACCESS_SETTINGS.name, event.to_avro(), event.key)

    def shows(self, store: str, **listing: Any) -> None:
        self.access(PublicListing(store=store, **listing))

    def shelf(self, sku: str, store: str, units: int) -> None:
        row = {
            "pool": POOL, "sku": sku, "store": store, "unit": "each", "available_milli": units * 1000,
            "on_hand_milli": units * 1000 + 7_000, "safety_stock_milli": 7_000, "confidence_permille": 900,
            "recorded_at_ms": NOON_MS, "appended_at_ms": NOON_MS, "position": 1, "held_milli": 0,
            "not_found_milli": 0, "contribution_milli": units * 1000,
        }  # fmt: skip
        self.put(POOL_AVAILABILITY.name, row, f"{POOL}/{sku}/{store}")

    def tick(self, days: float, appended_days: float | None = None) -> None:
        """It is so many days after the tests' noon."""
        at_ms = NOON_MS + int(days * DAY_MS)
        appended_at_ms = at_ms if appended_days is None else NOON_MS + int(appended_days * DAY_MS)
        self.put(POOL_TICKS.name, {"pool": POOL, "at_ms": at_ms, "origin": "test"}, appended_at_ms=appended_at_ms)

    # --- out --------------------------------------------------------------------------------------------

    def told(self, topic: str) -> list[tuple[str, Any]]:
        """(key without the pool, value or None) of an output topic, in order."""
        self.commit()
        return [
            (str(one.key).partition("/")[2], None if one.value is None else topic_codec(topic).decode(one.value))
            for one in self.outputs
            if one.topic == topic
        ]

    def bands(self) -> dict[str, str]:
        """What the compacted table of bands has: SKU/store → band."""
        return {key: row["band"] for key, row in dict(self.told(PUBLIC_BANDS.name)).items() if row is not None}

    def stores(self) -> dict[str, Any]:
        """What the compacted table of stores has."""
        return {key: row for key, row in dict(self.told(PUBLIC_STORES.name)).items() if row is not None}

    def aggregates(self) -> list[dict[str, Any]]:
        return [row for _, row in self.told(PUBLIC_AGGREGATES.name)]
