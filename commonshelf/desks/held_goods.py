"""Goods that pools hold on their stores' shelves, with the codes that the stores know them by: followed in Kafka."""

import threading
from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaException, Message

from commonshelf.config.pool_config import PoolConfigs
from connectors.context import Held
from messaging.client_options import ClientOptions, quiet
from messaging.decoding import LaterRecords, decoder
from messaging.log_reader import log_consumer, until_end, what_has_come
from messaging.publisher import PublishFailed
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, POOL_AVAILABILITY, POOL_CONFIG
from streams.catalog import PoolConfig
from streams.catalog.goods import is_of_one_unit

_decode = decoder(POOL_AVAILABILITY.name)


class HeldGoods:
    """Follows the pools that are asked for. Thread-safe."""

    def __init__(self, kafka_options: ClientOptions, partitions: int) -> None:
        self._kafka_options = quiet(kafka_options)
        self._partitions = partitions
        self._followed: dict[int, _Followed] = {}
        self._lock = threading.Lock()

    def of(self, pool: str, store: str) -> Sequence[Held]:
        """Every item on a shelf of `store`, as it is now. Raises PublishFailed while Kafka does not answer."""
        partition = partition_of(pool, self._partitions)
        with self._lock:
            try:
                followed = self._followed.get(partition)
                if followed is None:
                    followed = self._followed[partition] = _Followed(self._kafka_options, partition)
                followed.catch_up()
            except (KafkaException, TimeoutError, LaterRecords) as error:
                failed = self._followed.pop(partition, None)
                if failed is not None:  # it lost part of a batch, and its topics may be others: read from the beginning
                    failed.close()
                raise PublishFailed(f"Kafka does not say what is held: {error}") from error
            return followed.held(pool, store)

    def close(self) -> None:
        """Close the connections to Kafka."""
        with self._lock:
            for followed in self._followed.values():
                followed.close()
            self._followed.clear()


class _Followed:
    """One partition of the settings and of the availability."""

    def __init__(self, kafka_options: ClientOptions, partition: int) -> None:
        self._config = PoolConfigs()
        self._held: dict[tuple[str, str], dict[str, int]] = {}
        topics = [POOL_CONFIG.name, CATALOG_ITEMS.name, POOL_AVAILABILITY.name]
        self._consumer: Consumer = log_consumer(kafka_options, topics, [partition])
        try:
            for message in until_end(self._consumer):
                self._take(message)
        except BaseException:
            self._consumer.close()
            raise

    def catch_up(self) -> None:
        """Take what has come since. Raises KafkaException."""
        for message in what_has_come(self._consumer):
            self._take(message)

    def held(self, pool: str, store: str) -> Sequence[Held]:
        catalog = self._config.catalogs[pool]
        codes = _codes(catalog, store)
        shelves = self._held.get((pool, store), {})
        return [Held(sku, held_milli, tuple(codes.get(sku, ()))) for sku, held_milli in shelves.items()]

    def close(self) -> None:
        self._consumer.close()

    def _take(self, message: Message) -> None:
        topic, value = str(message.topic()), message.value()
        if topic != POOL_AVAILABILITY.name:
            self._config.take(topic, value, message.timestamp()[1])
            return
        row = _decode(value)
        if row is not None:
            self._held.setdefault((row["pool"], row["store"]), {})[row["sku"]] = row["held_milli"]


def _codes(catalog: PoolConfig, store: str) -> dict[str, list[str]]:
    """SKU → its codes in `store`, those of the store's own list first; codes that mean something else are left out."""
    found: dict[str, list[str]] = {}
    own = [(f"sku:{sku}", sku) for sku in catalog.items]
    gtins = [(f"gtin:{item['gtin']}", sku) for sku, item in catalog.items.items() if item["gtin"] is not None]
    for code, sku in (*catalog.codes(store).items(), *catalog.codes(None).items(), *own, *gtins):
        meaning = catalog.meaning(store, code)
        if meaning is not None and meaning.sku == sku and is_of_one_unit(meaning):
            found.setdefault(sku, []).append(code)
    return found
