"""Sales and orders as traces: a till's sale, the order that it sends elsewhere, and how that is collected."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from messaging.traces import TRACING, trace_of
from schemas.topics import POOL_JOURNAL, POS_SALES
from streams.exporter.steps import Steps
from streams.exporter.tracing import JournalTracer
from tests.support.orders import stocked
from tests.support.pool import NOON_MS, OTHER_STORE, POOL, line, wanted

JOURNALED_MS = NOON_MS + 40
ORDER = trace_of("order", POOL, "o1")


@pytest.fixture(scope="module")
def bench():
    """An order whose goods a till sells, so that a neighbour fills it."""
    made = stocked()
    made.request("placed", "o1", wanted(2_000))
    made.request("confirmed", "o1")
    made.sell("s1", line(4_000))
    made.fulfil("done", made.task("pick", OTHER_STORE), store=OTHER_STORE)
    made.fulfil("done", made.task("hand_over", OTHER_STORE), store=OTHER_STORE)
    made.commit()
    return made


@pytest.fixture(scope="module")
def sale(bench):
    """The trace of the till's sale."""
    (fact,) = [entry.fact[1] for entry in bench.journal() if entry.fact[0] == "commonshelf.SaleRecorded"]
    return trace_of("sale", POOL, fact["event"]["id"])


@pytest.fixture(scope="module")
def steps(bench):
    made = Steps()
    return [step for entry in bench.journal() for step in made.of(entry, JOURNALED_MS)]


@pytest.fixture
def spans(bench, monkeypatch):
    """Those that a collector gets."""
    monkeypatch.setattr(TRACING, "share_permille", 1000)
    collector = InMemorySpanExporter()
    tracer = JournalTracer({}, 1, SimpleSpanProcessor(collector))
    for output in bench.outputs:
        if output.topic == POOL_JOURNAL.name:
            tracer.take(output.value, JOURNALED_MS)
    return collector.get_finished_spans()


def test_an_order_goes_from_its_request_through_the_till_s_sale_to_the_hand_over(steps):
    names = [step.name for step in steps if step.trace == ORDER and step.name != "journal"]
    assert names == [
        "order placed", "order confirmed", "order broken", "order rerouted", "pick done", "hand_over done",
    ]  # fmt: skip
    assert [step.is_first for step in steps if step.trace == ORDER].count(True) == 1


def test_a_sale_has_a_trace_of_its_own_that_begins_at_the_till(steps, sale):
    till, journal = [step for step in steps if step.trace == sale]
    assert (till.name, till.is_first, journal.name, journal.is_first) == ("till", True, "journal", False)
    assert till.begin_ms <= till.end_ms == journal.begin_ms <= journal.end_ms == JOURNALED_MS
    assert till.about["messaging.destination.name"] == POS_SALES.name


def test_what_a_sale_did_to_an_order_says_so_and_nothing_else_does(steps, sale):
    led = {step.name: step.cause for step in steps if step.cause is not None}
    assert led == {"order broken": sale, "order rerouted": sale}


def test_a_sale_that_is_told_again_begins_its_trace_no_second_time():
    bench, made = stocked(), Steps()
    for _ in range(2):
        bench.sell("s1", line(1_000))
    steps = [step for entry in bench.journal() for step in made.of(entry, JOURNALED_MS)]
    assert [(step.name, step.is_first) for step in steps if step.name != "journal"] == [
        ("till", True), ("till again", False),
    ]  # fmt: skip


def test_no_step_ends_before_it_begins(bench):
    made = Steps()
    steps = [step for entry in bench.journal() for step in made.of(entry, NOON_MS - 60_000)]
    assert all(step.begin_ms <= step.end_ms for step in steps)


def test_spans_of_an_order_are_below_its_first_one(spans):
    ours = [span for span in spans if span.context.trace_id == ORDER.trace_id]
    (first,) = [span for span in ours if span.parent is None]
    assert (first.name, first.context.span_id) == ("order placed", ORDER.span_id)
    assert {span.parent.span_id for span in ours if span is not first} == {ORDER.span_id}
    assert len({span.context.span_id for span in ours}) == len(ours)


def test_the_span_of_a_reroute_names_the_sale_s_trace(spans, sale):
    (rerouted,) = [span for span in spans if span.name == "order rerouted"]
    assert [(link.context.trace_id, link.context.span_id) for link in rerouted.links] == [sale]
    assert rerouted.attributes["commonshelf.order"] == "o1"
    assert (rerouted.start_time, rerouted.end_time) == (NOON_MS * 1_000_000, JOURNALED_MS * 1_000_000)


def test_what_is_told_again_has_the_ids_of_before(spans, bench, monkeypatch):
    monkeypatch.setattr(TRACING, "share_permille", 1000)
    collector = InMemorySpanExporter()
    tracer = JournalTracer({}, 1, SimpleSpanProcessor(collector))
    for output in bench.outputs:
        if output.topic == POOL_JOURNAL.name:
            tracer.take(output.value, JOURNALED_MS)
    assert [span.context for span in collector.get_finished_spans()] == [span.context for span in spans]


def test_nothing_is_sent_unless_a_share_is_set(bench):
    collector = InMemorySpanExporter()
    tracer = JournalTracer({}, 1, SimpleSpanProcessor(collector))
    tracer.take(next(output.value for output in bench.outputs if output.topic == POOL_JOURNAL.name), JOURNALED_MS)
    assert collector.get_finished_spans() == ()
