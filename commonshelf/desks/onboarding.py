"""Puts a store into a pool while everything runs: its terms, the pool's new items, what is on its shelves."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from commonshelf.config.catalog_files import ORIGIN, UnusableFileError, read_catalog
from commonshelf.config.consistency import SettingsRecord
from commonshelf.config.names import check_name, unknown_name
from commonshelf.config.pool_config import read_pool_config
from commonshelf.config.publishing import current, publish_settings
from commonshelf.stack.connection import Connection
from connectors.drop_folder.formats import read_events
from connectors.drop_folder.settings import DropFolderSpec
from connectors.drop_folder.survey import FileRefused
from messaging.client_options import quiet
from messaging.clock import wall_clock_ms
from messaging.publisher import Publisher, publish_and_flush
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange, PoolSettings, StoreItemSettings, StoreSettings
from schemas.models.pos import StockLine, StockReport
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, POOL_CONFIG
from schemas.types.catalog import CatalogItem as CatalogItemRow
from schemas.types.pos import Unit as UnitName
from streams.catalog import PoolConfig
from streams.catalog.goods import goods_of


@dataclass(frozen=True)
class Onboarded:
    """The records that were published, and the rows of the opening stock that could not be."""

    settings_published: int
    lines_published: int
    problems: tuple[str, ...]


def onboard(
    connection: Connection,
    pool: str,
    store_id: str,
    named: Mapping[str, Any],
    opening_stock: Path | None,
    catalog: Path | None,
) -> Onboarded:
    """Publish the store and its files, acknowledged by Kafka. Files are read before anything is published.

    named: fields of StoreSettings; the others are as they are in force, or the defaults of a new store.

    Raises UnknownNameError for a pool that is not configured, UnusableFileError for a file that cannot be used,
    pydantic's ValidationError for a field that is out of range.
    """
    changes = list(config_changes(connection))
    settings = settings_in(changes, pool)
    known_stores = {one.store: one for one in _stores(changes, pool)}
    in_force = known_stores[store_id].model_dump() if store_id in known_stores else {"store": store_id}
    store = StoreSettings.model_validate(in_force | dict(named))
    now_ms = wall_clock_ms()
    records: list[SettingsRecord] = [ConfigChange(pool=pool, recorded_at_ms=now_ms, origin=ORIGIN, change=store)]
    if catalog is not None:
        records += read_catalog(catalog, pool, settings.currency, now_ms)
    spec = DropFolderSpec(
        pool=pool, store=store.store, folder=Path(), time_zone=settings.time_zone, currency=settings.currency
    )
    partitions = connection.settings.partitions
    reports: list[StockReport] = []
    problems: tuple[str, ...] = ()
    if opening_stock is not None:
        read, problems = _opening(opening_stock, spec, now_ms)
        found = read_pool_config(connection.kafka_options, [partition_of(pool, partitions)])
        reports, misfits = in_units_of(declared_in(found.catalog(pool), records), read)
        problems += tuple(f"{opening_stock}: {misfit}" for misfit in misfits)
    published = publish_settings(connection.kafka_options, partitions, records)
    with Publisher(quiet(connection.kafka_options), partitions) as publisher:
        publish_and_flush(publisher, reports)
    return Onboarded(published, sum(len(report.lines) for report in reports), problems)


def stores_of(connection: Connection, pool: str) -> list[StoreSettings]:
    """The stores of a pool, by id. Raises UnknownNameError."""
    changes = list(config_changes(connection))
    settings_in(changes, pool)
    return sorted(_stores(changes, pool), key=lambda one: one.store)


def zone_of(connection: Connection, pool: str) -> ZoneInfo:
    """The time zone of a pool. Raises UnknownNameError."""
    return ZoneInfo(_settings_of(connection, pool).time_zone)


def currency_of(connection: Connection, pool: str) -> str:
    """The currency of a pool. Raises UnknownNameError."""
    return _settings_of(connection, pool).currency


def _settings_of(connection: Connection, pool: str) -> PoolSettings:
    return settings_in(config_changes(connection), pool)


def settings_in(changes: Iterable[ConfigChange], pool: str) -> PoolSettings:
    """A pool's own settings among all that are in force. Raises UnknownNameError."""
    pools = {one.pool: one.change for one in changes if isinstance(one.change, PoolSettings)}
    settings = pools.get(pool)
    if not isinstance(settings, PoolSettings):
        raise unknown_name("pool", pool, pools)
    return settings


