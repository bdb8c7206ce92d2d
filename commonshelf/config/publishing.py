"""Publishes what settings declare (pools, stores, code mappings, catalog), and only what differs from the topics."""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from commonshelf.config.catalog_files import ORIGIN, read_catalog, read_codes
from commonshelf.config.consistency import SettingsRecord, check_consistency, in_order
from commonshelf.config.settings import Settings
from messaging.client_options import ClientOptions, quiet
from messaging.clock import wall_clock_ms
from messaging.decoding import decoder
from messaging.errors import UserError
from messaging.log_reader import read_table
from schemas.codec import BadMessage, LaterSchema, topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, POOL_AVAILABILITY, POOL_CONFIG
from streams.catalog import PoolConfig


class SharedCodeError(UserError):
    """Two items have one code."""


class LaterSettingsError(UserError):
    """The topics have settings that a later release wrote: this one does not know what it would replace."""


_ABOUT_THE_CHANGE = frozenset({"recorded_at_ms", "origin"})
"""Fields that say when and by whom, not what."""


def records_of(settings: Settings, now_ms: int | None = None) -> Iterator[SettingsRecord]:
    """All records that the settings stand for, catalog files read. Raises UnusableFileError."""
    now_ms = wall_clock_ms() if now_ms is None else now_ms
    for pool in settings.pools:
        yield ConfigChange(pool=pool.id, recorded_at_ms=now_ms, origin=ORIGIN, change=pool.declared())
        for file in pool.catalog_files:
            yield from read_catalog(file, pool.id, pool.currency, now_ms)
    for store in settings.stores:
        yield ConfigChange(pool=store.pool, recorded_at_ms=now_ms, origin=ORIGIN, change=store.declared())
        for file in store.code_files:
            yield from read_codes(file, store.pool, store.id, now_ms)


def publish_settings(kafka_options: ClientOptions, partitions: int, records: Iterable[SettingsRecord]) -> int:
    """Publish the records that say something new, acknowledged by Kafka. Returns how many.

    Of several records with one key the last one counts. Raises KafkaException or PublishError; and before anything is
    published SharedCodeError, LaterSettingsError, or UnknownNameError and UnitInUseError for what does not fit.
    """
    from messaging.publisher import Publisher, publish_and_flush

    wanted = {(_topic(record), record.key): record for record in records}
    if not wanted:
        return 0
    homes = sorted({partition_of(record.pool, partitions) for record in wanted.values()})
    known = _known(kafka_options, homes)
    news = {
        place: _after(record, known.get(place))
        for place, record in wanted.items()
        if place not in known or _meaning(known[place]) != _meaning(_as_decoded(record))
    }
    if not news:
        return 0
    check_codes([*_items(known, wanted), *(each for each in wanted.values() if isinstance(each, CatalogItem))])
    pools, configured = _in_force(known)
    check_consistency(pools, configured, news.values(), partial(_stock_of, kafka_options, partitions))
    # Not compressed: the agents' Kafka client reads lz4 only with a package of its own, and settings are few.
    with Publisher(
        {**quiet(kafka_options), "compression.type": "none", "retry.backoff.ms": "50"}, partitions
    ) as publisher:
        ordered = in_order(news.values())
        items = [record for record in ordered if isinstance(record, CatalogItem)]
        publish_and_flush(publisher, items)  # acknowledged before what names them is sent
        publish_and_flush(publisher, ordered[len(items) :])
    return len(news)


def _in_force(known: Mapping[tuple[str, str], Any]) -> tuple[dict[str, PoolConfig], set[str]]:
    """(settings by pool, pools with settings of their own); what is no good any more is the workers' business."""
    pools, configured = defaultdict[str, PoolConfig](PoolConfig), set[str]()
    for (topic, key), value in known.items():
        pool = key.partition("/")[0]
        if topic == CATALOG_ITEMS.name:
            pools[pool].apply_item(value)
        else:
            pools[pool].apply_change(value["change"])
            if value["change"][0] == "commonshelf.PoolSettings":
                configured.add(pool)
    return pools, configured


def _stock_of(kafka_options: ClientOptions, partitions: int, pool: str, sku: str) -> str | None:
    """A store whose books have goods of an item, as the pool tells it; None for none."""
    for row in current(kafka_options, POOL_AVAILABILITY.name, [partition_of(pool, partitions)]):
        if (row["pool"], row["sku"]) == (pool, sku) and (
            row["on_hand_milli"] or row["held_milli"] or row["not_found_milli"]
        ):
            return str(row["store"])
    return None


def check_codes(items: Iterable[CatalogItem]) -> None:
    """Raise SharedCodeError where two items of a pool have one barcode."""
    owners: dict[tuple[str, str], str] = {}
    for item in items:
        owner = owners.setdefault((item.pool, item.gtin), item.sku) if item.gtin is not None else item.sku
        if owner != item.sku:
            raise SharedCodeError(
                f"the items {owner} and {item.sku} of pool {item.pool} both have the barcode {item.gtin}, so that a "
                f"till's line of it would mean neither; give it to one of them (a row of {owner} in a catalog file "
                "whose gtin is empty takes it back)"
            )


def _items(known: Mapping[tuple[str, str], Any], besides: Container[tuple[str, str]]) -> Iterator[CatalogItem]:
    """The items that the topic has; what is no item any more is the workers' business."""
    for place, value in known.items():
        if place[0] == CATALOG_ITEMS.name and place not in besides:
            try:
                yield CatalogItem.model_validate(value | {"recorded_at_ms": 0})
            except ValueError:
                continue


def current(kafka_options: ClientOptions, topic: str, partitions: list[int] | None = None) -> Iterator[Any]:
    """The values that a compacted topic holds now; bad ones are the workers' business and left out here.

    Raises LaterRecords, KafkaException, TimeoutError.
    """
    decode = decoder(topic)
    for value in read_table(kafka_options, topic, partitions).values():
        row = decode(value)
        if row is not None:
            yield row


def _known(kafka_options: ClientOptions, partitions: list[int]) -> dict[tuple[str, str], Any]:
    known: dict[tuple[str, str], Any] = {}
    for topic in (POOL_CONFIG.name, CATALOG_ITEMS.name):
        codec = topic_codec(topic)
        for key, value in read_table(kafka_options, topic, partitions).items():
            try:
                known[topic, key.decode()] = codec.decode(value)
            except LaterSchema as error:
                raise LaterSettingsError(
                    f"{topic} has settings of a later release ({error}), which this one would replace; "
                    "publish settings with that release"
                ) from None
            except (BadMessage, UnicodeDecodeError):
                continue  # differs from whatever is declared, so it is replaced
    return known


def _after(record: SettingsRecord, known: Any) -> SettingsRecord:
    """The record, told no earlier than the one it replaces: whoever publishes it now means it, whatever his clock."""
    told_ms = record.recorded_at_ms if known is None else max(record.recorded_at_ms, known["recorded_at_ms"])
    return record.model_copy(update={"recorded_at_ms": told_ms})


def _topic(record: SettingsRecord) -> str:
    return POOL_CONFIG.name if isinstance(record, ConfigChange) else CATALOG_ITEMS.name


def _as_decoded(record: SettingsRecord) -> Any:
    """As a reader sees it: defaults filled in, unions tagged."""
    codec = topic_codec(_topic(record))
    return codec.decode(codec.encode(record.to_avro()))


def _meaning(value: dict[str, Any]) -> dict[str, Any]:
    return {key: part for key, part in value.items() if key not in _ABOUT_THE_CHANGE}
