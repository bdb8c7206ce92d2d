"""Terms of restock: part of a pool's settings."""

from typing import Annotated

from pydantic import Field

from schemas.models.base import POLICY_MAX_MINOR, PolicyMinor, Record, Text

Weekday = Annotated[int, Field(ge=1, le=7)]
LEAD_MAX_DAYS = 60


class SupplierTerms(Record):
    """A supplier's terms, where they are not the pool's usual ones."""

    supplier: Text
    """As the product master names it."""
    lead_days: Annotated[int, Field(ge=0, le=LEAD_MAX_DAYS)] = 2
    """From an order to the goods on the shelf."""
    lead_spread_days: Annotated[int, Field(ge=0, le=30)] = 0
    """By how much that usually differs."""
    order_weekdays: Annotated[tuple[Weekday, ...], Field(max_length=7)] = ()
    """On which it takes orders, 1 for Monday; none for every day."""
    minimum_minor: PolicyMinor = 0
    """Value of the least order."""


class RestockSettings(Record):
    """Terms of docs/restock.md, in minor units of the pool's currency."""

    lead_days: Annotated[int, Field(ge=0, le=LEAD_MAX_DAYS)] = 2
    """From an order to the goods on the shelf, of a supplier without terms of its own."""
    lead_spread_days: Annotated[int, Field(ge=0, le=30)] = 0
    """By how much that usually differs."""
    order_weekdays: Annotated[tuple[Weekday, ...], Field(max_length=7)] = ()
    """On which it takes orders, 1 for Monday; none for every day."""
    minimum_minor: PolicyMinor = 0
    """Value of the least order."""
    budget_minor: PolicyMinor = POLICY_MAX_MINOR
    """What a store may spend in one night."""
    waste_minor_per_unit: PolicyMinor = 0
    """Cost of throwing a unit away, beside what it cost."""
    holding_ppm_per_day: Annotated[int, Field(ge=0, le=1_000_000)] = 10_000
    """Cost of a unit that lies for a day, in millionths of what it cost."""
    move_minor_per_unit: PolicyMinor = 5
    """Cost of a unit that a neighbour sends."""
    move_minor_per_trip: PolicyMinor = 300
    """Cost of each trip between two stores, whatever it carries."""
    move_max_distance_m: Annotated[int, Field(ge=0, le=100_000_000)] = 10_000
    """A store farther away sends nothing."""
    suppliers: Annotated[tuple[SupplierTerms, ...], Field(max_length=1_000)] = ()
    """Suppliers with terms of their own."""
