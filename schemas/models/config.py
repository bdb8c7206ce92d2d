"""Settings that operators make: pools, stores, their items, codes, quotas and what is lent.

`PoolSettings`, `AllocationSettings` and `StoreSettings` are the one place of their settings: unit, default, bounds and
sentence. Their Avro records, the sections of the settings file (`schemas/models/terms.py`) and their page are made
from them: `python -m schemas.generate`.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self, get_args

from pydantic import Field, model_validator

from schemas.models.agreement import Agreement, Dispute
from schemas.models.base import (
    HOLD_TTL_MAX_MS,
    MINUTE_MS,
    POLICY_MAX_MINOR,
    QUANTITY_MAX_MILLI,
    Code,
    Currency,
    Day,
    Name,
    Offset,
    Partition,
    Permille,
    PolicyMinor,
    Record,
    Text,
    TimeMs,
    TimeZone,
)
from schemas.models.human_units import DAYS, DEGREES, HOURS, MINUTES, SECONDS, UNITS, setting
from schemas.models.local_calendar import LocalCalendar
from schemas.models.pos import Unit
from schemas.models.restock_terms import RestockSettings
from schemas.types.config import WeighedCodesRegion

MEASURE_MAX = 10**18
"""Of a measure's numerator and denominator: room for the exact measure of any unit in use."""


class ContributionKind(StrEnum):
    """Kinds of contribution.

    share: permille of on hand; cap: at most so much out at once; fixed: a number that sales use up.
    """

    share = "share"
    cap = "cap"
    fixed = "fixed"


class Contribution(Record):
    kind: ContributionKind = ContributionKind.share
    value: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] = 1000


class AllocationSettings(Record):
    """Prices in minor units of the pool's currency, and limits, of docs/allocation.md."""

    max_stores: Annotated[int, Field(ge=1, le=3)] = 3
    """Of one order."""
    max_distance_m: Annotated[int, Field(ge=0, le=100_000_000)] = 10_000
    """A store farther away gives nothing."""
    min_confidence_permille: Permille = 200
    """Stock less certain than this is not promised."""
    distance_minor_per_km: PolicyMinor = 30
    """Cost of a kilometre."""
    handling_minor_per_store: PolicyMinor = 150
    """Cost of each store that gives goods."""
    handling_minor_per_share: PolicyMinor = 20
    """Cost of one line's part at one store."""
    split_minor_per_extra_store: PolicyMinor = 200
    """Cost of each store after the first."""
    line_split_minor_per_extra_store: PolicyMinor = 100
    """Cost of each further store of one line."""
    reroute_minor_per_store: PolicyMinor = 100
    """Cost of each store that is not the preferred one."""
    last_slot_minor: PolicyMinor = 100
    """Cost of filling a store's last slot; half of it with two left, a third with three."""
    short_pick_minor: PolicyMinor = 600
    """Cost of a part that is not found."""
    fairness_minor_per_fulfilment: PolicyMinor = 10
    """Cost of each fulfilment above a store's fair share."""
    spoilage_horizon_days: Annotated[int, Field(ge=1, le=365)] = 3
    """Goods that spoil sooner are favoured."""
    spoilage_saved_permille: Permille = 500
    """Of a unit's value, when it would spoil today."""
    slot_minor_per_minute: PolicyMinor = 3
    """Cost of each minute between the appointment and the window that the customer wishes."""
    slot_minutes_max: Annotated[int, Field(ge=0, le=1440)] = 240
    """An appointment farther from the wish is none."""
    missing_minor_per_unit: Annotated[int, Field(ge=1, le=POLICY_MAX_MINOR)] = 10_000
    """Cost of each unit that nobody fills; high, so that filling wins."""


