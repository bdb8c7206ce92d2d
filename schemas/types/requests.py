"""The records of `schemas/records/requests`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, NotRequired, TypedDict

from schemas.types.pickup import PickupWish

RequestOutcome = Literal["accepted", "duplicate", "refused"]

Rejection = Literal[
    "bad_name",
    "in_the_future",
    "too_late",
    "conflict",
    "order_exists",
    "unknown_order",
    "order_ended",
    "holds_expired",
    "already_confirmed",
    "already_picked",
    "cannot_fill",
    "too_many_requests",
    "bad_terms",
    "unknown_store",
    "unknown_place",
    "unknown_sku",
    "is_a_kit",
    "bad_quantity",
    "bad_lines",
    "customer_needed",
    "customer_quota",
    "past_deadline",
    "deadline_too_far",
    "no_slot",
    "unknown_appointment",
    "appointment_ended",
    "bad_eta",
    "code_needed",
    "wrong_code",
    "code_locked",
    "unknown_kind",
    "unknown_task",
    "unknown_transfer",
    "not_your_transfer",
    "already_shipped",
    "not_your_task",
    "task_ended",
    "claimed_already",
    "not_claimed",
    "bad_reason",
    "unknown_loan",
    "unknown_draw",
    "more_than_lent",
]
"""bad_name: the order's id or the key is empty, too long, or has characters that an id may not have.
in_the_future: dated further ahead than clocks may differ: set the sender's clock.
too_late: recorded, or of something that happened, longer ago than the pool accepts.
conflict: the same key came before with another content: use a new key.
order_exists: placed before, under another key: amend it, or place it under another id.
unknown_order: no such order; it was never placed, was refused, or ended long ago.
order_ended: it was collected, cancelled or left unfilled: place another.
holds_expired: it was confirmed too late: place another.
already_confirmed: nothing is left to do.
already_picked: goods are off the shelf already: cancel it and place another.
cannot_fill: the pool cannot fill the amended order; it stands as it was.
too_many_requests: more requests about one order than are remembered.
bad_terms: terms are missing, or given where none belong, or say no place; the detail says what.
unknown_store: the pool has no such store.
unknown_place: the pool has no such place of pickup, or none at all.
unknown_sku: the product master lacks it.
is_a_kit: it is a kit, which has no stock of its own: ask for its parts, which the detail names.
bad_quantity: zero, negative, too large, or not in whole units.
bad_lines: none, too many, or one line id or SKU twice.
customer_needed: an item is limited per customer: say who it is, by customer_ref.
customer_quota: all or nothing is wanted, and the customer may not have all of it: want less, or part.
past_deadline: the deadline is over.
deadline_too_far: further ahead than the pool accepts orders.
no_slot: no quarter hour near the new wish has room; the appointments stand as they were.
unknown_appointment: the order has no appointment at that store.
appointment_ended: it was collected, cancelled, or nobody came.
bad_eta: no time of arrival is given, or it is over, or later than the goods wait: the detail says which.
code_needed: the customer's code is asked for at the counter: report it.
wrong_code: it is not the customer's code: ask again.
code_locked: too many wrong codes: the customer's side sets a new one by a moved request.
unknown_kind: no such report, or it does not fit the task.
unknown_task: no such task; it ended long ago, or never was.
unknown_transfer: no such transfer.
not_your_transfer: it is between other stores, or the other one's to say.
already_shipped: the sender has said what it sent: receive what comes back, or correct the books by a stock
report.
not_your_task: it is another store's.
task_ended: it is done, was called off, or went to another store.
claimed_already: somebody else in the store has it.
not_claimed: only who has claimed a task can renew the claim.
bad_reason: not one of the reasons for which such a task can fail.
unknown_loan: a pool answers about a loan that this pool never gave.
unknown_draw: a pool answers about goods that this pool never asked for, or has long had.
more_than_lent: a pool gives back, or reports, more than it has.
"""

OrderMode = Literal["pickup", "delivery"]

OrderRequestKind = Literal["placed", "amended", "confirmed", "cancelled", "moved"]


class KnownRequest(TypedDict):
    """A request that was accepted."""

    key: str
    digest: bytes


class OrderLine(TypedDict):
    """One line of an order."""

    line_id: str
    sku: str
    quantity_milli: int


class TransferTerms(TypedDict):
    """Goods that one store is to send to another."""

    from_store: str
    to_store: str
    lines: list[OrderLine]


class OrderTerms(TypedDict):
    """What the customer wants."""

    mode: OrderMode
    preferred_store: str | None
    geohash: str | None
    address_ref: str | None
    customer_ref: str | None
    deadline_ms: int
    may_split: bool
    may_part_fill: bool
    only_there: bool
    hold_ttl_ms: int | None
    pickup: NotRequired[PickupWish | None]
    lines: list[OrderLine]


class OrderRequest(TypedDict):
    """What somebody asks of the pool about an order, or about a transfer between two stores."""

    pool: str
    order: str
    kind: OrderRequestKind
    key: str
    recorded_at_ms: int
    origin: str
    terms: OrderTerms | None
    transfer: TransferTerms | None
    pickup: NotRequired[PickupWish | None]
