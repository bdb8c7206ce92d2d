"""The drop folder of a store, as its intake takes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.contract import Measure
from schemas.models.base import Currency, Name, TimeZone
from schemas.models.config import PoolSettings
from schemas.models.pos import Unit

FileKind = Literal["sales", "opening", "received", "adjusted", "counted", "level"]
"""The content of a dropped file: sales, or one kind of stock report."""

DEFAULT_KINDS: Mapping[str, FileKind] = {
    "sales": "sales",
    "opening": "opening",
    "receipts": "received",
    "adjustments": "adjusted",
    "counts": "counted",
    "levels": "level",
}
"""The beginning of a file's name, up to the first hyphen → its content."""

TABLE_FIELDS = (
    "store", "register", "receipt_no", "line_no", "business_date", "occurred_at", "recorded_at", "version",
    "order_ref", "kind", "gtin", "plu", "sku", "item", "quantity", "unit", "unit_price", "price", "currency",
    "document_no", "reason", "status", "cancelled", "voided", "training", "paid", "returned", "time_zone", "ignored",
)  # fmt: skip
"""The meanings that a column may have. `ignored` is one that is known to mean nothing here."""
SHARED_FIELDS = ("occurred_at", "status", "cancelled", "voided", "training", "paid", "returned", "ignored")
"""Several columns may have these: a day and a time of day, and whatever says that a row was no sale."""

StatusWord = Literal["sale", "return", "cancelled", "voided", "unpaid", "training"]
"""What a word in a column of states means."""


class DropFolderSpec(BaseModel):
    """A folder into which a store's till software drops its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pool: Name
    store: Name
    time_zone: TimeZone = "UTC"
    """The store's wall clock, for times without an offset."""
    currency: Currency = "EUR"
    """ISO 4217, where what is received names none."""
    folder: Path
    columns: Mapping[str, str] = {}
    """Their header → our field (one of TABLE_FIELDS), where the usual headers do not fit."""
    kinds: Mapping[str, FileKind] = DEFAULT_KINDS
    time_format: str | None = None
    """strptime format of times, where they are neither ISO 8601 nor 31.12.2026 23:59."""
    decimal_mark: Literal["auto", ".", ","] = "auto"
    status_words: Mapping[str, StatusWord] = {}
    """Words of the till's own in a column of states, in any case, and what they mean."""
    default_unit: Unit = Unit.each
    unit_words: Mapping[str, Measure] = {}
    """Words of the store's own for units, as `parsing.units` compares them, and what one is."""
    settle_ms: Annotated[int, Field(ge=0, le=600_000)] = 1_000
    """A file is read when nothing touched it for so long."""
    scan_interval_s: Annotated[float, Field(gt=0, le=3_600)] = 60
    """The folder is also looked through so often: a watched folder can miss an event."""
    late_limit_ms: Annotated[int, Field(gt=0)] = PoolSettings.model_fields["late_limit_ms"].default
    """The pool takes nothing that is older."""
    is_replay: bool = False
    """The pool lives on its data's clock: a file was told when it says so (`recorded_at`), and not when it came."""
    file_max_bytes: Annotated[int, Field(gt=0)] = 2 * 1024**3
    rows_max: Annotated[int, Field(gt=0)] = 10_000_000

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.time_zone)

    @model_validator(mode="after")
    def _fields_are_known(self) -> Self:
        for header, field in self.columns.items():
            if field not in TABLE_FIELDS:
                raise ValueError(f"columns: {header!r} maps to {field!r}; use one of {', '.join(TABLE_FIELDS)}")
        return self
