"""The records of `schemas/records/restock_terms`. Made by `python -m schemas.generate`; change these."""

from typing import TypedDict


class SupplierTerms(TypedDict):
    """A supplier's terms, where they are not the pool's usual ones."""

    supplier: str
    lead_days: int
    lead_spread_days: int
    order_weekdays: list[int]
    minimum_minor: int


class RestockSettings(TypedDict):
    """Terms of docs/restock.md, in minor units of the pool's currency."""

    lead_days: int
    lead_spread_days: int
    order_weekdays: list[int]
    minimum_minor: int
    budget_minor: int
    waste_minor_per_unit: int
    holding_ppm_per_day: int
    move_minor_per_unit: int
    move_minor_per_trip: int
    move_max_distance_m: int
    suppliers: list[SupplierTerms]