class PoolSettings(Record):
    """The pool itself."""

    name: Text
    """Human name."""
    currency: Currency = "EUR"
    """ISO 4217."""
    time_zone: TimeZone = "UTC"
    """IANA name."""
    late_limit_ms: int = setting(7, DAYS, least=1, most=400)
    """Older facts are quarantined."""
    future_skew_ms: int = setting(300, SECONDS, least=0, most=86_400)
    """Facts dated further ahead than this are quarantined."""
    weighed_codes_region: WeighedCodesRegion | None = None
    """Whose GS1 rules the labels of the stores' scales follow (ISO 3166); none when null."""
    hold_ttl_ms: int = setting(15, MINUTES, least=1, most=HOLD_TTL_MAX_MS // MINUTE_MS)
    """How long goods are held for an order that is not confirmed."""
    reroutes_max: Annotated[int, Field(ge=0, le=100)] = 5
    """How often one order is allocated anew before what is missing stays unfilled."""
    claim_within_ms: int = setting(15, MINUTES, least=1, most=30 * 1440)
    """Opening time after which a task that nobody claimed escalates."""
    pick_within_ms: int = setting(60, MINUTES, least=1, most=30 * 1440)
    """Opening time after which a pick that is not done goes to another store."""
    lease_ms: int = setting(30, MINUTES, least=1, most=30 * 1440)
    """How long a claim holds unless it is renewed."""
    preparation_ms: int = setting(10, MINUTES, least=0, most=30 * 1440)
    """Opening time that a store needs before an order's deadline."""
    collect_grace_ms: int = setting(24, HOURS, least=0, most=30 * 24)
    """How long after the deadline picked goods wait to be collected."""
    recount_within_ms: int = setting(8, HOURS, least=1, most=30 * 24)
    """Opening time in which a recount is due."""
    ship_within_ms: int = setting(8, HOURS, least=1, most=30 * 24)
    """Opening time in which a transfer must be shipped, or it is called off."""
    transit_within_ms: int = setting(48, HOURS, least=1, most=30 * 24)
    """How long after shipping a transfer is late."""
    transit_lost_after_ms: int = setting(7, DAYS, least=1, most=400)
    """How long after shipping goods that have not come count as lost."""
    resend_after_ms: int = setting(10, MINUTES, least=1, most=30 * 1440)
    """How long a message to another pool waits for its answer before it is sent again; twice as long after each."""
    order_ahead_max_ms: int = setting(60, DAYS, least=1, most=400)
    """How far ahead a deadline may be."""
    ended_retention_ms: int = setting(3, DAYS, least=0, most=400)
    """How long ended orders, transfers and tasks stay in the state at least."""
    learns_preparation: bool = True
    """Learn how long each store takes to prepare orders, and promise appointments by that."""
    offers_substitutes: bool = True
    """Name substitutes for what is short."""
    allocation: AllocationSettings = AllocationSettings()
    """How stores are chosen for orders."""
    restock: RestockSettings = RestockSettings()
    """How much is bought and moved."""


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
    """A store of the pool."""

    store: Name
    """Store id."""
    name: Text
    """Human name."""
    open: bool = True
    """False takes the store's stock out of the pool."""
    reports_sales: bool = True
    """False: the store has no sale lines, so the levels that it reports are its stock."""
    rings_up_hand_overs: bool = False
    """True: its till rings up what is handed over for orders and cannot name them; such sales are matched."""
    contribution: Contribution = Contribution()
    """Default for every item of the store."""
    safety_stock_milli: int = setting(0, UNITS, least=0, most=QUANTITY_MAX_MILLI // 1000)
    """Kept back of every item."""
    latitude_e6: int = setting(0, DEGREES, least=-90, most=90)
    """North of the equator."""
    longitude_e6: int = setting(0, DEGREES, least=-180, most=180)
    """East of Greenwich."""
    orders_at_once_max: Annotated[int, Field(ge=0, le=1_000_000)] = 20
    """Orders that it works on at a time."""
    orders_per_day_max: Annotated[int, Field(ge=0, le=1_000_000)] = 200
    """Orders that it is given in a day."""
    opening: Annotated[tuple[OpeningHours, ...], Field(max_length=50)] = ()
    """Opening hours; none for always open."""
    closed_days: Annotated[tuple[Day, ...], Field(max_length=1_000)] = ()
    """Dates on which it is closed, as 2026-12-25."""
    first_day: Day | None = None
    """From when on it takes part in the pool; at once when null. On the pool's calendar, as the last day."""
    last_day: Day | None = None
    """Its last day in the pool; after it nothing new is promised, and what was promised runs out. No end when null."""

    @model_validator(mode="after")
    def _joins_before_it_leaves(self) -> Self:
        for day in (self.first_day, self.last_day):
            if day is not None:
                date.fromisoformat(day)
        if self.first_day is not None and self.last_day is not None and self.first_day > self.last_day:
            raise ValueError("first_day must not be after last_day")
        return self


class PickupPlace(Record):
    """A place where goods are handed over by appointment: a store's counter, a meetup, a public lane."""

    place: Name
    """Place id; a store's own counter may have the store's."""
    name: Text
    """Human name."""
    stores: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)]
    """Stores that hand over there."""
    open: bool = True
    """False: no appointment is made any more; those that are made stand."""
    hand_overs_per_slot: Annotated[int, Field(ge=0, le=10_000)] = 4
    """Customers whom its staff serves in a quarter hour."""
    shelf_orders_max: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """Orders that find room there within any hour; no limit when null."""
    preparation_ms: int = setting(10, MINUTES, least=0, most=30 * 1440)
    """Opening time that a store needs before an appointment, whatever the order."""
    preparation_per_line_ms: int = setting(60, SECONDS, least=0, most=86_400)
    """And for each line of the order."""
    no_show_after_ms: int = setting(2, HOURS, least=0, most=30 * 24)
    """How long after the appointment, or the time of arrival that was told, goods wait for the customer."""
    opening: Annotated[tuple[OpeningHours, ...], Field(max_length=50)] = ()
    """Opening hours; those of the store of the same id when left out, else always."""
    closed_days: Annotated[tuple[Day, ...], Field(max_length=1_000)] = ()
    """Dates on which it is closed besides the store of the same id, as 2026-12-25."""


