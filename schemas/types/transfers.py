"""The records of `schemas/records/transfers`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict

from schemas.types.requests import KnownRequest, OrderRequest, Rejection, RequestOutcome
from schemas.types.stock import Correction
from schemas.types.tasks import TaskRow

TransferStatus = Literal["open", "in_transit", "ended"]

TransferOutcome = Literal["received", "returned", "discrepancy", "lost", "not_shipped", "cancelled"]

TransferChangeKind = Literal["broken", "not_shipped", "lost", "stopped"]

DiscrepancyKind = Literal["over", "mis_shipped", "not_shipped", "damaged", "lost"]
"""over: more came than was sent.
mis_shipped: came without being asked for.
not_shipped: another item came in its place.
"""


class Discrepancy(TypedDict):
    """A difference between what was sent and what came; all of one transfer sum up to how it stands."""

    sku: str
    kind: DiscrepancyKind
    quantity_milli: int
    value_minor: int | None


class EarlyReceipt(TypedDict):
    """Goods that must have left the sender, for they came before it said so."""

    quantity_milli: int
    occurred_at_ms: int


class TransferLine(TypedDict):
    """How far the goods of a line have come, in thousandths of the unit."""

    line_id: str
    sku: str
    asked_milli: int
    held_milli: int
    shipped_milli: int
    mis_shipped_milli: int
    received_milli: int
    returned_milli: int
    damaged_milli: int
    lost_milli: int
    received_before_shipment: list[EarlyReceipt]


class TransferRow(TypedDict):
    """A transfer of goods between two stores of the pool, as it stands."""

    pool: str
    transfer: str
    status: TransferStatus
    outcome: TransferOutcome | Literal[""]
    reason: str
    from_store: str
    to_store: str
    is_returning: bool
    lines: list[TransferLine]
    placed_at_ms: int
    is_shipment_reported: bool
    shipped_at_ms: int
    ended_at_ms: int
    told_at_ms: int
    forget_at_ms: int
    requests: list[KnownRequest]
    reports: list[str]
    position: int


class TransferChanged(TypedDict):
    """A reaction: a transfer changed because of time or stock."""

    kind: TransferChangeKind
    reason: str
    transfer: TransferRow
    tasks: list[TaskRow]
    corrections: list[Correction]
    discrepancies: list[Discrepancy]


class TransferRequestDecided(TypedDict):
    """A request about a transfer, and what became of it."""

    request: OrderRequest
    outcome: RequestOutcome
    reason: Rejection | Literal[""]
    detail: str
    transfer: TransferRow | None
    tasks: list[TaskRow]
