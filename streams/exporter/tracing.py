"""Spans of the journal's steps, sent by OpenTelemetry's SDK to a collector. Needs the package's extra `tracing`.

OTEL_EXPORTER_OTLP_ENDPOINT and the SDK's other variables say where the collector is, and how to reach it.
"""

import logging
import threading

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from messaging.client_options import ClientOptions, quiet, reader_options
from messaging.journal import read_page
from messaging.log_reader import is_record
from messaging.traces import TRACING, Trace, span_id_of
from schemas.codec import BadMessage
from schemas.topics import POOL_JOURNAL
from streams.exporter.steps import Step, Steps

log = logging.getLogger(__name__)
_BATCH = 500
_POLL_S = 0.2
_NS_PER_MS = 1_000_000


class _GivenIds(IdGenerator):
    """The ids of the next span, which follow from what it is about."""

    def __init__(self) -> None:
        self.next = Trace(1, 1)

    def generate_trace_id(self) -> int:
        return self.next.trace_id

    def generate_span_id(self) -> int:
        return self.next.span_id


class JournalTracer:
    """Follows the journal from now on, in the thread that calls `run`: what came while it did not run has no spans."""

    def __init__(self, kafka_options: ClientOptions, partitions: int, processor: SpanProcessor) -> None:
        """The processor takes the spans; it is shut down at the end of `run`."""
        self._options = quiet(kafka_options)
        self._partitions = partitions
        self._steps = Steps()
        self._ids = _GivenIds()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,  # steps that are not traced do not come so far
            resource=Resource.create({SERVICE_NAME: "commonshelf"}),
            id_generator=self._ids,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("commonshelf")

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set, or the journal cannot be read."""
        consumer = Consumer(reader_options(self._options, "commonshelf-exporter"))
        try:
            consumer.assign([TopicPartition(POOL_JOURNAL.name, n, OFFSET_END) for n in range(self._partitions)])
            while not stop.is_set():
                for message in consumer.consume(_BATCH, _POLL_S):
                    if is_record(message):
                        self.take(message.value(), message.timestamp()[1])
        except (KafkaException, BadMessage) as error:
            log.error("no more traces until the exporter is started again: %s", error)  # noqa: TRY400  for people
        finally:
            consumer.close()
            self._provider.shutdown()

    def take(self, page: bytes | None, journaled_at_ms: int) -> None:
        """A record of the journal, and when Kafka got it. Raises BadMessage."""
        for entry in read_page(page):
            for step in self._steps.of(entry, journaled_at_ms):
                if TRACING.traces(step.trace):
                    self._send(step, entry.position)

    def _send(self, step: Step, position: int) -> None:
        span_id = step.trace.span_id if step.is_first else span_id_of(step.trace, f"{position}/{step.name}")
        self._ids.next = Trace(step.trace.trace_id, span_id)
        above = Context() if step.is_first else set_span_in_context(NonRecordingSpan(_context(step.trace)))
        span = self._tracer.start_span(
            step.name,
            context=above,
            attributes=dict(step.about),
            links=[Link(_context(step.cause))] if step.cause is not None else [],
            start_time=step.begin_ms * _NS_PER_MS,
        )
        span.end(step.end_ms * _NS_PER_MS)


def _context(trace: Trace) -> SpanContext:
    return SpanContext(trace.trace_id, trace.span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def tracer_to_collector(kafka_options: ClientOptions, partitions: int) -> JournalTracer:
    """A tracer that sends spans by OTLP over HTTP."""
    return JournalTracer(kafka_options, partitions, BatchSpanProcessor(OTLPSpanExporter()))
