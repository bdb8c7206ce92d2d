"""The handoff manifest of a pool: what its stores have picked for carriers, and not handed over yet."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from typing import Any, NamedTuple

from commonshelf.config.publishing import current
from commonshelf.desks.onboarding import stores_of, zone_of
from commonshelf.stack.connection import Connection
from commonshelf.text import units
from messaging.clock import iso_time
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, POOL_TASKS

COLUMNS = (
    "code", "order", "store", "store_name", "deliver_by", "geohash", "address_ref", "line", "sku", "name", "units",
)  # fmt: skip


class ManifestLine(NamedTuple):
    """Goods of a handoff."""

    line: str
    sku: str
    name: str
    quantity_milli: int


class Handoff(NamedTuple):
    """The goods that one store hands to the carrier for one order. code: names it to the pool; the carrier scans it."""

    code: str
    order: str
    store: str
    store_name: str
    deliver_by: str
    geohash: str
    address_ref: str
    lines: tuple[ManifestLine, ...]


class Manifest(NamedTuple):
    """The handoffs of a pool at one time, by store and deadline. Times are ISO 8601 in the pool's zone."""

    pool: str
    made_at: str
    handoffs: tuple[Handoff, ...]


def read_manifest(connection: Connection, pool: str, gives: Callable[[str], bool], at_ms: int) -> Manifest:
    """The pool's manifest as of now. gives: whether what a store hands over belongs on it. Raises UnknownNameError."""
    zone, stores = zone_of(connection, pool), {one.store: one.name for one in stores_of(connection, pool)}
    home = [partition_of(pool, connection.settings.partitions)]
    rows = [row for row in current(connection.kafka_options, POOL_TASKS.name, home) if row["pool"] == pool]
    items = current(connection.kafka_options, CATALOG_ITEMS.name, home)
    names = {item["sku"]: item["name"] for item in items if item["pool"] == pool}
    return make_manifest(pool, [row for row in rows if gives(row["store"])], stores, names, zone, at_ms)


def make_manifest(
    pool: str, tasks: Iterable[Mapping[str, Any]], stores: Mapping[str, str], names: Mapping[str, str], zone: tzinfo,
    at_ms: int,
) -> Manifest:  # fmt: skip
    """The manifest of TaskRows. stores: id → what people call it. names: SKU → what people call it."""
    waiting = [row for row in tasks if row["kind"] == "hand_over" and row["status"] == "open" and row.get("delivery")]
    waiting.sort(key=lambda row: (row["store"], row["delivery"]["deadline_ms"], row["task"]))
    handoffs = tuple(
        Handoff(
            row["task"], row["order"], row["store"], stores.get(row["store"], row["store"]),
            iso_time(row["delivery"]["deadline_ms"], zone), row["delivery"]["geohash"] or "",
            row["delivery"]["address_ref"],
            tuple(
                ManifestLine(line["line_id"], line["sku"], names.get(line["sku"], line["sku"]), line["quantity_milli"])
                for line in row["lines"]
            ),
        )
        for row in waiting
    )  # fmt: skip
    return Manifest(pool, iso_time(at_ms, zone), handoffs)


def manifest_csv(manifest: Manifest) -> str:
    """A row for each line of each handoff, under COLUMNS."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for one in manifest.handoffs:
        for line in one.lines:
            table.writerow([*one[:-1], line.line, line.sku, line.name, units(line.quantity_milli)])
    return out.getvalue()


def manifest_json(manifest: Manifest) -> str:
    """One object, with the names of the tuples' fields."""
    handoffs = [one._asdict() | {"lines": [line._asdict() for line in one.lines]} for one in manifest.handoffs]
    return json.dumps({**manifest._asdict(), "handoffs": handoffs}, indent=1, ensure_ascii=False) + "\n"
