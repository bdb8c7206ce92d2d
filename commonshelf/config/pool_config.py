"""The present content of `pool.config.v1` and `catalog.items.v1`, understood as the pool's workers do."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from messaging.errors import UserError
from messaging.log_reader import read_log
from schemas.codec import BadMessage, topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange
from schemas.topics import CATALOG_ITEMS, POOL_CONFIG
from streams.catalog import PoolConfig


class UnknownNameError(UserError):
    """A pool or an item that is not there; the sentence names those that are."""


@dataclass
class PoolConfigs:
    """The settings of every pool that was read."""

    catalogs: dict[str, PoolConfig] = field(default_factory=lambda: defaultdict(PoolConfig))
    named: dict[str, str] = field(default_factory=dict)
    """Pool that has settings of its own → its time zone, an IANA name."""
    values: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """(topic, key) → newest value."""
    next_offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    """(topic, partition) → the offset behind its last record."""

    def catalog(self, pool: str) -> PoolConfig:
        """Raises UnknownNameError for a pool that is not configured."""
        if pool not in self.named:
            raise UnknownNameError(f"there is no pool {pool!r}; known pools: {', '.join(sorted(self.named)) or 'none'}")
        return self.catalogs[pool]

    def zone(self, pool: str | None) -> ZoneInfo:
        """The time zone of a pool's wall clocks; UTC when it is not known."""
        return ZoneInfo(self.named.get(pool or "", "UTC"))

    def take(self, topic: str, value: bytes | None) -> None:
        """Apply a record, in the order of its topic."""
        try:
            event: Any = topic_codec(topic).decode(value)
            if topic == POOL_CONFIG.name:
                ConfigChange.from_avro(event)
                self.catalogs[event["pool"]].apply_change(event["change"])
                if event["change"][0] == "commonshelf.PoolSettings":
                    self.named[event["pool"]] = event["change"][1]["time_zone"]
            else:
                CatalogItem.model_validate(event)
                self.catalogs[event["pool"]].apply_item(event)
        except (BadMessage, ValueError):
            return  # a dead letter: the workers do not use it either


def read_pool_config(kafka_options: Mapping[str, str], partitions: list[int] | None = None) -> PoolConfigs:
    """The settings in the topics. Raises KafkaException, TimeoutError."""
    found = PoolConfigs()
    for message in read_log(kafka_options, [POOL_CONFIG.name, CATALOG_ITEMS.name], partitions):
        topic, value = str(message.topic()), message.value()
        key = bytes(message.key() or b"").decode(errors="replace")
        found.next_offsets[topic, message.partition() or 0] = (message.offset() or 0) + 1
        if value is not None:
            found.values[topic, key] = value
        found.take(topic, value)
    return found
