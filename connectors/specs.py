"""What the operator says about connectors: the parts that their options share, and the drop folder's spec."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from connectors.contract import StoreContext
from messaging.errors import UserError
from schemas.models.base import Currency, Name, TimeZone
from schemas.models.pos import Unit

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

TABLE_FIELDS = (
    "store", "register", "receipt_no", "line_no", "business_date", "occurred_at", "recorded_at", "version",
    "order_ref", "kind", "gtin", "plu", "sku", "item", "quantity", "unit", "unit_price", "price", "currency",
    "document_no", "reason",
)  # fmt: skip


def located(path: Path, info: ValidationInfo) -> Path:
    """Relative paths are relative to the folder of the file that names them."""
    base: Path = (info.context or {}).get("base", Path())
    return (base / path.expanduser()).absolute()


def _one_or_a_list(raw: object) -> object:
    return [raw] if isinstance(raw, str | Path) else raw


FilePath = Annotated[Path, AfterValidator(located)]
EnvName = Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
EnvNames = Annotated[tuple[EnvName, ...], BeforeValidator(_one_or_a_list), Field(max_length=2)]
FilePaths = Annotated[tuple[FilePath, ...], BeforeValidator(_one_or_a_list), Field(max_length=2)]


class ConnectorOptions(BaseModel):
    """What an operator may set about one connector of a store; each kind adds its own. Secrets are named, not given."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: str
    """The name of its entry point."""

    def secret_sources(self) -> tuple["SecretSource", ...]:
        """Where its secrets lie, for `doctor` to see whether they are there."""
        return ()


@dataclass(frozen=True, slots=True)
class ConnectorSpec:
    """One connector of one store, as the operator declares it."""

    store: StoreContext
    options: ConnectorOptions


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


class DropFolderSpec(_Spec):
    """A folder into which a store's till software drops its files."""

    folder: Path
    columns: Mapping[str, str] = {}
    """Their header → our field (one of TABLE_FIELDS), where the usual headers do not fit."""
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
            if field not in TABLE_FIELDS:
                raise ValueError(f"columns: {header!r} maps to {field!r}; use one of {', '.join(TABLE_FIELDS)}")
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

    @property
    def where(self) -> str:
        """For messages."""
        return f"environment variable {self.env}" if self.env is not None else f"file {self.file}"

    @property
    def is_exposed(self) -> bool:
        """Whether it is a file that other users of this machine may read or replace."""
        try:
            mode = self.file.stat().st_mode if self.file is not None else 0
        except OSError:
            return False
        return bool(mode & (stat.S_IRWXO | stat.S_IWGRP))

    def read(self, what: str = "webhook secret", advice: str = "make one with: openssl rand -hex 32") -> bytes:
        """The secret. Raises SecretUnusable when it is missing or shorter than 16 bytes; never shows it.

        what, advice: for the message.
        """
        if self.env is not None:
            secret = os.environ.get(self.env, "").strip().encode()
        else:
            try:
                secret = Path(str(self.file)).read_bytes().strip()
            except OSError as error:
                raise SecretUnusable(f"the {what} in {self.where} cannot be read: {error.strerror}") from error
        if len(secret) < SECRET_MIN_BYTES:
            raise SecretUnusable(
                f"the {what} in {self.where} is missing or shorter than {SECRET_MIN_BYTES} bytes; {advice}"
            )
        return secret


class SecretUnusable(UserError):
    """A secret that is missing or too weak. The text names where it should be, not what it is."""


def secret_sources(env: EnvNames, file: FilePaths) -> tuple[SecretSource, ...]:
    """The sources that `secret_env` and `secret_file` of a connector's options name."""
    return (*(SecretSource(env=name) for name in env), *(SecretSource(file=path) for path in file))
