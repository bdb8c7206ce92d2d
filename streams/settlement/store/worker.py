"""The process that keeps the settlement database: from one failure to the next start, until it is told to stop."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from confluent_kafka import KafkaException
from prometheus_client import REGISTRY
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from messaging.client_options import ClientOptions
from messaging.cluster import UnreachableError
from messaging.errors import UserError
from messaging.process import serve_pages, stopped_by_signals
from messaging.status_server import Status
from schemas.topics import POOL_JOURNAL
from streams.runtime.garbage import collect_rarely
from streams.runtime.sink import SinkFenced, SinkSettings, SinkWorker
from streams.settlement.store.backlog import Backlog
from streams.settlement.store.database import migrate
from streams.settlement.store.history import history_of
from streams.settlement.store.outlook import Outlook
from streams.settlement.store.publisher import Publisher, keep_published
from streams.settlement.store.sink import SettlementSink

log = logging.getLogger(__name__)
_PAUSE_S = 1.0


@dataclass(frozen=True)
class SettlementSettings:
    """Settings of the settlement process."""

    kafka_options: ClientOptions
    partitions: int
    http_host: str
    http_port: int
    make_engine: Callable[[], Engine]
    topic: str = POOL_JOURNAL.name


class Settlement:
    """Runs the sink, and the publisher beside it.

    What passes by itself (a database or a Kafka that is away) is tried again; else `run` raises.
    """

    def __init__(self, settings: SettlementSettings, outlook: Outlook, backlog: Backlog) -> None:
        self._settings = settings
        self._outlook = outlook
        self._backlog = backlog
        self._worker: SinkWorker | None = None
        self._away: str | None = "it starts"
        self._published: Future[None] | None = None

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. Raises UserError, with what to do, and OSError for a file that cannot be made."""
        engine = self._settings.make_engine()
        threads = ThreadPoolExecutor(1, "publisher")
        try:
            while not stop.is_set():
                try:
                    migrate(engine)
                    self._begin_to_publish(threads, engine, stop)
                    self._run_once(engine, stop)
                except SinkFenced as error:
                    self._wait(stop, str(error))
                except SQLAlchemyError as error:
                    cause = getattr(error, "orig", None) or error
                    self._wait(stop, f"the settlement database does not serve: {str(cause).splitlines()[0]}")
                except (KafkaException, UnreachableError, TimeoutError) as error:
                    self._wait(stop, f"Kafka does not serve: {error}")
            if self._published is not None:
                self._published.result()
        finally:
            stop.set()
            threads.shutdown()
            engine.dispose()

    def health(self) -> Status:
        """Is the loop turning, or waiting for what is away?"""
        worker = self._worker
        return Status.unless(None) if worker is None or self._away is not None else worker.health()

    def ready(self) -> Status:
        """Has it once come to the journal's end, and does the database serve?"""
        worker, away = self._worker, self._away
        return worker.ready() if worker is not None and away is None else Status.unless(away or "it starts")

    def _run_once(self, engine: Engine, stop: threading.Event) -> None:
        """From what the database has until something fails: what is in memory may be ahead of it then."""
        settings = self._settings
        history = history_of(settings.kafka_options, settings.topic, settings.partitions, self._still_alive)
        sink_settings = SinkSettings(settings.kafka_options, settings.partitions, settings.topic)
        self._worker = SinkWorker(SettlementSink(history, self._outlook), engine, sink_settings)
        self._away = None
        self._worker.run(stop)

    def _begin_to_publish(self, threads: ThreadPoolExecutor, engine: Engine, stop: threading.Event) -> None:
        """Once; when it cannot go on, nor can the sink."""
        if self._published is None:
            settings = self._settings

            def make() -> Publisher:
                publisher = Publisher(settings.kafka_options, settings.partitions, engine)
                self._backlog.follow(engine, publisher.until)
                return publisher

            self._published = threads.submit(keep_published, make, stop)
            self._published.add_done_callback(lambda _: stop.set())

    def _still_alive(self) -> None:
        if self._worker is not None:
            self._worker.still_alive()

    def _wait(self, stop: threading.Event, reason: str) -> None:
        self._away = reason
        log.warning("%s; it is tried again", reason)
        stop.wait(_PAUSE_S)


def run_settlement(settings: SettlementSettings) -> None:
    """Run until SIGTERM or SIGINT. Raises SystemExit(1) when it cannot go on; the log says why."""
    stop = stopped_by_signals()
    collect_rarely()
    outlook, backlog = Outlook(), Backlog()
    for collector in (outlook, backlog):
        REGISTRY.register(collector)
    settlement = Settlement(settings, outlook, backlog)
    with serve_pages(settings.http_host, settings.http_port, health=settlement.health, ready=settlement.ready):
        try:
            settlement.run(stop)
        except (UserError, OSError) as error:
            log.error("stopped: %s", error)  # noqa: TRY400  the message is for people
            raise SystemExit(1) from error
