"""Events as they are made at the edges: validated once, then plain dicts and Avro.

Field meanings are in the .avsc files. Limits here are the ones that the pool enforces again on every record.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, computed_field, model_validator

QUANTITY_MAX_MILLI = 1_000_000_000
"""A million units: more in one line is a typing error or an attack."""
PRICE_MAX_MINOR = 10**12
POLICY_MAX_MINOR = 100_000_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000
HOLD_TTL_MAX_MS = 7 * DAY_MS
LINES_MAX = 5_000
LINE_ID_MAX = 100
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
REFERENCE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$"
"""Of what stands for a person or an address: no address, e-mail or international number has this form."""
CODE_PATTERN = r"^(gtin:[0-9]{14}|(plu|sku|item):[^\x00-\x1f\x7f]{1,100})$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Code = Annotated[str, Field(pattern=CODE_PATTERN)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
TimeMs = Annotated[int, Field(ge=0, lt=253_402_300_800_000)]
QuantityMilli = Annotated[int, Field(ge=-QUANTITY_MAX_MILLI, le=QUANTITY_MAX_MILLI)]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Permille = Annotated[int, Field(ge=0, le=1000)]
PolicyMinor = Annotated[int, Field(ge=0, le=POLICY_MAX_MINOR)]
PriceMinor = Annotated[int, Field(ge=-PRICE_MAX_MINOR, le=PRICE_MAX_MINOR)]


class Event(BaseModel):
    """What all events and their parts have in common."""

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


class Source(Event):
    system: Name
    id: Text
    version: int = Field(1, ge=0, lt=2**63)


class _PosEvent(Event):
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


class SaleLine(Event):
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


class PastSale(Sale):
    """A till transaction of the past (topic pos.history.v1)."""

    @property
    def key(self) -> str:
        """Compaction key: pool/store/system/source id; the newest told stands."""
        return f"{self.pool}/{self.store}/{self.source.system}/{self.source.id}"


class StockLine(Event):
    line_id: Annotated[str, Field(min_length=1, max_length=LINE_ID_MAX)]
    code: Code
    quantity_milli: QuantityMilli
    unit: Unit = Unit.each
    reason: Literal["waste", "damage", "theft", "expiry", "own_use", "found", "other"] | None = None


class StockReport(_PosEvent):
    """A stock movement, count or level (topic pos.stock.v1)."""

    kind: StockReportKind
    lines: Annotated[tuple[StockLine, ...], Field(min_length=1, max_length=LINES_MAX)]


class Tick(Event):
    """The clock (topic pool.ticks.v1)."""

    pool: Name
    at_ms: TimeMs
    origin: Text


class Contribution(Event):
    kind: ContributionKind = ContributionKind.share
    value: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] = 1000


class AllocationSettings(Event):
    """The prices and limits of docs/allocation.md; prices in minor units of the pool's currency."""

    max_stores: Annotated[int, Field(ge=1, le=3)] = 3
    max_distance_m: Annotated[int, Field(ge=0, le=100_000_000)] = 10_000
    min_confidence_permille: Permille = 200
    distance_minor_per_km: PolicyMinor = 30
    handling_minor_per_store: PolicyMinor = 150
    handling_minor_per_share: PolicyMinor = 20
    split_minor_per_extra_store: PolicyMinor = 200
    line_split_minor_per_extra_store: PolicyMinor = 100
    reroute_minor_per_store: PolicyMinor = 100
    last_slot_minor: PolicyMinor = 100
    short_pick_minor: PolicyMinor = 600
    fairness_minor_per_fulfilment: PolicyMinor = 10
    spoilage_horizon_days: Annotated[int, Field(ge=1, le=365)] = 3
    spoilage_saved_permille: Permille = 500
    missing_minor_per_unit: Annotated[int, Field(ge=1, le=POLICY_MAX_MINOR)] = 10_000


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:  # what zoneinfo raises for odd names and unknown ones
        raise ValueError(f"{name!r} is not an IANA time zone such as Europe/Berlin") from error
    return name


