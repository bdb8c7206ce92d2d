"""The records of `schemas/records/pos`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, NotRequired, TypedDict

AdjustmentReason = Literal["waste", "damage", "theft", "expiry", "own_use", "found", "other"]

SaleLineKind = Literal["sale", "return", "return_not_restocked", "void"]

StockReportKind = Literal["opening", "received", "adjusted", "counted", "level"]

Unit = Literal["each", "kg", "l"]


class Source(TypedDict):
    """Where the event came from; (store, system, id) names it, version orders its revisions."""

    system: str
    id: str
    version: int


class Told(TypedDict):
    """A quantity in the till's own words, where it was converted or rounded."""

    quantity: str
    unit: str


class SaleLine(TypedDict):
    """One line of a till transaction."""

    line_id: str
    kind: SaleLineKind
    code: str
    quantity_milli: int
    unit: Unit
    price_minor: int | None
    told: NotRequired[Told | None]


class StockLine(TypedDict):
    """One item of a stock report."""

    line_id: str
    code: str
    quantity_milli: int
    unit: Unit
    reason: str | None
    told: NotRequired[Told | None]


class PastSale(TypedDict):
    """A till transaction from before, for forecasts: it never touched this pool's stock."""

    id: str
    pool: str
    store: str
    source: Source
    occurred_at_ms: int
    recorded_at_ms: int
    origin: str
    till: str | None
    order_ref: str | None
    currency: str | None
    unread_lines: list[str]
    lines: list[SaleLine]


class Sale(TypedDict):
    """A till transaction: what was sold, returned or voided, line by line."""

    id: str
    pool: str
    store: str
    source: Source
    occurred_at_ms: int
    recorded_at_ms: int
    origin: str
    till: str | None
    order_ref: str | None
    currency: str | None
    unread_lines: list[str]
    lines: list[SaleLine]
    told_at_ms: int | None


class StockReport(TypedDict):
    """What a store reports about its stock other than sales."""

    id: str
    pool: str
    store: str
    source: Source
    occurred_at_ms: int
    recorded_at_ms: int
    origin: str
    kind: StockReportKind
    unread_lines: list[str]
    lines: list[StockLine]
    told_at_ms: int | None
