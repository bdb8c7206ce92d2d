"""A topic of Kafka, written offset by offset: each delivery is held against the offset that it must have."""

import time
from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from commonshelf.desks.backup import cluster
from commonshelf.desks.backup.manifest import BackupError
from commonshelf.desks.backup.records import Record
from messaging.client_options import ClientOptions, producer_options, quiet
from messaging.kafka_errors import patiently
from messaging.offsets import log_ends
from schemas.topics import MESSAGE_MAX_BYTES

_TRANSACTIONAL_ID = "commonshelf-restore"
_TRANSACTION_MAX_S = 60
_TRANSACTION_S = 15.0
"""One is ended after so long; Kafka would abort it at its own time, where a marker has no place."""
_CALL_TIMEOUT_S = 60.0
_POLL_S = 0.1
_LOOK_S = 0.005
_FILLER = b"filler"
"""Key of a record that only takes an offset."""


class Producers:
    """Two producers: of records, and of the transaction that holds fillers. A second restore fences the first."""

    def __init__(self, kafka_options: ClientOptions) -> None:
        """Raises KafkaException."""
        options = producer_options(quiet(kafka_options)) | {"message.max.bytes": MESSAGE_MAX_BYTES, "linger.ms": 0}
        self.plain = Producer(options | {"compression.type": "lz4"})
        self.transactional = Producer(
            options | {"transactional.id": _TRANSACTIONAL_ID, "transaction.timeout.ms": _TRANSACTION_MAX_S * 1000}
        )
        self.transactional.init_transactions(_CALL_TIMEOUT_S)


class KafkaLog:
    """The `Log` of one topic, all of whose partitions are empty.

    Each call raises BackupError when a record does not come to lie where it should, and KafkaException.
    """

    def __init__(self, producers: Producers, admin: AdminClient, topic: str) -> None:
        self._plain, self._transactional = producers.plain, producers.transactional
        self._admin = admin
        self._topic = topic
        self._begun_s: float | None = None
        self._filled: set[int] = set()
        self._next: dict[int, int] = {}
        """Partition → the offset of what is appended next."""
        self._delivered: dict[int, int] = {}
        """Partition → the offset up to which Kafka has confirmed."""
        self._failed: Exception | None = None

    def put(self, partition: int, record: Record) -> None:
        """As in `Log`."""
        self._append(self._plain, partition, record)

    def put_filler(self, partition: int, timestamp_ms: int) -> None:
        """As in `Log`."""
        self._append(self._plain, partition, Record(0, timestamp_ms, _FILLER, None))

    def fill(self, partition: int, timestamp_ms: int) -> None:
        """As in `Log`."""
        if self._begun_s is None:
            self._transactional.begin_transaction()
            self._begun_s = time.monotonic()
        self._filled.add(partition)
        self._append(self._transactional, partition, Record(0, timestamp_ms, _FILLER, None))

    def commit(self, records: Mapping[int, Record | None]) -> None:
        """As in `Log`."""
        self._transactional.begin_transaction()
        for partition, record in records.items():
            self._append(self._transactional, partition, record or Record(0, 1, _FILLER, None))
        self.settle()
        self._transactional.commit_transaction(_CALL_TIMEOUT_S)
        self._await_markers(set(records))

    def settle(self) -> None:
        """As in `Log`."""
        for producer in (self._plain, self._transactional):
            if len(producer):
                producer.flush(_CALL_TIMEOUT_S)
        self._check()
        late = [n for n, offset in self._next.items() if self._delivered.get(n, 0) != offset]
        if late:
            raise BackupError(
                f"Kafka did not take records of {self._topic}[{min(late)}] within {_CALL_TIMEOUT_S:.0f} s; look with "
                "./shelf doctor, then restore again"
            )

    def abort(self) -> None:
        """As in `Log`."""
        self._transactional.abort_transaction(_CALL_TIMEOUT_S)
        filled, self._filled, self._begun_s = self._filled, set(), None
        self._await_markers(filled)

    def is_due(self) -> bool:
        """As in `Log`."""
        return self._begun_s is not None and time.monotonic() - self._begun_s > _TRANSACTION_S

    def delete_before(self, offsets: Mapping[int, int]) -> None:
        """As in `Log`."""
        wanted = [TopicPartition(self._topic, n, offset) for n, offset in offsets.items()]

        def ask() -> None:
            for answer in self._admin.delete_records(wanted, request_timeout=cluster.TIMEOUT_S).values():
                answer.result()

        patiently(ask)

    def check_ends(self, ends: Mapping[int, int]) -> None:
        """Raise BackupError unless the partitions end there."""
        for n, found in self._ends(ends).items():
            if found != ends[n]:
                raise self._astray(n, found, ends[n])

    def _append(self, producer: Producer, partition: int, record: Record) -> None:
        offset = self._next.get(partition, 0)
        self._next[partition] = offset + 1
        while True:
            try:
                producer.produce(
                    self._topic, record.value, record.key, partition, timestamp=record.timestamp_ms,
                    headers=list(record.headers), on_delivery=self._on_delivery,
                )  # fmt: skip
            except BufferError:
                producer.poll(_POLL_S)
            else:
                break
        producer.poll(0)
        self._check()

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        n, offset = int(message.partition() or 0), message.offset()
        wanted = self._delivered.get(n, 0)
        self._delivered[n] = wanted + 1
        if error is not None:
            self._failed = self._failed or KafkaException(error)
        elif offset is not None and 0 <= offset != wanted:  # unknown where Kafka had it already
            self._failed = self._failed or self._astray(n, offset, wanted)

    def _await_markers(self, partitions: set[int]) -> None:
        """Kafka writes them after it has answered, and what is appended next must lie behind them."""
        for n in partitions:
            self._next[n] += 1
            self._delivered[n] += 1
        deadline_s = time.monotonic() + _CALL_TIMEOUT_S
        while True:
            found = self._ends(partitions)
            late = [n for n in partitions if found[n] < self._next[n]]
            if not late:
                break
            if time.monotonic() > deadline_s:
                raise self._astray(late[0], found[late[0]], self._next[late[0]])
            time.sleep(_LOOK_S)
        self.check_ends({n: self._next[n] for n in partitions})

    def _ends(self, partitions: Iterable[int]) -> dict[int, int]:
        found = patiently(lambda: log_ends(self._admin, [(self._topic, n) for n in partitions]))
        return {n: offset for (_, n), offset in found.items()}

    def _check(self) -> None:
        if self._failed is not None:
            raise self._failed

    def _astray(self, partition: int, found: int, wanted: int) -> BackupError:
        return BackupError(
            f"{self._topic}[{partition}] is at offset {found}, and should be at {wanted}: somebody else writes, or a "
            "transaction took too long; end what else uses this Kafka, then restore again"
        )