WeighedCodesRegion = Literal["dk", "ee", "fi", "de", "gb", "lv", "lt", "no", "se"]
"""Regions whose rules for the labels of scales biip knows."""


class PoolSettings(Event):
    name: Text
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    time_zone: Annotated[Text, AfterValidator(_known_zone)] = "UTC"
    late_limit_ms: Annotated[int, Field(gt=0, le=400 * DAY_MS)] = 7 * DAY_MS
    future_skew_ms: Annotated[int, Field(ge=0, le=DAY_MS)] = 300_000
    hold_ttl_ms: Annotated[int, Field(gt=0, le=HOLD_TTL_MAX_MS)] = 15 * MINUTE_MS
    reroutes_max: Annotated[int, Field(ge=0, le=100)] = 5
    claim_within_ms: Annotated[int, Field(gt=0, le=30 * DAY_MS)] = 15 * MINUTE_MS
    pick_within_ms: Annotated[int, Field(gt=0, le=30 * DAY_MS)] = 60 * MINUTE_MS
    lease_ms: Annotated[int, Field(gt=0, le=30 * DAY_MS)] = 30 * MINUTE_MS
    preparation_ms: Annotated[int, Field(ge=0, le=30 * DAY_MS)] = 10 * MINUTE_MS
    collect_grace_ms: Annotated[int, Field(ge=0, le=30 * DAY_MS)] = DAY_MS
    recount_within_ms: Annotated[int, Field(gt=0, le=30 * DAY_MS)] = 8 * 60 * MINUTE_MS
    order_ahead_max_ms: Annotated[int, Field(gt=0, le=400 * DAY_MS)] = 60 * DAY_MS
    weighed_codes_region: WeighedCodesRegion | None = None
    ended_retention_ms: Annotated[int, Field(ge=0, le=400 * DAY_MS)] = 3 * DAY_MS
    resend_after_ms: Annotated[int, Field(gt=0, le=30 * DAY_MS)] = 10 * MINUTE_MS
    offers_substitutes: bool = True
    ship_within_ms: Annotated[int, Field(gt=0, le=30 * DAY_MS)] = 8 * 60 * MINUTE_MS
    transit_within_ms: Annotated[int, Field(gt=0, le=30 * DAY_MS)] = 2 * DAY_MS
    transit_lost_after_ms: Annotated[int, Field(gt=0, le=400 * DAY_MS)] = 7 * DAY_MS
    allocation: AllocationSettings = AllocationSettings()


class OpeningHours(Event):
    weekday: Annotated[int, Field(ge=1, le=7)]
    opens_minute: Annotated[int, Field(ge=0, le=1440)]
    closes_minute: Annotated[int, Field(ge=0, le=1440)]

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.opens_minute >= self.closes_minute:
            raise ValueError("opens_minute must be before closes_minute; a span over midnight is two spans")
        return self


class StoreSettings(Event):
    store: Name
    name: Text
    open: bool = True
    reports_sales: bool = True
    contribution: Contribution = Contribution()
    safety_stock_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] = 0
    latitude_e6: Annotated[int, Field(ge=-90_000_000, le=90_000_000)] = 0
    longitude_e6: Annotated[int, Field(ge=-180_000_000, le=180_000_000)] = 0
    orders_at_once_max: Annotated[int, Field(ge=0, le=1_000_000)] = 20
    orders_per_day_max: Annotated[int, Field(ge=0, le=1_000_000)] = 200
    opening: Annotated[tuple[OpeningHours, ...], Field(max_length=50)] = ()
    closed_days: Annotated[tuple[Day, ...], Field(max_length=1_000)] = ()


class StoreItemSettings(Event):
    store: Name
    sku: Text
    listed: bool = True
    contribution: Contribution | None = None
    safety_stock_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] | None = None


class CodeMapping(Event):
    store: Name | None = None
    code: Code
    sku: Text | None


class ParkedOffset(Event):
    topic: Text
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    reason: Text


