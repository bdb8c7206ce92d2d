"""The product master."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.models.base import QUANTITY_MAX_MILLI, Name, PriceMinor, Record, Text, TimeMs
from schemas.models.forms import text_like
from schemas.models.pos import Unit

PARTS_MAX = 100
"""Items of which a kit may hold some."""


class KitPart(Record):
    sku: Text
    quantity_milli: Annotated[int, Field(gt=0, le=QUANTITY_MAX_MILLI)]


class CatalogItem(Record):
    """An item of the pool's product master (topic catalog.items.v1)."""

    pool: Name
    sku: Text
    gtin: Annotated[str, text_like("04006381333931, 14 digits", "^[0-9]{14}$")] | None = None
    name: Text
    category: Annotated[str, Field(max_length=200)] = ""
    unit: Unit = Unit.each
    pack_milli: Annotated[int, Field(gt=0, le=QUANTITY_MAX_MILLI)] = 1000
    cost_minor: PriceMinor | None = None
    price_minor: PriceMinor | None = None
    tax_permille: Annotated[int, Field(ge=0, le=2000)] | None = None
    shelf_life_days: Annotated[int, Field(ge=0, le=100_000)] | None = None
    supplier: Text | None = None
    substitutes: tuple[str, ...] = ()
    parts: Annotated[tuple[KitPart, ...], Field(max_length=PARTS_MAX)] = ()
    recorded_at_ms: TimeMs

    @model_validator(mode="after")
    def _parts_are_other_items(self) -> Self:
        skus = [part.sku for part in self.parts]
        if self.sku in skus:
            raise ValueError(f"parts: {self.sku} cannot be a part of itself")
        if len(set(skus)) < len(skus):
            raise ValueError("parts: each item is named once, with its quantity in one kit")
        return self

    @property
    def key(self) -> str:
        """Compaction key: pool/sku."""
        return f"{self.pool}/{self.sku}"
