"""A compacted topic as a table on this machine: followed by a thread, kept in RocksDB with its position.

When to use which: a `View` for what is asked again and again, or is too large to be read whole at every start;
`log_reader.read_table` for a small table that is read once; neither for what a processor must decide from, as its
state has to move with its inputs.
"""

import json
import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from rocksdict import DbClosedError, Rdict, WriteBatch

from messaging.client_options import ClientOptions, reader_options
from messaging.clock import Uptime, uptime
from messaging.cluster import topic_identity
from messaging.errors import UserError
from messaging.log_reader import is_end, is_record
from messaging.rocks import rocks_options, scan_prefix, scan_prefix_back
from messaging.status_server import Status

_log = logging.getLogger(__name__)

_POSITION = b"p"
_ROW = b"r"
_BATCH = 2_000
_POLL_S = 0.1
_FETCH_WAIT_MS = 200
"""A broker answers at once when there is something. Only the first time that there is nothing matters, at the start."""
_PAUSE_S = 0.2
_CACHE_MIB = 16
_STALE_AFTER_MS = 12 * 3_600_000
"""An older copy may have missed deletes that compaction has since forgotten (delete.retention.ms is a day)."""
_GONE = (KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET)  # noqa: SLF001  the client has no public name


Key = bytes
Value = bytes | None
Read = Callable[[Key], Value]


@dataclass(frozen=True)
class Layout:
    """The rows that a record leaves; by default its value under its key, or none of that key.

    name: also stands for the version: a copy of another layout is dropped and read anew.
    rows: takes a record, and what reads the rows as they were before it; keys and values to put, None to delete.
    """

    name: str
    rows: Callable[[Message, Read], Iterable[tuple[Key, Value]]]


class ViewFailed(UserError):
    """The thread that follows the topic has ended: the process should end, and be started again."""


class ViewDamaged(Exception):
    """The files cannot be read. They are dropped, and the table is read from Kafka again: ask later."""


