"""Events about orders as they are made at the edges. Field meanings are in the .avsc files."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from schemas.models import HOLD_TTL_MAX_MS, LINE_ID_MAX, REFERENCE_PATTERN, Event, Name, Text, TimeMs

ORDER_LINES_MAX = 30
ORDER_QUANTITY_MAX_MILLI = 10_000_000
GEOHASH_PATTERN = r"^[0-9b-hjkmnp-z]{1,5}$"
"""Base 32 of geohash.org, which leaves out a, i, l and o; five characters are about five kilometres."""

Reference = Annotated[str, Field(pattern=REFERENCE_PATTERN)]
LineId = Annotated[str, Field(min_length=1, max_length=LINE_ID_MAX)]


class OrderMode(StrEnum):
    pickup = "pickup"
    delivery = "delivery"


class OrderRequestKind(StrEnum):
    placed = "placed"
    amended = "amended"
    confirmed = "confirmed"
    cancelled = "cancelled"


class OrderLine(Event):
    line_id: LineId
    sku: Text
    quantity_milli: Annotated[int, Field(gt=0, le=ORDER_QUANTITY_MAX_MILLI)]


class OrderTerms(Event):
    model_config = ConfigDict(hide_input_in_errors=True)

    mode: OrderMode
    preferred_store: Name | None = None
    geohash: Annotated[str, Field(pattern=GEOHASH_PATTERN)] | None = None
    address_ref: Reference | None = None
    customer_ref: Reference | None = None
    deadline_ms: TimeMs
    may_split: bool = True
    may_part_fill: bool = True
    hold_ttl_ms: Annotated[int, Field(gt=0, le=HOLD_TTL_MAX_MS)] | None = None
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=ORDER_LINES_MAX)]

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        if self.preferred_store is None and self.geohash is None:
            raise ValueError("give preferred_store or geohash: where does the customer want the goods?")
        if self.mode == OrderMode.delivery and self.address_ref is None:
            raise ValueError("a delivery needs address_ref")
        return self


class TransferTerms(Event):
    from_store: Name
    to_store: Name
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=ORDER_LINES_MAX)]


class OrderRequest(Event):
    """What somebody asks of the pool about an order or a transfer (topic orders.requests.v1)."""

    pool: Name
    order: Name
    kind: OrderRequestKind
    key: Text
    recorded_at_ms: TimeMs
    origin: Text
    terms: OrderTerms | None = None
    transfer: TransferTerms | None = None

    @model_validator(mode="after")
    def _has_terms(self) -> Self:
        wants_terms = self.kind in (OrderRequestKind.placed, OrderRequestKind.amended) and self.transfer is None
        if self.transfer is not None and self.kind != OrderRequestKind.placed:
            raise ValueError("transfer belongs to placed")
        if wants_terms != (self.terms is not None):
            raise ValueError("terms belong to placed and amended, and to these only")
        return self


ReportKind = Literal["claimed", "renewed", "done", "short", "refused", "shipped", "received"]
ShortReason = Literal[
    "not_found", "damaged", "wrong_item", "sold", "store_closed", "no_capacity", "not_collected"
]  # fmt: skip


class FulfilmentLine(Event):
    line_id: LineId
    quantity_milli: Annotated[int, Field(ge=0, le=ORDER_QUANTITY_MAX_MILLI)]
    reason: ShortReason | None = None
    sku: Text | None = None


class FulfilmentReport(Event):
    """What a store, an app or a carrier reports about its work (topic fulfilment.reports.v1)."""

    pool: Name
    store: Name
    report_id: Text
    kind: ReportKind
    task: Text | None = None
    transfer: Text | None = None
    worker: Text | None = None
    reason: ShortReason | None = None
    lines: Annotated[tuple[FulfilmentLine, ...], Field(max_length=100)] = ()
    occurred_at_ms: TimeMs
    recorded_at_ms: TimeMs
    origin: Text

    @model_validator(mode="after")
    def _names_its_work(self) -> Self:
        if (self.task is None) == (self.transfer is None):
            raise ValueError("give task or transfer: which work is it about?")
        return self
