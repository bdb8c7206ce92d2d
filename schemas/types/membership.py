"""The records of `schemas/records/membership`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict

MembershipChangeKind = Literal["joined", "left"]
"""joined: it takes part from now on.
left: it takes part no more, or not yet: it is promised nothing new.
"""


class MembershipChanged(TypedDict):
    """A store takes part in the pool from now on, or does no more, as its settings' first and last day say."""

    store: str
    kind: MembershipChangeKind
    at_ms: int
    open_orders: int
    open_tasks: int
    open_loans: int


class MembershipRow(TypedDict):
    """Whether a store takes part in the pool; of a store without a row it does."""

    pool: str
    store: str
    kind: MembershipChangeKind
    at_ms: int
