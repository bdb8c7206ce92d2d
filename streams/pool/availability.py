"""What a shelf tells the world."""

from typing import Any

from streams.catalog import Catalog
from streams.pool.shelf import Shelf, available_milli, confidence_permille
from streams.pool.state import ShelfKey


def availability_row(catalog: Catalog, key: ShelfKey, shelf: Shelf) -> dict[str, Any]:
    """The value of pool.availability.v1 for one shelf. Depends on the shelf and its terms alone, not on batches."""
    pool, sku, store = key
    terms = catalog.terms(store, sku)
    return {
        "pool": pool,
        "sku": sku,
        "store": store,
        "unit": catalog.unit(sku) or "each",
        "available_milli": available_milli(shelf, terms),
        "on_hand_milli": shelf.on_hand_milli,
        "safety_stock_milli": terms[2] if terms is not None else 0,
        "confidence_permille": confidence_permille(shelf, shelf.recorded_at_ms),
        "recorded_at_ms": shelf.recorded_at_ms,
        "appended_at_ms": shelf.appended_at_ms,
        "number": shelf.number,
    }
