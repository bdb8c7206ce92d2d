"""What operators set: pools, stores, their items, codes, quotas and what is lent."""

from enum import StrEnum
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from schemas.models.base import (
    DAY_MS,
    HOLD_TTL_MAX_MS,
    MINUTE_MS,
    POLICY_MAX_MINOR,
    QUANTITY_MAX_MILLI,
    Code,
    Day,
    Name,
    Permille,
    PolicyMinor,
    Record,
    Text,
    TimeMs,
)
from schemas.types.config import WeighedCodesRegion


class ContributionKind(StrEnum):
    """share: permille of on hand; cap: at most so much out at once; fixed: a number that sales use up."""

    share = "share"
    cap = "cap"
    fixed = "fixed"


class Contribution(Record):
    kind: ContributionKind = ContributionKind.share
    value: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] = 1000


class AllocationSettings(Record):
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


class PoolSettings(Record):
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


class OpeningHours(Record):
    weekday: Annotated[int, Field(ge=1, le=7)]
    opens_minute: Annotated[int, Field(ge=0, le=1440)]
    closes_minute: Annotated[int, Field(ge=0, le=1440)]

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.opens_minute >= self.closes_minute:
            raise ValueError("opens_minute must be before closes_minute; a span over midnight is two spans")
        return self


class StoreSettings(Record):
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


class StoreItemSettings(Record):
    store: Name
    sku: Text
    listed: bool = True
    contribution: Contribution | None = None
    safety_stock_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] | None = None


class CodeMapping(Record):
    store: Name | None = None
    code: Code
    sku: Text | None


class ParkedOffset(Record):
    topic: Text
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    reason: Text


class StoreQuota(Record):
    store: Name
    limit_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)]


class ItemQuota(Record):
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


class LentQuota(Record):
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


class ConfigChange(Record):
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
