"""Bands: how much of an item there is, in the words that everybody may hear. Pure."""

from schemas.models.access import LOW_BELOW_MILLI
from schemas.types.access import PublicListing
from schemas.types.directory import Band


def band_of(available_milli: int, low_below_milli: int = LOW_BELOW_MILLI) -> Band:
    """The band of a shelf that may promise so much; it is low below the store's own line."""
    if available_milli <= 0:
        return "out"
    return "low" if available_milli < low_below_milli else "in"


def shown_to_public(listing: PublicListing | None, category: str) -> bool:
    """Whether everybody may see the band of an item of the category at the store with this listing."""
    return listing is not None and listing["is_listed"] and listing["shows_bands"] and _names(listing, category)


def counts_in_aggregates(listing: PublicListing | None, category: str) -> bool:
    """Whether the store with this listing lets its shelves of the category be counted with others'."""
    return listing is not None and listing["in_aggregates"] and _names(listing, category)


def _names(listing: PublicListing, category: str) -> bool:
    return listing["categories"] is None or category in listing["categories"]