class View:
    """One topic's rows as they were committed last. `get`, `scan` and `wait_for` may be called from any thread.

    path: a folder of its own. A copy that is damaged, too old, or of another cluster or another topic of that name
        (which its id tells) is dropped and read anew.
    partitions: those to follow; all unless some are named.
    now: this machine's uptime. It decides about nothing but how old a copy is: one from before a boot is too old.
    layout: what rows a record leaves, unless they are its key and value; it may be of a topic that is a log.
    on_read: called by the thread that follows, with the records that are in the table since then.
    """

    def __init__(
        self,
        kafka_options: ClientOptions,
        topic: str,
        path: Path,
        partitions: Sequence[int] | None = None,
        now: Callable[[], Uptime] = uptime,
        layout: Layout | None = None,
        on_read: Callable[[Sequence[Message]], None] | None = None,
    ) -> None:
        self._kafka_options = kafka_options
        self._topic = topic
        self._path = path
        self._wanted = partitions
        self._now = now
        self._layout = layout
        self._on_read = on_read
        self._options = rocks_options(_CACHE_MIB)
        self._db: Rdict | None = None
        self._positions: dict[int, int] = {}
        self._behind: set[int] | None = None
        self._failure: str | None = None
        self._is_damaged = False
        self._moved = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"view {topic}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; the rows and the position stay for the next start."""
        self._stop.set()
        self._thread.join()
        self._close()

    def stop(self) -> None:
        """Begin to stop; leaving the context waits for the end."""
        self._stop.set()

    def get(self, key: bytes) -> bytes | None:
        """The value of the row `key`, or None. Raises ViewDamaged, ViewFailed."""
        db = self._open_db()
        try:
            found: bytes | None = db.get(_ROW + key)
        except Exception as error:
            raise self._damaged(error) from error
        return found

    def scan(self, prefix: bytes = b"", after: bytes = b"", is_backward: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Keys that start with `prefix`, and their values, in key order. Raises ViewDamaged, ViewFailed.

        after: leave out the keys up to this one.
        is_backward: from the last key to the first; `after` then leaves out this one and those behind it.
        """
        db = self._open_db()
        read = scan_prefix_back if is_backward else scan_prefix
        try:
            for key, value in read(db, _ROW + prefix, _ROW + after if after else b""):
                yield key[1:], value
        except GeneratorExit:
            raise
        except Exception as error:
            raise self._damaged(error) from error

    def position(self, partition: int) -> int:
        """The offset of the next record to be read: all before it is in the table."""
        return self._positions.get(partition, 0)

    def wait_for(self, partition: int, offset: int, timeout_s: float) -> bool:
        """Wait until the record at `offset` is in the table; False when it is not in time. Raises ViewFailed.

        Who wrote it and waits for it here reads what they wrote.
        """
        with self._moved:
            self._moved.wait_for(lambda: self._failure or self.position(partition) > offset, timeout_s)
        self._check()
        return self.position(partition) > offset

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the table has once been read to its end; False when it is not in time. Raises ViewFailed."""
        with self._moved:
            self._moved.wait_for(lambda: self._failure or self.ready().ok, timeout_s)
        self._check()
        return self.ready().ok

    def ready(self) -> Status:
        """Whether the table has once been read to its end since the start; before that it is a part of it."""
        if self._failure is not None:
            return Status.unless(self._failure)
        if self._behind is None:
            return Status.unless(f"Kafka is asked for {self._topic}")
        behind = sorted(self._behind)
        return Status.unless(f"{self._topic} is being read: partitions {behind}" if behind else None)

    def _open_db(self) -> Rdict:
        self._check()
        if self._db is None or self._is_damaged:
            raise ViewDamaged(f"{self._topic} is being read; wait until it is ready")
        return self._db

    def _check(self) -> None:
        if self._failure is not None:
            raise ViewFailed(f"{self._topic} is no longer followed: {self._failure}; start this process again")

    def _damaged(self, error: Exception) -> ViewDamaged:
        self._is_damaged = True
        return ViewDamaged(f"the copy of {self._topic} in {self._path} cannot be read: {error}")

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self._follow()
                except ViewDamaged as error:
                    _log.warning("%s; reading it from Kafka again", error)
                    self._drop()
                    self._stop.wait(_PAUSE_S)  # someone's scan may hold the files for a moment
        except Exception as error:  # noqa: BLE001  told to all who ask; the process ends by it
            _log.exception("the view of %s failed", self._topic)
            with self._moved:
                self._failure = f"{type(error).__name__}: {error}"
                self._moved.notify_all()

    def _follow(self) -> None:
        """From the stored position until told to stop. Raises ViewDamaged for a copy to be dropped."""
        identity = topic_identity(self._kafka_options, self._topic)
        partitions = identity.partitions if self._wanted is None else tuple(self._wanted)
        content = f"{identity.name}/{partitions}" + ("" if self._layout is None else f"/{self._layout.name}")
        self._open(content, partitions)
        consumer = Consumer(
            reader_options(self._kafka_options, "commonshelf-view") | {"fetch.wait.max.ms": _FETCH_WAIT_MS}
        )
        try:
            consumer.assign(
                [TopicPartition(self._topic, n, self._positions.get(n, OFFSET_BEGINNING)) for n in partitions]
            )
            while not self._stop.is_set():
                if self._is_damaged:
                    raise ViewDamaged(f"the copy of {self._topic} in {self._path} is damaged")
                first = consumer.poll(_POLL_S)
                if first is not None:
                    self._take((first, *consumer.consume(_BATCH, 0)), content)
        except KafkaException as error:
            if error.args[0].code() in _GONE:
                raise ViewDamaged(f"{self._topic} no longer has what follows the copy in {self._path}") from error
            raise
        finally:
            consumer.close()

    def _take(self, messages: Sequence[Message], content: str) -> None:
        """Rows and positions in one batch."""
        rows: dict[bytes, bytes | None] = {}
        positions = dict(self._positions)
        reached: set[int] = set()
        records: list[Message] = []
        for message in messages:
            n, offset = int(message.partition() or 0), int(message.offset() or 0)
            if is_record(message):
                positions[n] = offset + 1
                records.append(message)
                if self._layout is not None:
                    rows.update(self._layout.rows(message, partial(self._before, rows)))
                elif message.key() is not None:
                    rows[bytes(message.key() or b"")] = message.value()
            elif is_end(message):
                positions[n] = max(offset, positions.get(n, 0))
                reached.add(n)
        if positions != self._positions:
            self._write(rows, positions, content)
        with self._moved:
            self._positions = positions
            self._behind = (self._behind or set()) - reached
            self._moved.notify_all()
        if self._on_read is not None and records:
            self._on_read(records)

    def _before(self, rows: Mapping[Key, Value], key: Key) -> Value:
        """A row as it is before the next record; `rows` are those of the batch so far."""
        if key in rows:
            return rows[key]
        assert self._db is not None, "opened before it is followed"
        found: Value = self._db.get(_ROW + key)
        return found

    def _write(self, rows: dict[bytes, bytes | None], positions: dict[int, int], content: str) -> None:
        assert self._db is not None, "opened before it is followed"
        batch = WriteBatch(raw_mode=True)
        for key, value in rows.items():
            if value is None:
                batch.delete(_ROW + key)
            else:
                batch.put(_ROW + key, value)
        now = self._now()
        saved = {"of": content, "positions": list(positions.items()), "boot": now.boot, "uptime_ms": now.ms}
        batch.put(_POSITION, json.dumps(saved).encode())
        try:
            self._db.write(batch)
        except Exception as error:
            raise self._damaged(error) from error

    def _open(self, content: str, partitions: Sequence[int]) -> None:
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            self._db = Rdict(str(self._path), options=self._options)
            raw = self._db.get(_POSITION)
            saved = json.loads(raw) if raw is not None else None
        except Exception as error:
            raise ViewDamaged(f"the copy of {self._topic} in {self._path} cannot be opened: {error}") from error
        positions = {}
        if saved is not None:
            now, boot, uptime_ms = self._now(), saved["boot"], saved["uptime_ms"]
            positions = dict(saved["positions"])
            if saved["of"] != content:
                raise ViewDamaged(f"the copy in {self._path} is of another {self._topic}, or of other partitions")
            if now.boot != boot or now.ms - uptime_ms >= _STALE_AFTER_MS:
                raise ViewDamaged(f"the copy of {self._topic} in {self._path} is too old to be sure of its deletes")
        with self._moved:
            self._positions = positions
            self._behind = set(partitions)
            self._moved.notify_all()

    def _drop(self) -> None:
        self._close()
        shutil.rmtree(self._path, ignore_errors=True)
        with self._moved:
            self._positions, self._behind, self._is_damaged = {}, None, False

    def _close(self) -> None:
        """Release the files, also damaged ones."""
        db, self._db = self._db, None
        if db is None:
            return
        try:
            db.close()
        except DbClosedError:
            return
        except Exception as error:  # noqa: BLE001  the files are released all the same
            _log.warning("closing the copy of %s: %s", self._topic, error)
