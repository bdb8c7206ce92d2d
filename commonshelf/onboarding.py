"""Puts a store into a pool while everything runs: its terms, the pool's new items, what is on its shelves."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from commonshelf.catalog_files import ORIGIN, DeclarationError, read_catalog
from commonshelf.commands.connection import Connection
from commonshelf.credentials import quiet
from commonshelf.declare import Declared, current, declare
from commonshelf.pool_table import UnknownNameError
from connectors.csv_folder.read import read_events
from connectors.csv_folder.survey import FileRefused
from connectors.publisher import Publisher, publish_and_flush
from connectors.specs import CsvFolderSpec
from schemas.models import ConfigChange, PoolSettings, StockReport, StoreSettings
from schemas.topics import POOL_CONFIG


@dataclass(frozen=True)
class Onboarded:
    """What was published, and the rows of the opening stock that could not be."""

    settings_published: int
    lines_published: int
    problems: tuple[str, ...]


def onboard(
    connection: Connection, pool: str, store: StoreSettings, opening_stock: Path | None, catalog: Path | None
) -> Onboarded:
    """Publish the store and its files, acknowledged by Kafka. Files are read before anything is published.

    Raises UnknownNameError for a pool that is not configured, DeclarationError for a file that cannot be used.
    """
    pools = {change.pool: change.change for change in config_changes(connection) if _is_pool(change)}
    settings = pools.get(pool)
    if not isinstance(settings, PoolSettings):
        known = ", ".join(sorted(pools)) or "none"
        raise UnknownNameError(f"there is no pool {pool!r}; declare it in the settings file (known pools: {known})")
    now_ms = time.time_ns() // 1_000_000
    records: list[Declared] = [ConfigChange(pool=pool, recorded_at_ms=now_ms, origin=ORIGIN, change=store)]
    if catalog is not None:
        records += read_catalog(catalog, pool, settings.currency, now_ms)
    spec = CsvFolderSpec(
        pool=pool, store=store.store, folder=Path(), time_zone=settings.time_zone, currency=settings.currency
    )
    reports, problems = _opening(opening_stock, spec, now_ms) if opening_stock else ([], ())
    partitions = connection.settings.partitions
    published = declare(connection.kafka_options, partitions, records)
    with Publisher(quiet(connection.kafka_options), partitions) as publisher:
        publish_and_flush(publisher, reports)
    return Onboarded(published, sum(len(report.lines) for report in reports), problems)


def stores_of(connection: Connection, pool: str) -> list[StoreSettings]:
    """The stores of a pool, by id. Raises UnknownNameError."""
    changes = list(config_changes(connection))
    pools = sorted({change.pool for change in changes if _is_pool(change)})
    if pool not in pools:
        raise UnknownNameError(f"there is no pool {pool!r}; known pools: {', '.join(pools) or 'none'}")
    found = [change.change for change in changes if change.pool == pool]
    return sorted((one for one in found if isinstance(one, StoreSettings)), key=lambda one: one.store)


def config_changes(connection: Connection) -> Iterator[ConfigChange]:
    """What pool.config.v1 says now; a record that is out of range is the workers' business and left out."""
    for plain in current(connection.kafka_options, POOL_CONFIG.name):
        try:
            yield ConfigChange.from_avro(plain)
        except ValueError:
            continue


def _is_pool(change: ConfigChange) -> bool:
    return isinstance(change.change, PoolSettings)


def _opening(file: Path, spec: CsvFolderSpec, now_ms: int) -> tuple[list[StockReport], tuple[str, ...]]:
    try:
        batches = list(read_events(file.read_bytes(), "opening", spec, now_ms))
    except OSError as error:
        raise DeclarationError(f"{file} cannot be read ({error.strerror}); check the path and its rights") from None
    except FileRefused as refused:
        raise DeclarationError(f"{file}: {refused}") from None
    reports = [event for batch in batches for event in batch.events if isinstance(event, StockReport)]
    problems = tuple(f"{file}: {problem.where}: {problem.reason}" for batch in batches for problem in batch.problems)
    return reports, problems
