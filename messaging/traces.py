"""Traces by W3C Trace Context (https://www.w3.org/TR/trace-context/): of a sale, or of an order.

A trace follows from the name of what it is about. So nobody hands it on: whoever knows the name knows the trace, and
the ledger lane, which takes thousands of records at once, neither reads nor writes a header for it.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Literal, NamedTuple

from schemas.models.pos import Sale
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest

HEADER = "traceparent"
Subject = Literal["sale", "order"]
_TRACE_BYTES, _SPAN_BYTES = 16, 8
_SHARED_BITS = (1 << 64) - 1
"""Of a trace's id, by which OpenTelemetry's TraceIdRatioBased decides, too."""


class Trace(NamedTuple):
    """The ids of a trace and of its first span."""

    trace_id: int
    span_id: int

    @property
    def traceparent(self) -> str:
        """The header that says so, for something that is traced."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-01"


def trace_of(subject: Subject, pool: str, name: str) -> Trace:
    """The trace of a sale, named by its event's id, or of an order."""
    raw = _digest(f"{subject}/{pool}/{name}", _TRACE_BYTES + _SPAN_BYTES)
    return Trace(int.from_bytes(raw[:_TRACE_BYTES], "big") or 1, int.from_bytes(raw[_TRACE_BYTES:], "big") or 1)


def span_id_of(trace: Trace, name: str) -> int:
    """The id of a later span of the trace; told again, the span has the same."""
    return int.from_bytes(_digest(f"{trace.trace_id:x}/{name}", _SPAN_BYTES), "big") or 1


def _digest(text: str, size_bytes: int) -> bytes:
    return blake2b(text.encode(), digest_size=size_bytes).digest()


class Tracing:
    """The share of sales and orders that this process traces. None are until `share_permille` is set, at its start."""

    def __init__(self, share_permille: int = 0) -> None:
        self.share_permille = share_permille

    def traces(self, trace: Trace) -> bool:
        """Whether this one is traced: every process says the same."""
        return trace.trace_id & _SHARED_BITS < (self.share_permille << 64) // 1000

    def of_event(self, event: object) -> Mapping[str, bytes]:
        """The header of an event's record; of a report only when it names its order."""
        if not self.share_permille:
            return {}
        if isinstance(event, Sale):
            trace = trace_of("sale", event.pool, event.id)
        elif isinstance(event, OrderRequest | FulfilmentReport) and event.order is not None:
            trace = trace_of("order", event.pool, event.order)
        else:
            return {}
        return {HEADER: trace.traceparent.encode()} if self.traces(trace) else {}

    def of_message(self, body: bytes) -> Mapping[str, str]:
        """The header of a JSON message to the outside, when it names a pool and an order."""
        if not self.share_permille:
            return {}
        told = json.loads(body)
        pool = told.get("pool")
        order = told.get("order") or (told.get("data") or {}).get("order")
        if not (isinstance(pool, str) and isinstance(order, str)):
            return {}
        trace = trace_of("order", pool, order)
        return {HEADER: trace.traceparent} if self.traces(trace) else {}


TRACING = Tracing()
"""Of this process."""
