"""The records of `schemas/records/tasks`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict

ReportKind = Literal["claimed", "renewed", "done", "short", "refused", "shipped", "received"]

ShortReason = Literal["not_found", "damaged", "wrong_item", "sold", "store_closed", "no_capacity", "not_collected"]

TaskKind = Literal["pick", "hand_over", "recount", "transfer_out", "transfer_in"]

TaskStatus = Literal["open", "claimed", "done", "refused", "late", "cancelled"]

TaskChangeKind = Literal["opened", "escalated", "lease_ran_out", "counted", "late", "stopped"]


class FulfilmentLine(TypedDict):
    """What is said of one line."""

    line_id: str
    quantity_milli: int
    reason: str | None
    sku: str | None


class TaskLine(TypedDict):
    """What to do it with."""

    line_id: str
    sku: str
    quantity_milli: int


class FulfilmentReport(TypedDict):
    """What a store, an app or a carrier reports about work that the pool gave it."""

    pool: str
    store: str
    report_id: str
    kind: str
    task: str | None
    transfer: str | None
    worker: str | None
    reason: str | None
    lines: list[FulfilmentLine]
    occurred_at_ms: int
    recorded_at_ms: int
    origin: str


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
    reports: list[str]
    position: int


class TaskChanged(TypedDict):
    """What followed for tasks without an order, or by time alone."""

    kind: TaskChangeKind
    tasks: list[TaskRow]
