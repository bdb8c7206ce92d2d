"""The records of `schemas/records/stock`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, NotRequired, TypedDict

from schemas.types.pos import Sale, SaleLineKind, StockReport, Unit

DeadLetterReason = Literal[
    "unmapped_code",
    "unknown_item",
    "wrong_unit",
    "bad_kit",
    "bad_quantity",
    "conflict",
    "too_late",
    "in_the_future",
    "unknown_store",
    "unknown_pool",
    "wrong_partition",
    "too_many_lines",
    "invalid",
    "parked",
]
"""unmapped_code: the code means nothing in this store yet, or two items have it; a mapping and a replay apply the
line at its own time.
unknown_item: the code maps to a SKU, or a setting names one, that the product master lacks.
wrong_unit: the pool counts the item in another unit.
bad_kit: a part of the kit is unknown, or a kit itself; or the line counts a kit, which has no stock of its own.
bad_quantity: out of range, or a sign that this kind of line cannot have.
conflict: same source id, version and line as one applied before, with other content.
too_late: it happened longer ago than the pool accepts, when it was first told or by the pool's clock.
in_the_future: dated further ahead than clocks may differ.
unknown_store: the pool has no such store.
unknown_pool: no pool of this name is configured on this partition.
wrong_partition: the record's pool lives on another partition.
too_many_lines: more lines than one event may have, or none.
invalid: well-formed, but a value is out of its range; the message says which.
parked: an operator had the workers step over it.
"""

CorrectionKind = Literal["collected", "damaged", "not_found", "shipped", "received", "returned"]


class AppliedLine(TypedDict):
    """A line that was applied."""

    line: int
    sku: str
    delta_milli: int
    sold_at_till_milli: NotRequired[int]
    kept: NotRequired[bool]
    handed_over_milli: NotRequired[int]
    waiting_milli: NotRequired[int]
    moved_milli: NotRequired[int | None]


class Availability(TypedDict):
    """What one store's shelf can promise to the pool; a SKU's availability in the pool is the sum over its stores."""

    pool: str
    sku: str
    store: str
    unit: Unit
    available_milli: int
    on_hand_milli: int
    safety_stock_milli: int
    confidence_permille: int
    recorded_at_ms: int
    appended_at_ms: int
    position: int
    held_milli: int
    not_found_milli: int
    contribution_milli: int


class Correction(TypedDict):
    """What a report changes in a store's books."""

    store: str
    sku: str
    kind: CorrectionKind
    occurred_at_ms: int
    delta_milli: int
    not_found_milli: int


class CountedLine(TypedDict):
    """A counted item."""

    line: int
    sku: str
    applied: bool
    drift_milli: int
    counted_milli: NotRequired[int | None]


class DedupPage(TypedDict):
    """Up to 64 source events that were applied, for the duplicate check."""

    pool: str
    page: int
    clock_ms: int
    index: bytes
    facts: bytes


class HandOverRow(TypedDict):
    """Goods of an item that a store handed over for orders on one of its business days, against what its till rang
    up without naming an order.
    """

    pool: str
    store: str
    sku: str
    day: int
    owed_milli: int
    told: bool


class MovementBlock(TypedDict):
    """Older movements since the last count, for a count that arrives late."""

    recent: bytes


class Parked(TypedDict):
    """An operator had the workers step over this record; the dead-letter topic has it."""

    reason: str


class QuarantinedLine(TypedDict):
    """A line that was set aside; the dead-letter topic has it whole."""

    line: int
    reason: DeadLetterReason


class Rejected(TypedDict):
    """A whole event that was set aside; the dead-letter topic has it."""

    store: str
    reason: DeadLetterReason
    lines: int


class ReversedLine(TypedDict):
    """A line of the version before, reversed."""

    sku: str
    kind: SaleLineKind | Literal["stock", "count_withdrawn"]
    occurred_at_ms: int
    delta_milli: int
    sold_at_till_milli: NotRequired[int]
    order: NotRequired[str | None]
    moved_milli: NotRequired[int | None]


class ShelfRow(TypedDict):
    """Stock of one item in one store."""

    books: bytes
    recent: bytes


class SaleRecorded(TypedDict):
    """A till transaction, and what became of its lines."""

    event: Sale
    applied: list[AppliedLine]
    reversed: list[ReversedLine]
    duplicate_lines: int
    stale_lines: int
    quarantined: list[QuarantinedLine]
    hand_overs: list[HandOverRow]


class StockReportRecorded(TypedDict):
    """A stock report, and what became of its lines."""

    event: StockReport
    applied: list[AppliedLine]
    counted: list[CountedLine]
    reversed: list[ReversedLine]
    duplicate_lines: int
    stale_lines: int
    quarantined: list[QuarantinedLine]