class StoreQuota(Event):
    store: Name
    limit_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)]


class ItemQuota(Event):
    """A limited drop: what each store may give to orders placed in the window, and each customer get."""

    sku: Text
    from_ms: TimeMs
    until_ms: TimeMs
    per_store_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] | None = None
    per_customer_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] | None = None
    stores: Annotated[tuple[StoreQuota, ...], Field(max_length=1_000)] = ()

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.from_ms >= self.until_ms:
            raise ValueError("from_ms must be before until_ms")
        return self


class LentQuota(Event):
    """What a store lends of one item to another pool: at most so much at once; 0 calls it back."""

    store: Name
    sku: Text
    to_pool: Name
    quantity_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)]


Change = PoolSettings | StoreSettings | StoreItemSettings | CodeMapping | ParkedOffset | ItemQuota | LentQuota
_CHANGES: dict[str, type[Change]] = {
    model.__name__: model
    for model in (PoolSettings, StoreSettings, StoreItemSettings, CodeMapping, ParkedOffset, ItemQuota, LentQuota)
}


class ConfigChange(Event):
    """One setting of a pool (topic pool.config.v1)."""

    pool: Name
    recorded_at_ms: TimeMs
    origin: Text
    change: Change

    @model_validator(mode="after")
    def _lends_to_another(self) -> Self:
        if isinstance(self.change, LentQuota) and self.change.to_pool == self.pool:
            raise ValueError("to_pool is the pool itself; its stores lend to it by their contribution")
        return self

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
            case ItemQuota():
                return f"{self.pool}/quota/{change.sku}"
            case LentQuota():
                return f"{self.pool}/lent/{change.to_pool}/{change.store}/{change.sku}"

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


class CatalogItem(Event):
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


class RecordPlace(Event):
    """Where a record stands."""

    topic: Text
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class DeadLetterOutcomeKind(StrEnum):
    """replayed: published again; discarded: given up by an operator; superseded: what it asks for is in the books."""

    replayed = "replayed"
    discarded = "discarded"
    superseded = "superseded"


class DeadLetterOutcome(Event):
    """What became of one dead letter (topic dlq.outcomes.v1)."""

    letter: RecordPlace
    outcome: DeadLetterOutcomeKind
    at_ms: TimeMs
    origin: Text
    reason: Text
    replayed_to: RecordPlace | None = None

    @property
    def key(self) -> str:
        """topic/partition/offset of the letter."""
        return f"{self.letter.topic}/{self.letter.partition}/{self.letter.offset}"


class ConnectorPosition(Event):
    """How far a connector has read one list of its vendor's (topic connectors.positions.v1)."""

    pool: Name
    store: Name
    connector: Name
    feed: Name
    cursor: Annotated[int, Field(ge=0, lt=2**63)]
    """Everything up to it is acknowledged; in the vendor's own terms: a time in ms, or a version."""
    stored_at_ms: TimeMs

    @property
    def key(self) -> str:
        """Compaction key: pool/store/connector/feed."""
        return f"{self.pool}/{self.store}/{self.connector}/{self.feed}"


class ChannelReservation(Event):
    """What of an item a connector has taken out of its till's online channel (topic connectors.writebacks.v1)."""

    pool: Name
    store: Name
    connector: Name
    sku: Text
    sequence: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Of the newest write; with the key it names the write to the vendor."""
    written_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] = 0
    """Taken out by all writes whose outcome is known."""
    pending_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] | None = None
    """What will be taken out by the write under way; None when there is none."""
    item: str = ""
    """The vendor's id of the item, as the newest write names it."""
    reserved_by_others_milli: Annotated[int, Field(ge=-(2**63), lt=2**63)] = 0
    """What the vendor showed as taken out, by whomever, before the newest write."""
    begun_at_ms: TimeMs = 0
    """When the newest write was begun."""

    @property
    def key(self) -> str:
        """Compaction key: pool/store/connector/sku."""
        return f"{self.pool}/{self.store}/{self.connector}/{self.sku}"