def check_store(connection: Connection, pool: str, store: str) -> None:
    """Raises UnknownNameError for a pool or a store that is not there."""
    check_name("store", store, [one.store for one in stores_of(connection, pool)], f"pool {pool}")


def check_item(connection: Connection, pool: str, sku: str) -> None:
    """Raises UnknownNameError for an item that the pool's product master does not have."""
    home = [partition_of(pool, connection.settings.partitions)]
    known = [
        item["sku"] for item in current(connection.kafka_options, CATALOG_ITEMS.name, home) if item["pool"] == pool
    ]
    check_name("item", sku, known, f"pool {pool}")


def set_item_terms(connection: Connection, pool: str, terms: StoreItemSettings) -> bool:
    """Publish a store's terms for one item, acknowledged by Kafka; False when they were in force already.

    Raises UnknownNameError for a pool, store or item that is not there.
    """
    check_store(connection, pool, terms.store)
    check_item(connection, pool, terms.sku)
    now_ms = wall_clock_ms()
    change = ConfigChange(pool=pool, recorded_at_ms=now_ms, origin=ORIGIN, change=terms)
    return publish_settings(connection.kafka_options, connection.settings.partitions, [change]) > 0


def config_changes(connection: Connection) -> Iterator[ConfigChange]:
    """The present content of pool.config.v1; a record that is out of range is the workers' business and left out."""
    for plain in current(connection.kafka_options, POOL_CONFIG.name):
        try:
            yield ConfigChange.from_avro(plain)
        except ValueError:
            continue


def _stores(changes: Iterable[ConfigChange], pool: str) -> list[StoreSettings]:
    found = [change.change for change in changes if change.pool == pool]
    return [one for one in found if isinstance(one, StoreSettings)]


def _is_pool(change: ConfigChange) -> bool:
    return isinstance(change.change, PoolSettings)


def declared_in(catalog: PoolConfig, records: Iterable[SettingsRecord]) -> PoolConfig:
    """`catalog` once it knows `records`, too."""
    for record in records:
        if isinstance(record, CatalogItem):
            catalog.apply_item(cast("CatalogItemRow", record.to_avro()))
        else:
            catalog.apply_change(record.to_avro()["change"])
    return catalog


def in_units_of(catalog: PoolConfig, reports: Iterable[StockReport]) -> tuple[list[StockReport], list[str]]:
    """The reports less the lines in another unit than the pool counts the item in, and a sentence for each of these.

    The pool would set such a line aside. A code that means nothing yet waits there for its mapping.
    """
    fit: list[StockReport] = []
    misfits: list[str] = []
    for report in reports:
        lines: list[StockLine] = []
        for line in report.lines:
            meaning = catalog.meaning(report.store, line.code)
            unit: UnitName = line.unit.value
            if meaning is None or goods_of(meaning, catalog.items, line.quantity_milli, unit) != "wrong_unit":
                lines.append(line)
            else:
                misfits.append(
                    f"{line.code} is given by {line.unit.value}, but the pool counts {meaning[0]} by {meaning[1]}; "
                    f"put {meaning[1]} into a column named unit"
                )
        if lines:
            fit.append(report.model_copy(update={"lines": tuple(lines)}))
    return fit, misfits


def _opening(file: Path, spec: DropFolderSpec, now_ms: int) -> tuple[list[StockReport], tuple[str, ...]]:
    try:
        batches = list(read_events(file.name, file.read_bytes(), "opening", spec, now_ms))
    except OSError as error:
        raise UnusableFileError(f"{file} cannot be read ({error.strerror}); check the path and its rights") from None
    except FileRefused as refused:
        raise UnusableFileError(f"{file}: {refused}") from None
    reports = [event for batch in batches for event in batch.events if isinstance(event, StockReport)]
    problems = tuple(f"{file}: {problem.where}: {problem.reason}" for batch in batches for problem in batch.problems)
    return reports, problems
