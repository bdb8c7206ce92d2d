"""The records of `schemas/records/catalog`. Made by `python -m schemas.generate`; change these."""

from typing import TypedDict

from schemas.types.pos import Unit


class CatalogItem(TypedDict):
    """An item of the pool's product master."""

    pool: str
    sku: str
    gtin: str | None
    name: str
    category: str
    unit: Unit
    pack_milli: int
    cost_minor: int | None
    price_minor: int | None
    tax_permille: int | None
    shelf_life_days: int | None
    supplier: str | None
    substitutes: list[str]
    recorded_at_ms: int
