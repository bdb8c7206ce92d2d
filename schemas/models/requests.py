"""Requests about orders and transfers."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from schemas.models.base import (
    CODE_DIGEST_PATTERN,
    DAY_MS,
    GEOHASH_PATTERN,
    HOLD_TTL_MAX_MS,
    ORDER_LINES_MAX,
    ORDER_QUANTITY_MAX_MILLI,
    LineId,
    Name,
    Record,
    Reference,
    Text,
    TimeMs,
)
from schemas.models.forms import text_like


class OrderMode(StrEnum):
    pickup = "pickup"
    delivery = "delivery"


class OrderRequestKind(StrEnum):
    placed = "placed"
    amended = "amended"
    confirmed = "confirmed"
    cancelled = "cancelled"
    moved = "moved"


class OrderLine(Record):
    line_id: LineId
    sku: Text
    quantity_milli: Annotated[int, Field(gt=0, le=ORDER_QUANTITY_MAX_MILLI)]


class PickupWish(Record):
    """A window in which the customer would like to collect."""

    from_ms: TimeMs
    until_ms: TimeMs
    place: Name | None = None
    code_digest: Annotated[str, text_like("32 hexadecimal digits", CODE_DIGEST_PATTERN)] | None = None

    @model_validator(mode="after")
    def _is_a_window(self) -> Self:
        if not self.from_ms < self.until_ms <= self.from_ms + DAY_MS:
            raise ValueError("until_ms must be after from_ms, by a day at most")
        return self


class OrderTerms(Record):
    model_config = ConfigDict(hide_input_in_errors=True)

    mode: OrderMode
    preferred_store: Name | None = None
    geohash: Annotated[str, text_like("u33db", GEOHASH_PATTERN)] | None = None
    address_ref: Reference | None = None
    customer_ref: Reference | None = None
    deadline_ms: TimeMs
    may_split: bool = True
    may_part_fill: bool = True
    only_there: bool = False
    hold_ttl_ms: Annotated[int, Field(gt=0, le=HOLD_TTL_MAX_MS)] | None = None
    pickup: PickupWish | None = None
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=ORDER_LINES_MAX)]

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        if self.preferred_store is None and self.geohash is None:
            raise ValueError("give preferred_store or geohash: where does the customer want the goods?")
        if self.only_there and self.preferred_store is None:
            raise ValueError("only_there needs preferred_store: which store is it?")
        if self.mode == OrderMode.delivery and self.address_ref is None:
            raise ValueError("a delivery needs address_ref")
        if self.pickup is not None and self.mode == OrderMode.delivery:
            raise ValueError("pickup belongs to the mode pickup")
        return self


class TransferTerms(Record):
    from_store: Name
    to_store: Name
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=ORDER_LINES_MAX)]


class OrderRequest(Record):
    """A request to the pool about an order or a transfer (topic orders.requests.v1)."""

    pool: Name
    order: Name
    kind: OrderRequestKind
    key: Text
    recorded_at_ms: TimeMs
    origin: Text
    terms: OrderTerms | None = None
    transfer: TransferTerms | None = None
    pickup: PickupWish | None = None

    @model_validator(mode="after")
    def _has_terms(self) -> Self:
        wants_terms = self.kind in (OrderRequestKind.placed, OrderRequestKind.amended) and self.transfer is None
        if self.transfer is not None and self.kind != OrderRequestKind.placed:
            raise ValueError("transfer belongs to placed")
        if wants_terms != (self.terms is not None):
            raise ValueError("terms belong to placed and amended, and to these only")
        if (self.pickup is not None) != (self.kind == OrderRequestKind.moved):
            raise ValueError("moved needs pickup, the new window, and it belongs to moved alone")
        return self
