"""The records of `schemas/records/reports`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, NotRequired, TypedDict

ReportKind = Literal["claimed", "renewed", "done", "short", "refused", "shipped", "received", "on_the_way", "arrived"]

ShortReason = Literal["not_found", "damaged", "wrong_item", "sold", "store_closed", "no_capacity", "not_collected"]


class FulfilmentLine(TypedDict):
    """What is said of one line."""

    line_id: str
    quantity_milli: int
    reason: str | None
    sku: str | None


class FulfilmentReport(TypedDict):
    """What a store, an app or a carrier reports about work that the pool gave it."""

    pool: str
    store: str
    report_id: str
    kind: str
    task: str | None
    transfer: str | None
    order: NotRequired[str | None]
    eta_ms: NotRequired[int | None]
    code: NotRequired[str | None]
    worker: str | None
    reason: str | None
    lines: list[FulfilmentLine]
    occurred_at_ms: int
    recorded_at_ms: int
    origin: str
