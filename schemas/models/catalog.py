"""The product master."""

from typing import Annotated

from pydantic import Field

from schemas.models.base import QUANTITY_MAX_MILLI, Name, PriceMinor, Record, Text, TimeMs
from schemas.models.forms import text_like
from schemas.models.pos import Unit


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
    recorded_at_ms: TimeMs

    @property
    def key(self) -> str:
        """Compaction key: pool/sku."""
        return f"{self.pool}/{self.sku}"
