"""The journal into SQL, exactly once: rows and position in one database transaction.

The position is moved by compare-and-set, so a second writer, or one that was thought dead, changes nothing. The
database is all that is believed: a start goes on from its position.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from sqlalchemy import BigInteger, Column, Connection, Engine, Integer, MetaData, String, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from messaging.client_options import ClientOptions, reader_options
from messaging.cluster import topic_identity
from messaging.errors import UserError
from messaging.journal import JournalEntry, read_page
from messaging.log_reader import is_end, is_record
from messaging.status_server import Status
from schemas.codec import BadMessage, LaterSchema
from schemas.topics import POOL_JOURNAL
from streams.runtime.failpoints import failpoint

_BATCH = 500
BATCH_BYTES = 4 << 20
"""A database transaction takes pages of so much at most, or one: however slow the database, it ends."""
_POLL_S = 0.1
_STUCK_AFTER_S = 60.0

_positions = Table(
    "sink_positions",
    MetaData(),
    Column("sink", String(64), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
    Column("topic_id", String(128), nullable=False),
)


class Sink(Protocol):
    """A view of the journal in a database."""

    @property
    def name(self) -> str:
        """Names its positions."""

    @property
    def tables(self) -> Sequence[Table]:
        """Made when they are missing."""

    def apply(self, connection: Connection, entries: Iterable[JournalEntry]) -> None:
        """Write what follows from `entries`, in the transaction that moves the position. An exception stops the sink.

        To be read to the end. Whether the transaction is committed shows at the next call: who is asked again goes on
        from it, and after a failure another sink is made.
        """


class SinkStopped(UserError):
    """The journal cannot be read on from the stored position; the message says why and what to do."""


class SinkFenced(UserError):
    """Another writer has moved the position: this one must not go on from what it remembers."""


@dataclass(frozen=True)
class SinkSettings:
    """Settings of one sink: it alone reads all partitions."""

    kafka_options: ClientOptions
    partitions: int
    topic: str = POOL_JOURNAL.name


class SinkWorker:
    """Runs one sink. `run` in one thread; `health` and `ready` may be asked from any.

    Making one creates missing tables and reads the positions. Raises SQLAlchemyError when the database does not serve.
    """

    def __init__(self, sink: Sink, engine: Engine, settings: SinkSettings) -> None:
        self._sink = sink
        self._engine = engine
        self._settings = settings
        self._behind = set(range(settings.partitions))
        self._alive_at_s = time.monotonic()
        with engine.begin() as connection:
            for table in (_positions, *sink.tables):
                table.create(connection, checkfirst=True)
        self._next_offsets = self._stored()
        self._topic_id = ""

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. Raises SinkFenced, SinkStopped, and what Kafka, the database and the sink raise."""
        self._check_topic()
        consumer = Consumer(
            reader_options(self._settings.kafka_options, f"commonshelf-sink-{self._sink.name}")
            | {"fetch.wait.max.ms": 50}
        )
        topic = self._settings.topic
        try:
            consumer.assign(
                [
                    TopicPartition(topic, n, self._next_offsets.get(n, OFFSET_BEGINNING))
                    for n in range(self._settings.partitions)
                ]
            )
            while not stop.is_set():
                self.still_alive()
                first = consumer.poll(_POLL_S)
                if first is not None:
                    for messages in _batches((first, *consumer.consume(_BATCH, 0))):
                        self.still_alive()
                        self._take(messages)
        finally:
            consumer.close()

    def health(self) -> Status:
        """Is the loop turning?"""
        return Status.of_loop(self._alive_at_s, _STUCK_AFTER_S)

    def ready(self) -> Status:
        """Has it once come to the journal's end?"""
        behind = sorted(self._behind)
        return Status.unless(f"the journal is being read: partitions {behind}" if behind else None)

    def _check_topic(self) -> None:
        """A journal that was made anew has other entries at the same offsets."""
        topic = self._settings.topic
        self._topic_id = topic_identity(self._settings.kafka_options, topic).name
        asked = select(_positions.c.topic_id).where(_positions.c.sink == self._sink.name).distinct()
        with self._engine.connect() as connection:
            known = set(connection.scalars(asked))
        if known - {self._topic_id}:
            raise SinkStopped(
                f"{self._sink.name}: {topic} is not the topic that this database was filled from: it was made anew, or "
                "is another cluster's; restore it, or fill an empty database from it"
            )

    def _take(self, messages: Sequence[Message]) -> None:
        pages: list[bytes | None] = []
        moved: dict[int, int] = {}
        reached: set[int] = set()
        for message in messages:
            n, offset = int(message.partition() or 0), int(message.offset() or 0)
            if is_record(message):
                pages.append(message.value())
                moved[n] = offset + 1
            elif is_end(message):
                reached.add(n)
        if pages:
            self._store(pages, moved)
        self._behind -= reached

    def _store(self, pages: Sequence[bytes | None], moved: Mapping[int, int]) -> None:
        """The positions first: who is fenced has written nothing, and who comes second waits for the first's end."""
        with self._engine.begin() as connection:
            for n, offset in sorted(moved.items()):
                self._move(connection, n, offset)
            try:
                self._sink.apply(connection, self._entries(pages))
            except BadMessage as error:
                what_to_do = (
                    "start the release that writes it"
                    if isinstance(error, LaterSchema)
                    else f"restore {self._settings.topic}, which the pools alone write"
                )
                raise SinkStopped(
                    f"{self._sink.name}: a page of the journal cannot be read: {error}; nothing of that batch was "
                    f"written; {what_to_do}"
                ) from error
            failpoint("before_commit", len(pages))
        failpoint("after_commit", len(pages))
        self._next_offsets.update(moved)

    def still_alive(self) -> None:
        """The loop is at work in what takes long: `health` says so."""
        self._alive_at_s = time.monotonic()

    def _entries(self, pages: Iterable[bytes | None]) -> Iterator[JournalEntry]:
        for page in pages:
            self.still_alive()
            yield from read_page(page)

    def _move(self, connection: Connection, partition: int, next_offset: int) -> None:
        before = self._next_offsets.get(partition)
        here = {"sink": self._sink.name, "partition": partition}
        if before is None:
            try:
                connection.execute(insert(_positions).values(**here, next_offset=next_offset, topic_id=self._topic_id))
            except IntegrityError as error:
                raise self._fenced(partition) from error
            return
        same = [_positions.c[name] == value for name, value in here.items()]
        changed = connection.execute(
            update(_positions).where(*same, _positions.c.next_offset == before).values(next_offset=next_offset)
        )
        if changed.rowcount != 1:
            raise self._fenced(partition)

    def _fenced(self, partition: int) -> SinkFenced:
        return SinkFenced(
            f"{self._sink.name}: another writer has moved partition {partition}; "
            "run one of each sink, and start this one again if the other was stopped"
        )

    def _stored(self) -> dict[int, int]:
        asked = select(_positions.c.partition, _positions.c.next_offset).where(_positions.c.sink == self._sink.name)
        with self._engine.connect() as connection:
            return {row.partition: row.next_offset for row in connection.execute(asked)}


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """The messages in order, cut where they would be too much for one transaction."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        size += len(message.value() or b"")
        if batch and size > BATCH_BYTES:
            yield batch
            batch, size = [], len(message.value() or b"")
        batch.append(message)
    yield batch
