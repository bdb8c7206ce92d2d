"""Messages of tills and stores: transactions and stock reports."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, computed_field, model_validator

from schemas.models.base import (
    LINE_ID_MAX,
    LINES_MAX,
    QUANTITY_MAX_MILLI,
    Code,
    Currency,
    LineId,
    Name,
    PriceMinor,
    QuantityMilli,
    Record,
    Text,
    TimeMs,
)
from schemas.types.pos import AdjustmentReason

TOLD_MAX = 60
"""Characters of a number or a unit in a till's own words."""


class Unit(StrEnum):
    each = "each"
    kg = "kg"
    l = "l"  # noqa: E741  the symbol of the litre


class SaleLineKind(StrEnum):
    """Kinds of line: sale takes goods away; return and void bring them back; return_not_restocked does not."""

    sale = "sale"
    return_ = "return"
    return_not_restocked = "return_not_restocked"
    void = "void"


class StockReportKind(StrEnum):
    opening = "opening"
    received = "received"
    adjusted = "adjusted"
    counted = "counted"
    level = "level"


class Source(Record):
    system: Name
    id: Text
    version: int = Field(1, ge=0, lt=2**63)


class _PosEvent(Record):
    pool: Name
    store: Name
    source: Source
    occurred_at_ms: TimeMs
    recorded_at_ms: TimeMs
    origin: Text = "pos"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def id(self) -> str:
        """The event's id: store/system/source id@version."""
        return f"{self.store}/{self.source.system}/{self.source.id}@{self.source.version}"


UnreadLines = Annotated[tuple[LineId, ...], Field(max_length=LINES_MAX)]
"""Ids of lines that stay as the version before had them, with all named below them (ID/…)."""


class Told(Record):
    quantity: Annotated[str, Field(max_length=TOLD_MAX)]
    unit: Annotated[str, Field(max_length=TOLD_MAX)]


class SaleLine(Record):
    line_id: Annotated[str, Field(min_length=1, max_length=LINE_ID_MAX)]
    kind: SaleLineKind = SaleLineKind.sale
    code: Code
    quantity_milli: Annotated[int, Field(gt=0, le=QUANTITY_MAX_MILLI)]
    unit: Unit = Unit.each
    price_minor: PriceMinor | None = None
    told: Told | None = None


class Sale(_PosEvent):
    """A till transaction (topic pos.sales.v1)."""

    till: Text | None = None
    order_ref: Text | None = None
    currency: Currency | None = None
    unread_lines: UnreadLines = ()
    lines: Annotated[tuple[SaleLine, ...], Field(max_length=LINES_MAX)]
    told_at_ms: TimeMs | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.lines and self.source.version <= 1:
            raise ValueError("lines: a sale has at least one line; only a revision may say that nothing was sold")
        return self


class PastSale(Sale):
    """A till transaction of the past (topic pos.history.v1)."""

    @property
    def key(self) -> str:
        """Compaction key: pool/store/system/source id; the newest stands."""
        return f"{self.pool}/{self.store}/{self.source.system}/{self.source.id}"


class StockLine(Record):
    line_id: Annotated[str, Field(min_length=1, max_length=LINE_ID_MAX)]
    code: Code
    quantity_milli: QuantityMilli
    unit: Unit = Unit.each
    reason: AdjustmentReason | None = None
    told: Told | None = None


class StockReport(_PosEvent):
    """A stock movement, count or level (topic pos.stock.v1)."""

    kind: StockReportKind
    unread_lines: UnreadLines = ()
    lines: Annotated[tuple[StockLine, ...], Field(min_length=1, max_length=LINES_MAX)]
    told_at_ms: TimeMs | None = None