class StoreItemSettings(Record):
    store: Name
    sku: Text
    listed: bool = True
    contribution: Contribution | None = None
    safety_stock_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] | None = None


class PieceMeasure(Record):
    """The measure of one piece of a code: numerator/denominator of the unit."""

    unit: Unit
    numerator: Annotated[int, Field(gt=0, le=MEASURE_MAX)]
    denominator: Annotated[int, Field(gt=0, le=MEASURE_MAX)] = 1


class CodeMapping(Record):
    store: Name | None = None
    code: Code
    sku: Text | None
    piece: PieceMeasure | None = None


class ParkedOffset(Record):
    topic: Text
    partition: Partition
    offset: Offset
    reason: Text


class AcceptedGap(Record):
    topic: Text
    partition: Partition
    offset: Offset
    until: Offset
    topic_id: Text
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
    """A loan of one item by a store to another pool: at most so much at once; 0 calls it back."""

    store: Name
    sku: Text
    to_pool: Name
    quantity_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)]


class ClockConfirmation(Record):
    """An operator's word that it is so late: the next tick may take the pool's clock there at once."""

    at_ms: TimeMs


Change = (
    PoolSettings
    | StoreSettings
    | StoreItemSettings
    | CodeMapping
    | ParkedOffset
    | AcceptedGap
    | ItemQuota
    | LentQuota
    | Agreement
    | Dispute
    | ClockConfirmation
    | PickupPlace
    | LocalCalendar
)
_CHANGES: dict[str, type[Change]] = {model.__name__: model for model in get_args(Change)}


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
            case AcceptedGap():
                return f"{self.pool}/gap/{change.topic}/{change.partition}/{change.offset}/{change.topic_id}"
            case ItemQuota():
                return f"{self.pool}/quota/{change.sku}"
            case LentQuota():
                return f"{self.pool}/lent/{change.to_pool}/{change.store}/{change.sku}"
            case Agreement():
                return f"{self.pool}/agreement/{change.version}"
            case Dispute():
                return f"{self.pool}/dispute/{change.dispute}"
            case ClockConfirmation():
                return f"{self.pool}/clock"
            case PickupPlace():
                return f"{self.pool}/place/{change.place}"
            case LocalCalendar():
                return f"{self.pool}/calendar/{change.calendar}"

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
