"""Availability, the quantity that each shelf can promise to its pool: the rows of pool.availability.v1."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from schemas.avro_parts import row_bytes
from schemas.codec import topic_codec
from schemas.topics import POOL_AVAILABILITY
from schemas.types.stock import Availability
from streams.catalog import PoolConfig
from streams.pool.state.part import Pool
from streams.pool.state.shelf import Shelf, ShelfKey, available_milli, confidence_permille, contribution_milli
from streams.pool.state.tables import Pools, Published, Scan

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
    return [key for key in _shelf_keys(f"shelf/{pool}/{sku}/", scan) if key[1] == sku]


def _shelf_keys(prefix: str, scan: Scan) -> Iterator[ShelfKey]:
    for row_key, _ in scan(prefix):
        pool, rest = row_key.removeprefix("shelf/").split("/", 1)
        sku, store = rest.rsplit("/", 1)
        yield pool, sku, store


def _stale(state: Pool, scan: Scan) -> Iterable[ShelfKey]:
    if not state.stale_terms:
        return ()
    skus = state.stale_terms.skus()
    if skus is None:
        return state.stale_terms.touch(_shelf_keys(f"shelf/{state.pool}/", scan))
    return [key for sku in skus for key in shelves_of(state.pool, sku, scan)]


AVAILABILITY: Published[ShelfKey, Shelf] = Published(POOL_AVAILABILITY, "/".join, encode_availability, _stale)
