"""The records of `schemas/records/catalog`. Made by `python -m schemas.generate`; change these."""

from typing import NotRequired, TypedDict

from schemas.types.pos import Unit


class KitPart(TypedDict):
    """An item of which a kit holds some."""

    sku: str
    quantity_milli: int


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
    parts: NotRequired[list[KitPart]]
    recorded_at_ms: int
