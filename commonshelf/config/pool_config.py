"""The present content of `pool.config.v1` and `catalog.items.v1`, understood as the pool's workers do."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from commonshelf.config.names import check_name
from messaging.decoding import decoder
from messaging.log_reader import read_log
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange
from schemas.topics import CATALOG_ITEMS, POOL_CONFIG
from streams.catalog import PoolConfig
from streams.catalog.standing import stands, told_at_ms


@dataclass
class PoolConfigs:
    """The settings of every pool that was read."""

    catalogs: dict[str, PoolConfig] = field(default_factory=lambda: defaultdict(PoolConfig))
    named: dict[str, str] = field(default_factory=dict)
    """Pool that has settings of its own → its time zone, an IANA name."""
    values: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """(topic, key) → newest value."""
    told_at_ms: dict[tuple[str, str], int] = field(default_factory=dict)
    """(topic, key) → when the setting in force was told, ms since 1970 UTC."""
    next_offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    """(topic, partition) → the offset behind its last record."""

    def catalog(self, pool: str) -> PoolConfig:
        """Raises UnknownNameError for a pool that is not configured."""
        check_name("pool", pool, self.named)
        return self.catalogs[pool]

    def zone(self, pool: str | None) -> ZoneInfo:
        """The time zone of a pool's wall clocks; UTC when it is not known."""
        return ZoneInfo(self.named.get(pool or "", "UTC"))

    def take(self, topic: str, value: bytes | None, appended_at_ms: int) -> None:
        """Apply a record, in the order of its topic; `appended_at_ms` is the broker's time of it.

        Raises LaterRecords.
        """
        event: Any = decoder(topic)(value)
        if event is None:
            return  # a dead letter: the workers do not use it either
        try:
            if topic == POOL_CONFIG.name:
                if not self._stands(topic, ConfigChange.from_avro(event), appended_at_ms):
                    return
                self.catalogs[event["pool"]].apply_change(event["change"])
                if event["change"][0] == "commonshelf.PoolSettings":
                    self.named[event["pool"]] = event["change"][1]["time_zone"]
            else:
                if not self._stands(topic, CatalogItem.model_validate(event), appended_at_ms):
                    return
                self.catalogs[event["pool"]].apply_item(event)
        except ValueError:
            return  # a dead letter, too

    def _stands(self, topic: str, told: ConfigChange | CatalogItem, appended_at_ms: int) -> bool:
        place, told_ms = (topic, told.key), told_at_ms(told.recorded_at_ms, appended_at_ms)
        if not stands(told_ms, self.told_at_ms.get(place)):
            return False  # a dead letter, too
        self.told_at_ms[place] = told_ms
        return True


def read_pool_config(kafka_options: Mapping[str, str], partitions: list[int] | None = None) -> PoolConfigs:
    """The settings in the topics. Raises KafkaException, TimeoutError, LaterRecords."""
    found = PoolConfigs()
    for message in read_log(kafka_options, [POOL_CONFIG.name, CATALOG_ITEMS.name], partitions):
        topic, value = str(message.topic()), message.value()
        key = bytes(message.key() or b"").decode(errors="replace")
        found.next_offsets[topic, message.partition() or 0] = (message.offset() or 0) + 1
        if value is not None:
            found.values[topic, key] = value
        found.take(topic, value, message.timestamp()[1])
    return found
