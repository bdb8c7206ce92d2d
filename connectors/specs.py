"""What the operator says about each connector. A later outside system adds its spec to `ConnectorSpec`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.models import Name, Unit

SECRET_MIN_BYTES = 16

FileKind = Literal["sales", "opening", "received", "adjusted", "counted", "level"]
"""What a dropped file holds: sales, or one kind of stock report."""

DEFAULT_KINDS: Mapping[str, FileKind] = {
    "sales": "sales",
    "opening": "opening",
    "receipts": "received",
    "adjustments": "adjusted",
    "counts": "counted",
    "levels": "level",
}
"""How a file's name begins, up to the first hyphen, and what it holds."""

CSV_FIELDS = (
    "store", "register", "receipt_no", "line_no", "business_date", "occurred_at", "recorded_at", "version",
    "order_ref", "kind", "gtin", "plu", "sku", "item", "quantity", "unit", "unit_price", "price", "currency",
    "document_no", "reason",
)  # fmt: skip


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone; write one such as Europe/Berlin") from error
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pool: Name
    store: Name
    time_zone: TimeZone = "UTC"
    """The store's wall clock, for times without an offset."""
    currency: Currency = "EUR"
    """ISO 4217, where what is received names none."""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.time_zone)


class CsvFolderSpec(_Spec):
    """A folder into which a store's till software drops CSV files."""

    connector: Literal["csv"] = "csv"
    folder: Path
    columns: Mapping[str, str] = {}
    """Their header → our field (one of CSV_FIELDS), where the usual headers do not fit."""
    kinds: Mapping[str, FileKind] = DEFAULT_KINDS
    time_format: str | None = None
    """strptime format of times, where they are neither ISO 8601 nor 31.12.2026 23:59."""
    decimal_mark: Literal["auto", ".", ","] = "auto"
    default_unit: Unit = Unit.each
    settle_ms: Annotated[int, Field(ge=0, le=600_000)] = 1_000
    """A file is read when nothing touched it for so long."""
    scan_interval_s: Annotated[float, Field(gt=0, le=3_600)] = 60
    """The folder is also looked through so often: a watched folder can miss an event."""
    file_max_bytes: Annotated[int, Field(gt=0)] = 2 * 1024**3
    rows_max: Annotated[int, Field(gt=0)] = 10_000_000

    @model_validator(mode="after")
    def _fields_are_known(self) -> Self:
        for header, field in self.columns.items():
            if field not in CSV_FIELDS:
                raise ValueError(f"columns: {header!r} maps to {field!r}; use one of {', '.join(CSV_FIELDS)}")
        return self


class SecretSource(BaseModel):
    """Where a secret lies: the name of an environment variable, or a file. A file may change while we run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret is named by either env or file")
        return self

    def read(self) -> bytes:
        """The secret. Raises SecretUnusable when it is missing or shorter than 16 bytes; never shows it."""
        if self.env is not None:
            where, secret = f"environment variable {self.env}", os.environ.get(self.env, "").strip().encode()
        else:
            where = f"file {self.file}"
            try:
                secret = Path(str(self.file)).read_bytes().strip()
            except OSError as error:
                raise SecretUnusable(f"the webhook secret in {where} cannot be read: {error.strerror}") from error
        if len(secret) < SECRET_MIN_BYTES:
            raise SecretUnusable(
                f"the webhook secret in {where} is missing or shorter than {SECRET_MIN_BYTES} bytes; "
                "make one with: openssl rand -hex 32"
            )
        return secret


class SecretUnusable(ValueError):
    """A secret that is missing or too weak. The text names where it should be, not what it is."""


class WebhookSpec(_Spec):
    """A store whose system posts signed JSON to /webhooks/v1/{store}."""

    connector: Literal["webhook"] = "webhook"
    secrets: Annotated[tuple[SecretSource, ...], Field(min_length=1, max_length=2)]
    """One, or two while the store changes from the old to the new."""


ConnectorSpec = CsvFolderSpec | WebhookSpec
