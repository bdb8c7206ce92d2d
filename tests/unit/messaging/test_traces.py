"""A trace follows from a name, is a W3C traceparent, and the same everywhere."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from messaging.traces import HEADER, Trace, Tracing, span_id_of, trace_of
from schemas.models.pos import Sale, SaleLine, Source
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.models.ticks import Tick

ALL, NONE = Tracing(1000), Tracing()
SALE = Sale(
    pool="north", store="corner", source=Source(system="webhook", id="1/17"), occurred_at_ms=1, recorded_at_ms=2,
    lines=(SaleLine(line_id="1", code="plu:4011", quantity_milli=1),),
)  # fmt: skip
REQUEST = OrderRequest(pool="north", order="R-1", kind="confirmed", key="R-1/2", recorded_at_ms=1, origin="api")


def report(**about):
    return FulfilmentReport(
        pool="north", store="corner", report_id="1", kind="arrived", occurred_at_ms=1, recorded_at_ms=1, origin="app",
        **about,
    )  # fmt: skip


def test_opentelemetry_reads_the_header_as_the_trace_that_it_is():
    trace = trace_of("order", "north", "R-1")
    found = TraceContextTextMapPropagator().extract({HEADER: trace.traceparent})
    context = get_current_span(found).get_span_context()
    assert Trace(context.trace_id, context.span_id) == trace
    assert context.trace_flags.sampled


def test_sales_orders_and_pools_have_traces_of_their_own():
    named = {trace_of(subject, pool, "R-1") for subject in ("sale", "order") for pool in ("north", "south")}
    assert len(named) == 4
    assert trace_of("order", "north", "R-1") == trace_of("order", "north", "R-1")


def test_the_spans_of_a_trace_have_ids_of_their_own():
    trace = trace_of("order", "north", "R-1")
    assert len({trace.span_id, span_id_of(trace, "7/journal"), span_id_of(trace, "8/journal")}) == 3


@given(st.text(max_size=20), st.integers(0, 1000))
def test_the_share_that_is_traced_is_the_one_of_opentelemetrys_sampler(name, share_permille):
    trace = trace_of("sale", "north", name)
    sampler = TraceIdRatioBased(share_permille / 1000)
    is_sampled = sampler.should_sample(None, trace.trace_id, "").decision is Decision.RECORD_AND_SAMPLE
    assert Tracing(share_permille).traces(trace) == is_sampled


@pytest.mark.parametrize(
    ("event", "trace"),
    [
        (SALE, trace_of("sale", "north", SALE.id)),
        (REQUEST, trace_of("order", "north", "R-1")),
        (report(order="R-1"), trace_of("order", "north", "R-1")),
    ],
)
def test_a_record_carries_the_trace_of_its_sale_or_order(event, trace):
    assert ALL.of_event(event) == {"traceparent": trace.traceparent.encode()}
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", trace.traceparent)
    assert NONE.of_event(event) == {}


def test_a_record_that_names_neither_carries_none():
    assert ALL.of_event(Tick(pool="north", at_ms=1, origin="clock")) == {}
    assert ALL.of_event(report(task="T-1")) == {}


@pytest.mark.parametrize(
    "told", [{"pool": "north", "order": "R-1"}, {"pool": "north", "kind": "order", "data": {"order": "R-1"}}]
)
def test_a_message_to_the_outside_carries_the_trace_of_its_order(told):
    body = json.dumps(told).encode()
    assert ALL.of_message(body) == {"traceparent": trace_of("order", "north", "R-1").traceparent}
    assert NONE.of_message(body) == {}


def test_a_message_about_no_order_carries_none():
    for told in ({"pool": "north", "kind": "ping", "data": {}}, {"pool": "north", "order": None}, {"order": "R-1"}):
        assert ALL.of_message(json.dumps(told).encode()) == {}
