"""Availability of a shelf, as the world is told it."""

from typing import Any

from schemas.avro_parts import row_bytes
from schemas.codec import topic_codec
from schemas.topics import POOL_AVAILABILITY
from streams.catalog import Catalog
from streams.pool.state.pool_state import ShelfKey
from streams.pool.state.shelf import Shelf, available_milli, confidence_permille

_HEADER = topic_codec(POOL_AVAILABILITY.name).header


_FIELDS = (
    "pool", "sku", "store", "unit", "available_milli", "on_hand_milli", "safety_stock_milli",
    "confidence_permille", "recorded_at_ms", "appended_at_ms", "position", "held_milli",
)  # fmt: skip


def _values(catalog: Catalog, key: ShelfKey, shelf: Shelf) -> tuple[Any, ...]:
    pool, sku, store = key
    terms = catalog.terms(store, sku)
    unit = catalog.unit(sku) or "each"
    available = available_milli(shelf, terms)
    if unit == "each":
        available -= available % 1000
    return (
        pool, sku, store, unit, available, shelf.on_hand_milli, 0 if terms is None else terms[2],
        confidence_permille(shelf, shelf.recorded_at_ms), shelf.recorded_at_ms, shelf.appended_at_ms, shelf.position,
        shelf.held_milli,
    )  # fmt: skip


def availability_row(catalog: Catalog, key: ShelfKey, shelf: Shelf) -> dict[str, Any]:
    """The value of pool.availability.v1 for one shelf. Depends on the shelf and its terms alone, not on batches."""
    return dict(zip(_FIELDS, _values(catalog, key, shelf), strict=True))


def encode_availability(catalog: Catalog, key: ShelfKey, shelf: Shelf) -> bytes:
    """The same in Confluent wire format; a test holds it equal to the codec's, which takes three times as long."""
    values = _values(catalog, key, shelf)
    return row_bytes(_HEADER, values[:4], values[4:])
