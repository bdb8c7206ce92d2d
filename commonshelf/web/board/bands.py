"""Health of stores, by the share of their shelves that can promise something. Pure."""

from collections.abc import Iterable
from typing import Literal

from schemas.types.directory import Band
from schemas.types.stock import Availability

Health = Literal["well", "gaps", "bare", "unknown"]
"""Of a store: most of its shelves can promise something, some cannot, most cannot; or it has told of none."""

_WELL_PERMILLE, _BARE_PERMILLE = 800, 500


def best(bands: Iterable[Band]) -> Band:
    """The best of the bands; out for none."""
    order: tuple[Band, ...] = ("in", "low", "out")
    return min(bands, key=order.index, default="out")


def in_stock_permille(rows: Iterable[Availability]) -> int | None:
    """The share of shelves that can promise something; None without shelves."""
    found = [row["available_milli"] > 0 for row in rows]
    return 1000 * sum(found) // len(found) if found else None


def health_of(permille: int | None) -> Health:
    """A store's health by the share of its shelves that can promise something."""
    if permille is None:
        return "unknown"
    if permille >= _WELL_PERMILLE:
        return "well"
    return "gaps" if permille >= _BARE_PERMILLE else "bare"
