"""Reasons for which a request or a report is refused: the closed list. Journal and orders.events carry these names.

A refused request changes nothing. What the caller can do is said beside each.
"""

from typing import Final

from schemas.types.requests import Rejection


class RefusedError(Exception):
    """A business no: a reason from the closed list, and what exactly."""

    def __init__(self, reason: Rejection, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


BAD_NAME: Final = "bad_name"
"""The order's id or the key is empty, too long, or has characters that an id may not have."""
IN_THE_FUTURE: Final = "in_the_future"
"""Dated further ahead than clocks may differ: set the sender's clock."""
TOO_LATE: Final = "too_late"
"""A report that was recorded longer after it happened than the pool accepts."""
CONFLICT: Final = "conflict"
"""The same key came before with another content: use a new key."""
ORDER_EXISTS: Final = "order_exists"
"""Placed before, under another key: amend it, or place it under another id."""
UNKNOWN_ORDER: Final = "unknown_order"
"""No such order; it was never placed, was refused, or ended long ago."""
ORDER_ENDED: Final = "order_ended"
"""It was collected, cancelled or given up: place another."""
HOLDS_EXPIRED: Final = "holds_expired"
"""It was confirmed too late: place another."""
ALREADY_CONFIRMED: Final = "already_confirmed"
"""Nothing is left to do."""
ALREADY_PICKED: Final = "already_picked"
"""Goods are off the shelf already: cancel it and place another."""
CANNOT_FILL: Final = "cannot_fill"
"""The pool cannot fill the amended order; it stands as it was."""
TOO_MANY_REQUESTS: Final = "too_many_requests"
"""More requests about one order than are remembered."""
BAD_TERMS: Final = "bad_terms"
"""Terms are missing, or given where none belong, or say no place; the detail says what."""
UNKNOWN_STORE: Final = "unknown_store"
"""The pool has no such store."""
UNKNOWN_PLACE: Final = "unknown_place"
"""The pool has no such place of pickup, or none at all: ask without a wish, or for another place."""
UNKNOWN_SKU: Final = "unknown_sku"
"""The product master lacks it."""
IS_A_KIT: Final = "is_a_kit"
"""It is a kit, which has no stock of its own: ask for its parts, which the detail names."""
BAD_QUANTITY: Final = "bad_quantity"
"""Zero, negative, too large, or not in whole units."""
BAD_LINES: Final = "bad_lines"
"""None, too many, or one line id or SKU twice."""
CUSTOMER_NEEDED: Final = "customer_needed"
"""An item is limited per customer: say who it is, by customer_ref."""
CUSTOMER_QUOTA: Final = "customer_quota"
"""All or nothing is wanted, and the customer may not have all of it: want less, or part."""
PAST_DEADLINE: Final = "past_deadline"
"""The deadline is over."""
DEADLINE_TOO_FAR: Final = "deadline_too_far"
"""Further ahead than the pool takes orders."""

UNKNOWN_KIND: Final = "unknown_kind"
"""No such report, or it does not fit the task."""
UNKNOWN_TASK: Final = "unknown_task"
"""No such task; it ended long ago, or never was."""
UNKNOWN_TRANSFER: Final = "unknown_transfer"
"""No such transfer."""
NOT_YOUR_TRANSFER: Final = "not_your_transfer"
"""It is between other stores, or the other one's to say."""
ALREADY_SHIPPED: Final = "already_shipped"
"""The sender has said what it sent: receive what comes back, or correct the books by a stock report."""
NOT_YOUR_TASK: Final = "not_your_task"
"""It is another store's."""
TASK_ENDED: Final = "task_ended"
"""It is done, was called off, or went to another store."""
CLAIMED_ALREADY: Final = "claimed_already"
"""Somebody else in the store has it."""
NOT_CLAIMED: Final = "not_claimed"
"""Only who has claimed a task can renew the claim."""
BAD_REASON: Final = "bad_reason"
"""Not one of the reasons for which such a task can fail."""

UNKNOWN_LOAN: Final = "unknown_loan"
"""A pool answers about a loan that this pool never gave."""
UNKNOWN_DRAW: Final = "unknown_draw"
"""A pool answers about goods that this pool never asked for, or has long had."""
MORE_THAN_LENT: Final = "more_than_lent"
"""A pool gives back, or reports, more than it has."""
