"""Availability, the quantity that each shelf can promise to its pool: the rows of pool.availability.v1."""

from collections.abc import Iterable
from typing import Any, cast

from schemas.avro_parts import row_bytes
from schemas.codec import topic_codec
from schemas.topics import POOL_AVAILABILITY
from schemas.types.stock import Availability
from streams.catalog import PoolConfig
from streams.pool.state.availability_columns import encode_many
from streams.pool.state.part import Pool
from streams.pool.state.shelf import Shelf, ShelfKey, available_milli, confidence_permille, contribution_milli
from streams.pool.state.stale_terms import shelf_of_row
from streams.pool.state.tables import Pools, Published
from streams.runtime.contract import Scan

_HEADER = topic_codec(POOL_AVAILABILITY.name).header
_FIELDS = (
    "pool", "sku", "store", "unit", "available_milli", "on_hand_milli", "safety_stock_milli",
    "confidence_permille", "recorded_at_ms", "appended_at_ms", "position", "held_milli",
    "not_found_milli", "contribution_milli",
)  # fmt: skip


def _values(config: PoolConfig, key: ShelfKey, shelf: Shelf) -> tuple[Any, ...]:
    pool, sku, store = key
    terms = config.terms(store, sku)
    unit = config.unit(sku) or "each"
    available = available_milli(shelf, terms)
    if unit == "each":
        available -= available % 1000
    return (
        pool, sku, store, unit, available, shelf.on_hand_milli, 0 if terms is None else terms[2],
        confidence_permille(shelf, shelf.recorded_at_ms), shelf.recorded_at_ms, shelf.appended_at_ms, shelf.position,
        shelf.held_milli, shelf.not_found_milli, 0 if terms is None else max(contribution_milli(shelf, terms), 0),
    )  # fmt: skip


def availability_row(config: PoolConfig, key: ShelfKey, shelf: Shelf) -> Availability:
    """The value of pool.availability.v1 for one shelf. Depends on the shelf and its terms alone, not on batches."""
    return cast("Availability", dict(zip(_FIELDS, _values(config, key, shelf), strict=True)))


def encode_availability(pools: Pools, key: ShelfKey, shelf: Shelf) -> bytes:
    """The same in Confluent wire format; a test holds it equal to the codec's, which takes three times as long."""
    values = _values(pools[key[0]].config, key, shelf)
    return row_bytes(_HEADER, values[:4], values[4:])


def shelves_of(pool: str, sku: str, scan: Scan) -> list[ShelfKey]:
    """Keys of the committed shelves of an item in a pool, by store."""
    shelves = (shelf_of_row(row_key) for row_key, _ in scan(f"shelf/{pool}/{sku}/"))
    return [shelf for shelf in shelves if shelf[1] == sku]


def _stale(state: Pool, scan: Scan) -> Iterable[ShelfKey]:
    return state.stale_terms.next(state.pool, scan) if state.stale_terms else ()


AVAILABILITY: Published[ShelfKey, Shelf] = Published(
    POOL_AVAILABILITY, "/".join, encode_availability, encode_many, _stale
)
