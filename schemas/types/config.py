"""The records of `schemas/records/config`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, NotRequired, TypedDict

from schemas.types.agreement import Agreement, Dispute
from schemas.types.local_calendar import LocalCalendar
from schemas.types.pos import Unit
from schemas.types.restock_terms import RestockSettings

WeighedCodesRegion = Literal["dk", "ee", "fi", "de", "gb", "lv", "lt", "no", "se"]

ContributionKind = Literal["share", "cap", "fixed"]


class AcceptedGap(TypedDict):
    """Records of an input that are gone from its log unread, and that the workers must go on without."""

    topic: str
    partition: int
    offset: int
    until: int
    topic_id: str
    reason: str


class AllocationSettings(TypedDict):
    """Prices in minor units of the pool's currency, and limits, of docs/allocation.md."""

    max_stores: int
    max_distance_m: int
    min_confidence_permille: int
    distance_minor_per_km: int
    handling_minor_per_store: int
    handling_minor_per_share: int
    split_minor_per_extra_store: int
    line_split_minor_per_extra_store: int
    reroute_minor_per_store: int
    last_slot_minor: int
    short_pick_minor: int
    fairness_minor_per_fulfilment: int
    spoilage_horizon_days: int
    spoilage_saved_permille: int
    slot_minor_per_minute: int
    slot_minutes_max: int
    missing_minor_per_unit: int


class ClockConfirmation(TypedDict):
    """An operator's word that it is so late: the next tick may take the pool's clock there at once."""

    at_ms: int


class PieceMeasure(TypedDict):
    """The measure of one piece of a code: numerator/denominator of the unit of its item, exactly."""

    unit: Unit
    numerator: int
    denominator: int


class LentQuota(TypedDict):
    """What a store lends of one item to another pool."""

    store: str
    sku: str
    to_pool: str
    quantity_milli: int


class ParkedOffset(TypedDict):
    """One input record that the workers must step over."""

    topic: str
    partition: int
    offset: int
    reason: str


class StoreQuota(TypedDict):
    """A store's own limit."""

    store: str
    limit_milli: int


class OpeningHours(TypedDict):
    """A span of one weekday, in the pool's time zone."""

    weekday: int
    opens_minute: int
    closes_minute: int


class PoolSettings(TypedDict):
    """The pool itself."""

    name: str
    currency: str
    time_zone: str
    late_limit_ms: int
    future_skew_ms: int
    weighed_codes_region: WeighedCodesRegion | None
    hold_ttl_ms: int
    reroutes_max: int
    claim_within_ms: int
    pick_within_ms: int
    lease_ms: int
    preparation_ms: int
    collect_grace_ms: int
    recount_within_ms: int
    ship_within_ms: int
    transit_within_ms: int
    transit_lost_after_ms: int
    resend_after_ms: int
    order_ahead_max_ms: int
    ended_retention_ms: int
    learns_preparation: bool
    offers_substitutes: bool
    allocation: AllocationSettings
    restock: RestockSettings


class CodeMapping(TypedDict):
    """What a code means."""

    store: str | None
    code: str
    sku: str | None
    piece: NotRequired[PieceMeasure | None]


class Contribution(TypedDict):
    """What the owner lends to the pool."""

    kind: ContributionKind
    value: int


class ItemQuota(TypedDict):
    """Limits of an item for orders that are placed in a window; a window that begins at another time counts anew."""

    sku: str
    from_ms: int
    until_ms: int
    per_store_milli: int | None
    per_customer_milli: int | None
    stores: list[StoreQuota]


class PickupPlace(TypedDict):
    """A place where goods are handed over by appointment: a store's counter, a meetup, a public lane."""

    place: str
    name: str
    stores: list[str]
    open: bool
    hand_overs_per_slot: int
    shelf_orders_max: int | None
    preparation_ms: int
    preparation_per_line_ms: int
    no_show_after_ms: int
    opening: list[OpeningHours]
    closed_days: list[str]


class StoreItemSettings(TypedDict):
    """A store's own terms for one item; null takes the store's default."""

    store: str
    sku: str
    listed: bool
    contribution: Contribution | None
    safety_stock_milli: int | None


class StoreSettings(TypedDict):
    """A store of the pool."""

    store: str
    name: str
    open: bool
    reports_sales: bool
    rings_up_hand_overs: bool
    contribution: Contribution
    safety_stock_milli: int
    latitude_e6: int
    longitude_e6: int
    orders_at_once_max: int
    orders_per_day_max: int
    opening: list[OpeningHours]
    closed_days: list[str]
    first_day: str | None
    last_day: str | None


Change = (
    tuple[Literal["commonshelf.PoolSettings"], PoolSettings]
    | tuple[Literal["commonshelf.StoreSettings"], StoreSettings]
    | tuple[Literal["commonshelf.StoreItemSettings"], StoreItemSettings]
    | tuple[Literal["commonshelf.CodeMapping"], CodeMapping]
    | tuple[Literal["commonshelf.ParkedOffset"], ParkedOffset]
    | tuple[Literal["commonshelf.ItemQuota"], ItemQuota]
    | tuple[Literal["commonshelf.LentQuota"], LentQuota]
    | tuple[Literal["commonshelf.Agreement"], Agreement]
    | tuple[Literal["commonshelf.Dispute"], Dispute]
    | tuple[Literal["commonshelf.AcceptedGap"], AcceptedGap]
    | tuple[Literal["commonshelf.ClockConfirmation"], ClockConfirmation]
    | tuple[Literal["commonshelf.PickupPlace"], PickupPlace]
    | tuple[Literal["commonshelf.LocalCalendar"], LocalCalendar]
)
"""The new value."""


class ConfigChange(TypedDict):
    """One setting of a pool, set by an operator."""

    pool: str
    recorded_at_ms: int
    origin: str
    change: Change
