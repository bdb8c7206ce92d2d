"""Events as they are made at the edges: validated once, then plain dicts and Avro.

Field meanings are in the .avsc files. Limits here are the ones that the pool enforces again on every record.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

QUANTITY_MAX_MILLI = 1_000_000_000
"""A million units: more in one line is a typing error or an attack."""
PRICE_MAX_MINOR = 10**12
LINES_MAX = 5_000
LINE_ID_MAX = 100
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
CODE_PATTERN = r"^(gtin:[0-9]{14}|(plu|sku|item):[^\x00-\x1f\x7f]{1,100})$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Code = Annotated[str, Field(pattern=CODE_PATTERN)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
TimeMs = Annotated[int, Field(ge=0, lt=253_402_300_800_000)]
QuantityMilli = Annotated[int, Field(ge=-QUANTITY_MAX_MILLI, le=QUANTITY_MAX_MILLI)]
PriceMinor = Annotated[int, Field(ge=-PRICE_MAX_MINOR, le=PRICE_MAX_MINOR)]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_avro(self) -> dict[str, Any]:
        """The value as a plain dict, fit for the topic's codec."""
        return self.model_dump(mode="json")


class Unit(StrEnum):
    each = "each"
    kg = "kg"
    l = "l"  # noqa: E741  the symbol of the litre


class SaleLineKind(StrEnum):
    """sale takes goods away; return and void bring them back; return_not_restocked does not."""

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


class ContributionKind(StrEnum):
    """share: permille of on hand; cap: at most so much out at once; fixed: a number that sales use up."""

    share = "share"
    cap = "cap"
    fixed = "fixed"


class Source(_Event):
    system: Name
    id: Text
    version: int = Field(1, ge=0, lt=2**63)


class _PosEvent(_Event):
    pool: Name
    store: Name
    source: Source
    occurred_at_ms: TimeMs
    recorded_at_ms: TimeMs
    origin: Text = "pos"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def id(self) -> str:
        """store/system/source id@version."""
        return f"{self.store}/{self.source.system}/{self.source.id}@{self.source.version}"


class SaleLine(_Event):
    line_id: Annotated[str, Field(min_length=1, max_length=LINE_ID_MAX)]
    kind: SaleLineKind = SaleLineKind.sale
    code: Code
    quantity_milli: Annotated[int, Field(gt=0, le=QUANTITY_MAX_MILLI)]
    unit: Unit = Unit.each
    price_minor: PriceMinor | None = None


class Sale(_PosEvent):
    """A till transaction (topic pos.sales.v1)."""

    till: Text | None = None
    order_ref: Text | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    lines: Annotated[tuple[SaleLine, ...], Field(min_length=1, max_length=LINES_MAX)]


class StockLine(_Event):
    line_id: Annotated[str, Field(min_length=1, max_length=LINE_ID_MAX)]
    code: Code
    quantity_milli: QuantityMilli
    unit: Unit = Unit.each
    reason: Literal["waste", "damage", "theft", "expiry", "own_use", "found", "other"] | None = None


class StockReport(_PosEvent):
    """A stock movement, count or level (topic pos.stock.v1)."""

    kind: StockReportKind
    lines: Annotated[tuple[StockLine, ...], Field(min_length=1, max_length=LINES_MAX)]


class Tick(_Event):
    """The clock (topic pool.ticks.v1)."""

    pool: Name
    at_ms: TimeMs
    origin: Text


class Contribution(_Event):
    kind: ContributionKind = ContributionKind.share
    value: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] = 1000


class PoolSettings(_Event):
    name: Text
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    time_zone: Text = "UTC"
    late_limit_ms: Annotated[int, Field(gt=0, le=400 * 86_400_000)] = 7 * 86_400_000
    future_skew_ms: Annotated[int, Field(ge=0, le=86_400_000)] = 300_000


class StoreSettings(_Event):
    store: Name
    name: Text
    open: bool = True
    reports_sales: bool = True
    contribution: Contribution = Contribution()
    safety_stock_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] = 0
    latitude_e6: Annotated[int, Field(ge=-90_000_000, le=90_000_000)] = 0
    longitude_e6: Annotated[int, Field(ge=-180_000_000, le=180_000_000)] = 0


class StoreItemSettings(_Event):
    store: Name
    sku: Text
    listed: bool = True
    contribution: Contribution | None = None
    safety_stock_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] | None = None


class CodeMapping(_Event):
    store: Name | None = None
    code: Code
    sku: Text | None


class ParkedOffset(_Event):
    topic: Text
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    reason: Text


Change = PoolSettings | StoreSettings | StoreItemSettings | CodeMapping | ParkedOffset
_CHANGES: dict[str, type[Change]] = {
    model.__name__: model for model in (PoolSettings, StoreSettings, StoreItemSettings, CodeMapping, ParkedOffset)
}


class ConfigChange(_Event):
    """One setting of a pool (topic pool.config.v1)."""

    pool: Name
    recorded_at_ms: TimeMs
    origin: Text
    change: Change

    @property
    def key(self) -> str:
        """Compaction key: pool/kind/name."""
        change = self.change
        match change:
            case PoolSettings():
                return f"{self.pool}/pool"
            case StoreSettings():
                return f"{self.pool}/store/{change.store}"
            case StoreItemSettings():
                return f"{self.pool}/item/{change.store}/{change.sku}"
            case CodeMapping():
                return f"{self.pool}/code/{change.store or '*'}/{change.code}"
            case ParkedOffset():
                return f"{self.pool}/parked/{change.topic}/{change.partition}/{change.offset}"

    @classmethod
    def from_avro(cls, plain: dict[str, Any]) -> "ConfigChange":
        """The event of a decoded value. Raises pydantic.ValidationError, a ValueError, when a value is out of range."""
        kind, change = plain["change"]
        model = _CHANGES[kind.rpartition(".")[2]]
        return cls.model_validate(plain | {"change": model.model_validate(change)})

    def to_avro(self) -> dict[str, Any]:
        """The change is tagged with its record name: Avro unions of records need it."""
        plain = super().to_avro()
        plain["change"] = (f"commonshelf.{type(self.change).__name__}", plain["change"])
        return plain


class CatalogItem(_Event):
    """An item of the pool's product master (topic catalog.items.v1)."""

    pool: Name
    sku: Text
    gtin: Annotated[str, Field(pattern="^[0-9]{14}$")] | None = None
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
