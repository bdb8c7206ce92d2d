"""One embedded broker with our topics on it, and what a benchmark does with them."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # not in its __all__

from bench.child import pinned
from bench.errors import BenchError
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from messaging.client_options import producer_options, reader_options
from messaging.kafka_errors import passes
from messaging.log_reader import is_end, is_record
from messaging.topic_admin import ensure_topics
from schemas.partition import partition_of
from world.uniform import POOL, Published

T = TypeVar("T")

PARTITIONS = 12
"""As a stack has by default."""
_TIMEOUT_S = 30.0
_PATIENCE_S = 60.0
_NOT_KNOWN_YET = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001  what the client itself says has no other name
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
}
"""What is said of a topic that was made a moment ago, beside what passes of any."""


class Cluster:
    """A broker of its own on throw-away data, for one benchmark."""

    def __init__(self, pools: Sequence[str] = (POOL,), partitions: int = PARTITIONS, core: int | None = None) -> None:
        self._kafka = EmbeddedKafka()
        self._core = core
        self.partitions = partitions
        self.places = sorted({partition_of(pool, partitions) for pool in pools})
        """The partitions where the pools live, in every topic."""

    def __enter__(self) -> Self:
        with pinned(self._core):
            self._kafka.start()
        ensure_topics({"bootstrap.servers": self.bootstrap_servers}, self.partitions)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kafka.stop()

    @property
    def bootstrap_servers(self) -> str:
        return self._kafka.bootstrap_servers

    def size_bytes(self, topic: str) -> int:
        """The size of a topic on the broker's disk."""
        return sum(file.stat().st_size for file in self._kafka.data_dir.rglob(f"{topic}-*/*.log"))

    @property
    def options(self) -> dict[str, str | int | float | bool]:
        """A client's options; it logs errors only."""
        return {"bootstrap.servers": self.bootstrap_servers, "log_level": "3"}

    def start_afresh(self) -> None:
        """Delete every topic and make ours anew: the next run starts from nothing."""
        admin = AdminClient(self.options)
        ours = [name for name in admin.list_topics(timeout=_TIMEOUT_S).topics if not name.startswith("__consumer")]
        ours = [name for name in ours if name != "__transaction_state"]
        for deleted in admin.delete_topics(ours, operation_timeout=_TIMEOUT_S).values():
            deleted.result(_TIMEOUT_S)
        wait_until(lambda: not set(ours) & set(admin.list_topics(timeout=_TIMEOUT_S).topics), "topics to be deleted")
        ensure_topics({"bootstrap.servers": self.bootstrap_servers}, self.partitions)

    def create_topic(self, name: str, *, compacted: bool = False) -> None:
        """One more topic with as many partitions, stamped by the broker as ours are."""
        policy = "compact" if compacted else "delete"
        config = {"cleanup.policy": policy, "message.timestamp.type": "LogAppendTime"}
        topic = NewTopic(name, self.partitions, 1, config=config)
        admin = AdminClient(self.options)
        admin.create_topics([topic])[name].result(_TIMEOUT_S)

    def has_topic(self, name: str) -> bool:
        """Whether it is there."""
        admin = AdminClient(self.options)
        return name in admin.list_topics(timeout=_TIMEOUT_S).topics

    def publish(self, records: Iterable[Published]) -> int:
        """Write the records to their pools' partitions and return how many when the broker has them.

        Not compressed: Faust's Kafka client reads lz4 only with a package of its own.
        """
        producer = Producer(producer_options(self.options) | {"linger.ms": 20, "batch.size": 1 << 18})
        failed: list[KafkaError] = []
        count = 0

        def delivered(error: KafkaError | None, _: Any) -> None:
            if error is not None:
                failed.append(error)

        for topic, key, value in records:
            while True:
                try:
                    producer.produce(topic, value, key, self.partition_of(key), on_delivery=delivered)
                    break
                except BufferError:
                    producer.poll(0.1)
            count += 1
            if count % 1_000 == 0:
                producer.poll(0)
        while producer.flush(_TIMEOUT_S):
            pass
        if failed:
            raise KafkaException(failed[0])
        return count

    def partition_of(self, key: str) -> int:
        """The partition of a record: the key is its pool, or starts with it and a slash."""
        return partition_of(key.split("/", 1)[0], self.partitions)

    def written(self, topic: str) -> int:
        """Records (and markers of transactions) ever written to the pools' partitions."""
        reader = self._reader()
        try:
            return sum(self._ends(reader, topic, self.places).values())
        finally:
            reader.close()

    def wait_committed(
        self, group: str, topic: str, up_to: int, check: Callable[[], None], patience_s: float = _PATIENCE_S
    ) -> None:
        """Return when the group has committed that many records of the pools' partitions of `topic`.

        Raises BenchError when nothing is committed for `patience_s`, and whatever `check` raises meanwhile.
        """
        asker = self._reader(group=group)
        try:
            self._wait_for_progress(
                lambda: self._committed(asker, topic), up_to, check, group, patience_s,
            )  # fmt: skip
        finally:
            asker.close()

    def committed(self, group: str, topic: str) -> int:
        """Records of the pools' partitions that the group has committed."""
        asker = self._reader(group=group)
        try:
            return self._committed(asker, topic)
        finally:
            asker.close()

    def wait_written(self, topic: str, records: int, check: Callable[[], None]) -> None:
        """Return when the pools' partitions of `topic` have that many records. Raises as `wait_committed` does."""
        asker = self._reader()
        try:
            self._wait_for_progress(
                lambda: sum(self._ends(asker, topic, self.places).values()), records, check, topic
            )  # fmt: skip
        finally:
            asker.close()

    def _wait_for_progress(
        self, ask: Callable[[], int], wanted: int, check: Callable[[], None], who: str, patience_s: float = _PATIENCE_S
    ) -> None:
        reached, changed_at_s = -1, time.monotonic()
        while reached < wanted:
            now = ask()
            if now > reached:
                reached, changed_at_s = now, time.monotonic()
            elif time.monotonic() - changed_at_s > patience_s:
                raise BenchError(f"{who} has stood still at offset {reached} of {wanted} for {patience_s:.0f} s")
            check()
            time.sleep(0.05)

    def read(self, topic: str) -> Iterator[Any]:
        """Committed messages of the pools' partitions, from the beginning to their present end."""
        return self._read(topic, self.places)

    def read_every_partition(self, topic: str) -> Iterator[Any]:
        """The same of any topic whatsoever, Kafka's own among them."""
        admin = AdminClient(self.options)
        described = admin.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        return self._read(topic, sorted(described.partitions))

    def _read(self, topic: str, places: Sequence[int]) -> Iterator[Any]:
        reader = self._reader(read_committed=True)
        try:
            ends = self._ends(reader, topic, places)
            reader.assign([TopicPartition(topic, place, OFFSET_BEGINNING) for place in places])
            deadline_s = time.monotonic() + _TIMEOUT_S
            while ends:
                messages = reader.consume(5_000, timeout=0.1)
                if messages:
                    deadline_s = time.monotonic() + _TIMEOUT_S
                elif time.monotonic() > deadline_s:
                    raise BenchError(f"{topic} could not be read to its end at {ends}; Kafka is too slow")
                for message in messages:
                    place = int(message.partition() or 0)
                    if is_record(message):
                        yield message
                    elif is_end(message) and (message.offset() or 0) >= ends.get(place, 0):
                        ends.pop(place, None)
        finally:
            reader.close()

    def follow(self, topic: str, *, from_beginning: bool = False) -> Consumer:
        """A reader of what will be committed to the pools' partitions from now on, or of all that ever was."""
        reader = self._reader(read_committed=True)
        ends = self._ends(reader, topic, self.places)
        reader.assign([TopicPartition(topic, place, 0 if from_beginning else end) for place, end in ends.items()])
        return reader

    def _committed(self, asker: Consumer, topic: str) -> int:
        asked = [TopicPartition(topic, place) for place in self.places]
        found = patiently(lambda: asker.committed(asked, timeout=_TIMEOUT_S))
        return sum(max(place.offset, 0) for place in found)

    def _ends(self, reader: Consumer, topic: str, places: Sequence[int]) -> dict[int, int]:
        """Next offset by partition."""
        return {place: int(patiently(partial(self._watermarks, reader, topic, place))[1]) for place in places}

    @staticmethod
    def _watermarks(reader: Consumer, topic: str, place: int) -> tuple[int, int]:
        found: tuple[int, int] = reader.get_watermark_offsets(TopicPartition(topic, place), timeout=_TIMEOUT_S)
        return found

    def _reader(self, group: str = "bench-reader", *, read_committed: bool = False) -> Consumer:
        return Consumer(reader_options(self.options, group, "read_committed" if read_committed else "read_uncommitted"))


def patiently(call: Callable[[], T]) -> T:
    """Ask again while Kafka says that this may help: a topic just made has no leader for a moment."""
    deadline_s = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            return call()
        except KafkaException as error:
            cause = error.args[0]
            if not (passes(cause) or cause.code() in _NOT_KNOWN_YET) or time.monotonic() > deadline_s:
                raise
        time.sleep(0.05)


def wait_until(probe: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    """Poll until it is so. Raises BenchError when it takes too long."""
    deadline_s = time.monotonic() + timeout_s
    while not probe():
        if time.monotonic() > deadline_s:
            raise BenchError(f"waited {timeout_s:.0f} s in vain for {what}")
        time.sleep(0.02)
