"""The records of `schemas/records/orders`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, NotRequired, TypedDict

from schemas.types.pickup import AppointmentRow, BookedSlot
from schemas.types.reports import FulfilmentReport
from schemas.types.requests import KnownRequest, OrderRequest, OrderTerms, Rejection, RequestOutcome
from schemas.types.stock import Correction, HandOverRow
from schemas.types.tasks import TaskRow
from schemas.types.transfers import Discrepancy, TransferOutcome, TransferRow, TransferStatus

OrderStatus = Literal["tentative", "confirmed", "ended"]

OrderOutcome = Literal["collected", "part_collected", "unfilled", "not_collected", "cancelled", "expired"]

HoldState = Literal["tentative", "confirmed", "picked", "collected"]

OrderChangeKind = Literal[
    "rerouted",
    "unfilled",
    "broken",
    "expired",
    "late",
    "not_collected",
    "sold_at_till",
    "moved",
    "stopped",
]
"""moved: its appointment, for the goods were not ready."""

OrderEventKind = Literal[
    "allocated",
    "amended",
    "confirmed",
    "cancelled",
    "moved",
    "picked",
    "collected",
    "rerouted",
    "unfilled",
    "broken",
    "expired",
    "late",
    "short",
    "not_collected",
    "sold_at_till",
    "stopped",
    "refused",
    "repeated",
    "report_refused",
    "set_aside",
    "transfer_placed",
    "transfer_cancelled",
    "transfer_shipped",
    "transfer_received",
    "transfer_refused",
    "transfer_broken",
    "transfer_not_shipped",
    "transfer_lost",
    "transfer_stopped",
]
"""allocated: placed, and goods are held.
moved: its appointments are at another time.
refused: a request was refused.
repeated: a request came again.
set_aside: the record names a pool that is not configured; it lies among the dead letters.
"""

StoreExclusion = Literal[
    "closed",
    "past_deadline",
    "no_capacity",
    "too_far",
    "no_slot",
    "no_stock",
    "excluded",
    "confidence_too_low",
    "not_enough",
    "costs_more",
    "store_quota",
]

QuotaKind = Literal["store", "customer", "since"]
"""since: holds made by later journal entries count."""


class CostTerms(TypedDict):
    """The terms of docs/allocation.md, thousandths of the currency's minor unit."""

    distance_milli_minor: int
    handling_milli_minor: int
    split_milli_minor: int
    reroute_milli_minor: int
    capacity_milli_minor: int
    short_pick_milli_minor: int
    fairness_milli_minor: int
    spoilage_milli_minor: int
    missing_milli_minor: int
    slot_milli_minor: int


class Demand(TypedDict):
    """Demand that did not go where the customer wanted it."""

    line_id: str
    sku: str
    wanted_store: str | None
    wanted_geohash: str | None
    given_store: str | None
    quantity_milli: int
    wanted_milli: int


class StoreRefusal(TypedDict):
    """A store that gives nothing."""

    store: str
    reason: StoreExclusion


class Substitutes(TypedDict):
    """What may stand in for a line that is short."""

    line_id: str
    skus: list[str]


class DeclinedBy(TypedDict):
    """A store that the line never goes back to."""

    store: str
    reason: str


class Hold(TypedDict):
    """Goods that are kept for one line of an order in one store."""

    line_id: str
    sku: str
    store: str
    quantity_milli: int
    sold_at_till_milli: int
    state: HoldState
    position: int
    left_by_till: NotRequired[bool]


class QuotaRow(TypedDict):
    """What counts toward a quota."""

    pool: str
    sku: str
    kind: QuotaKind
    name: str
    count: int


class StoreLoad(TypedDict):
    """What a store was given on a day."""

    store: str
    day: int
    given: int


class Decision(TypedDict):
    """How the goods were allocated, and why so."""

    costs: CostTerms
    runner_up: list[str]
    runner_up_milli_minor: int | None
    refused: list[StoreRefusal]
    demand: list[Demand]
    substitutes: list[Substitutes]


class OrderLineState(TypedDict):
    """How far a line has come."""

    line_id: str
    sku: str
    quantity_milli: int
    unfilled_milli: int
    reason: str
    declined_by: list[DeclinedBy]


class OrderEvent(TypedDict):
    """What became of an order or of a request about it."""

    pool: str
    order: str
    position: int
    kind: OrderEventKind
    reason: str
    detail: str
    key: str | None
    store: str | None
    task: str | None
    at_ms: int
    is_plain: bool
    status: OrderStatus | TransferStatus | Literal[""]
    outcome: OrderOutcome | TransferOutcome | Literal[""]
    lines: list[OrderLineState]
    holds: list[Hold]
    decision: Decision | None
    transfer: TransferRow | None
    slots: list[BookedSlot]


class OrderRow(TypedDict):
    """An order as it stands."""

    pool: str
    order: str
    status: OrderStatus
    outcome: OrderOutcome | Literal[""]
    terms: OrderTerms
    lines: list[OrderLineState]
    holds: list[Hold]
    reroutes: int
    placed_at_ms: int
    expires_at_ms: int
    ended_at_ms: int
    told_at_ms: int
    forget_at_ms: int
    requests: list[KnownRequest]
    position: int
    for_pool: str | None
    slots: NotRequired[list[BookedSlot]]


class FulfilmentReportDecided(TypedDict):
    """A fulfilment report, and what became of it."""

    report: FulfilmentReport
    outcome: RequestOutcome
    reason: Rejection | Literal[""]
    detail: str
    order: OrderRow | None
    tasks: list[TaskRow]
    corrections: list[Correction]
    transfer: TransferRow | None
    discrepancies: list[Discrepancy]
    hand_overs: list[HandOverRow]
    appointment: NotRequired[AppointmentRow | None]


class OrderChanged(TypedDict):
    """A reaction: an order changed because of time or stock."""

    kind: OrderChangeKind
    reason: str
    order: OrderRow
    tasks: list[TaskRow]
    decision: Decision | None
    day: int


class OrderRequestDecided(TypedDict):
    """A request about an order, and what became of it."""

    request: OrderRequest
    outcome: RequestOutcome
    reason: Rejection | Literal[""]
    detail: str
    order: OrderRow | None
    tasks: list[TaskRow]
    decision: Decision | None
    day: int
