"""The records of `schemas/records/lending`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict

from schemas.types.config import StoreSettings
from schemas.types.orders import OrderRow
from schemas.types.pos import Unit
from schemas.types.requests import OrderMode, Rejection
from schemas.types.tasks import TaskRow

LendingSide = Literal["lender", "borrower"]

LendingOutcome = Literal["accepted", "repeated", "refused"]

LendingChangeKind = Literal[
    "granted",
    "called_back",
    "changed",
    "accepted",
    "returned",
    "drawn",
    "withdrawn",
    "closed",
    "acknowledged",
    "resent",
    "stopped",
]

OrderProgress = Literal["picked", "collected", "short"]

LoanObstacle = Literal["unknown_item", "wrong_unit"]


class DrawPart(TypedDict):
    """Goods of one line of an order at one store of the lender."""

    part: int
    line_id: str
    position: int
    store: str
    sku: str
    quantity_milli: int
    withdrawn: bool
    picked_milli: int
    collected_milli: int
    gone_milli: int
    reason: str


class LoanRow(TypedDict):
    """A loan as one of the two pools knows it."""

    pool: str
    side: LendingSide
    peer: str
    store: str
    sku: str
    unit: Unit
    granted_milli: int
    returned_milli: int
    drawn_milli: int
    limit_milli: int
    covered_milli: int | None
    counted_at_ms: int
    discrepancies: int
    settings: StoreSettings | None
    reason: LoanObstacle | Literal[""]
    sequence: int
    received_sequence: int
    acked_sequence: int
    resend_at_ms: int
    tries: int


class LendingChannel(TypedDict):
    """Messages between two pools."""

    pool: str
    peer: str
    sent_sequence: int
    received_sequence: int
    gaps: int


class LoanAck(TypedDict):
    """The borrower: what it has given back, as it stands."""

    store: str
    sku: str
    returned_milli: int
    reason: LoanObstacle | Literal[""]


class LoanStatus(TypedDict):
    """The lender: what is lent, as it stands."""

    store: str
    sku: str
    unit: Unit
    granted_milli: int
    limit_milli: int
    covered_milli: int | None
    counted_at_ms: int
    discrepancies: int
    settings: StoreSettings | None


class DrawAck(TypedDict):
    """The lender: how far the store has come."""

    order: str
    parts: list[DrawPart]


class DrawRow(TypedDict):
    """Lent goods of one order, as one of the two pools knows them."""

    pool: str
    side: LendingSide
    peer: str
    order: str
    mode: OrderMode
    deadline_ms: int
    address_ref: str | None
    customer_ref: str | None
    parts: list[DrawPart]
    closed: bool
    sequence: int
    received_sequence: int
    acked_sequence: int
    resend_at_ms: int
    tries: int


class DrawStatus(TypedDict):
    """The borrower: goods that it was lent are an order's now; the store keeps them for it."""

    order: str
    mode: OrderMode
    deadline_ms: int
    address_ref: str | None
    customer_ref: str | None
    parts: list[DrawPart]
    closed: bool


LendingBody = (
    tuple[Literal["commonshelf.LoanStatus"], LoanStatus]
    | tuple[Literal["commonshelf.LoanAck"], LoanAck]
    | tuple[Literal["commonshelf.DrawStatus"], DrawStatus]
    | tuple[Literal["commonshelf.DrawAck"], DrawAck]
)
"""What it is about."""


class LendingMessage(TypedDict):
    """What one pool sends another about what it lends or borrowed. Each says how things stand, so a later one makes
    up for a lost one.
    """

    pool: str
    from_pool: str
    sequence: int
    answers: int
    recorded_at_ms: int
    body: LendingBody


class LendingChanged(TypedDict):
    """A reaction: a loan or a draw changed, and the other pool is sent how it stands."""

    kind: LendingChangeKind
    message: LendingMessage
    loans: list[LoanRow]
    draw: DrawRow | None


class LendingMessageDecided(TypedDict):
    """A message of another pool, and what became of it."""

    message: LendingMessage
    outcome: LendingOutcome
    reason: Rejection | Literal[""]
    channel: LendingChannel | None
    loans: list[LoanRow]
    draw: DrawRow | None
    order_progress: OrderProgress | Literal[""]
    order: OrderRow | None
    tasks: list[TaskRow]
    day: int
