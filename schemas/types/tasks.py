"""The records of `schemas/records/tasks`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, NotRequired, TypedDict

from schemas.types.stock import HandOverRow

TaskKind = Literal["pick", "hand_over", "recount", "ring_up", "put_back", "transfer_out", "transfer_in"]
"""ring_up: goods that were handed over for orders, and no till rang up.
put_back: goods that were picked and go to nobody: back to their shelf.
"""

TaskStatus = Literal["open", "claimed", "done", "refused", "late", "cancelled"]

TaskChangeKind = Literal["opened", "escalated", "lease_ran_out", "counted", "not_rung_up", "rung_up", "late", "stopped"]
"""rung_up: what a store was asked to ring up has been rung up since."""


class KnownReport(TypedDict):
    """A report that was accepted."""

    report_id: str
    recorded_at_ms: int


class TaskDelivery(TypedDict):
    """The place to which a carrier brings what a store hands over, and the deadline."""

    address_ref: str
    geohash: str | None
    deadline_ms: int


class TaskLine(TypedDict):
    """What to do it with."""

    line_id: str
    sku: str
    quantity_milli: int


class TaskRow(TypedDict):
    """A task of a store as it stands."""

    pool: str
    task: str
    kind: TaskKind
    store: str
    order: str | None
    transfer: str | None
    status: TaskStatus
    reason: str
    worker: str | None
    priority: int
    escalations: int
    opened_at_ms: int
    claim_by_ms: int
    due_ms: int
    lease_until_ms: int
    ended_at_ms: int
    forget_at_ms: int
    lines: list[TaskLine]
    reports: list[KnownReport]
    reports_forgotten_ms: int
    position: int
    delivery: NotRequired[TaskDelivery | None]


class TaskChanged(TypedDict):
    """A reaction: tasks without an order changed, or time alone changed them."""

    kind: TaskChangeKind
    tasks: list[TaskRow]
    hand_overs: list[HandOverRow]
