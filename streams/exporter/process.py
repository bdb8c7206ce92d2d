"""The exporter's process: follows topics, and shows the figures when Prometheus asks."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, Message, TopicPartition
from prometheus_client import REGISTRY
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from messaging.client_options import ClientOptions, reader_options
from messaging.log_reader import is_end, is_record
from messaging.metrics import listed
from messaging.process import serve_pages, stopped_by_signals
from messaging.status_server import Status
from schemas.codec import BadMessage, topic_codec
from schemas.statuses import ENDED_TASK, LIVE_APPOINTMENT
from schemas.topics import POOL_CONFIG
from streams.exporter.figures import (
    KINDS,
    LOGS,
    OUTCOMES,
    PROPOSAL_STATUSES,
    TABLES,
    WINDOWS,
    Figures,
)
from streams.exporter.group_lag import GroupLag

log = logging.getLogger(__name__)
Labels = TypeVar("Labels", bound=tuple[str, ...])
_BATCH = 2_000
_POLL_S = 0.2
_STUCK_AFTER_S = 60.0
_LAST_WORD_S = 5.0
"""For what runs beside, when it is told to stop."""


@dataclass(frozen=True)
class ExporterSettings:
    """Settings of the exporter's process."""

    kafka_options: ClientOptions
    partitions: int
    http_host: str
    http_port: int
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Consumer groups whose lag is shown → the topics that each reads."""


class Exporter(Collector):
    """Follows the topics in one thread, by `run`; `collect`, `health` and `ready` may be called from any."""

    def __init__(self, settings: ExporterSettings) -> None:
        self._settings = settings
        self._figures = Figures()
        self._lag = GroupLag(settings.kafka_options, settings.groups, settings.partitions)
        self._lock = threading.Lock()
        self._codecs = {topic: topic_codec(topic) for topic in (*TABLES, *LOGS)}
        self._behind = {(topic, n) for topic in (POOL_CONFIG.name, *TABLES) for n in range(settings.partitions)}
        self._alive_at_s = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. Raises KafkaException for what does not pass by itself, BadMessage for other bytes."""
        threading.Thread(target=self._lag.run, args=(stop,), name="group-lag", daemon=True).start()
        consumer = Consumer(reader_options(self._settings.kafka_options, "commonshelf-exporter"))
        starts = dict.fromkeys((POOL_CONFIG.name, *TABLES), OFFSET_BEGINNING) | dict.fromkeys(LOGS, OFFSET_END)
        try:
            consumer.assign(
                [TopicPartition(topic, n, at) for topic, at in starts.items() for n in range(self._settings.partitions)]
            )
            while not stop.is_set():
                first = consumer.poll(_POLL_S)
                self._alive_at_s = time.monotonic()
                if first is not None:
                    self._take([first, *consumer.consume(_BATCH, 0)])
        finally:
            consumer.close()

    def health(self) -> Status:
        """Is the loop turning?"""
        return Status.of_loop(self._alive_at_s, _STUCK_AFTER_S)

    def ready(self) -> Status:
        """Were the tables once read to their end?"""
        behind = sorted({topic for topic, _ in list(self._behind)})
        return Status.unless(f"{', '.join(behind)} is being read" if behind else None)

    def _take(self, messages: list[Message]) -> None:
        with self._lock:
            for message in messages:
                topic, n = str(message.topic()), int(message.partition() or 0)
                if is_record(message):
                    self._take_record(topic, n, message)
                elif is_end(message):
                    self._behind.discard((topic, n))

    def _take_record(self, topic: str, n: int, message: Message) -> None:
        key, value = bytes(message.key() or b""), message.value()
        row = None if value is None or topic == POOL_CONFIG.name else self._codecs[topic].decode(value)
        self._figures.take(topic, key, row, is_live=(topic, n) not in self._behind)

    def collect(self) -> Iterator[Metric]:
        """The metrics; sums of closed lists are 0 from the start, as a series that begins at 1 has no increase."""
        with self._lock:
            yield from self._collect(self._figures)
        yield _family(listed.GROUP_LAG, self._lag.now)

    def _collect(self, now: Figures) -> Iterator[Metric]:
        pools, stores = sorted(now.pools), sorted(now.shelves)
        yield _family(listed.STORE_SHELVES, now.shelves)
        yield _family(listed.STORE_NEGATIVE, {store: now.negative[store] for store in stores})
        sums = now.confidence_permille
        confidence = {store: sums[store] / rows / 1000 for store, rows in now.shelves.items() if rows}
        yield _family(listed.STORE_CONFIDENCE, confidence)
        yield _family(listed.STORE_NEWEST, {store: at_ms / 1000 for store, at_ms in now.newest_ms.items()})
        yield _family(listed.STORE_TASKS, now.tasks)
        ended = {(*store, how): now.tasks_ended[(*store, how)] for store in stores for how in ENDED_TASK}
        yield _family(listed.STORE_TASKS_ENDED, ended)
        events = {(pool, kind): now.order_events[pool, kind] for pool in pools for kind in KINDS}
        yield _family(listed.ORDER_EVENTS, events)
        outcomes = {(pool, outcome): now.orders_ended[pool, outcome] for pool in pools for outcome in OUTCOMES}
        yield _family(listed.ORDERS_ENDED, outcomes)
        for metric, lines in (
            (listed.ORDER_LINES, now.lines_ordered),
            (listed.ORDER_LINES_FILLED, now.lines_filled),
            (listed.ORDER_LINES_FILLED_ALONE, now.lines_filled_alone),
        ):
            yield _family(metric, {(pool,): lines[pool] for pool in pools})
        ahead = {
            (*place, status): now.appointments[(*place, status)] for place in now.places for status in LIVE_APPOINTMENT
        }
        yield _family(listed.PICKUP_APPOINTMENTS, ahead)
        windows = {(*place, how): now.windows[(*place, how)] for place in now.places for how in WINDOWS}
        yield _family(listed.PICKUP_WINDOWS, windows)
        widths_s = {place: now.window_ms[place] / 1000 for place in now.places}
        yield _family(listed.PICKUP_WINDOW_SECONDS, widths_s)
        proposals = {(pool, status): now.proposals[pool, status] for pool in pools for status in PROPOSAL_STATUSES}
        yield _family(listed.RESTOCK_PROPOSALS, proposals)


def _family(metric: listed.Collected, values: Mapping[Labels, float]) -> Metric:
    family = metric.family()
    for labels, value in sorted(values.items()):
        family.add_metric(list(labels), value)
    return family


def run_exporter(settings: ExporterSettings, beside: Callable[[threading.Event], None] | None = None) -> None:
    """Run until SIGTERM or SIGINT. Raises SystemExit(1) when it cannot go on; the log says why.

    beside: also runs, in a thread of its own, until the event is set.
    """
    stop = stopped_by_signals()
    other = threading.Thread(target=beside, args=(stop,), name="beside", daemon=True)
    other.start()
    exporter = Exporter(settings)
    REGISTRY.register(exporter)
    with serve_pages(settings.http_host, settings.http_port, health=exporter.health, ready=exporter.ready):
        try:
            exporter.run(stop)
        except (KafkaException, BadMessage) as error:
            log.error("stopped: %s", error)  # noqa: TRY400  the message is for people
            raise SystemExit(1) from error
    other.join(_LAST_WORD_S)
