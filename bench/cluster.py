"""One embedded broker with our topics on it, and what a benchmark does with them."""

import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.errors import BenchError
from bench.world import POOL, Published
from commonshelf.admin import ensure_topics
from commonshelf.kafka import EmbeddedKafka
from schemas.partition import partition_of

T = TypeVar("T")

PARTITIONS = 12
"""As a stack has by default; the bench's pool lives on one of them."""
_TIMEOUT_S = 30.0
_PASSING = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}
"""What a broker says of a topic or a group that was made a moment ago."""


class Cluster:
    """A broker of its own on throw-away data, for one benchmark."""

    def __init__(self) -> None:
        self._kafka = EmbeddedKafka()
        self.partition = partition_of(POOL, PARTITIONS)
        """Where the pool lives, in every topic."""

    def __enter__(self) -> Self:
        self._kafka.start()
        ensure_topics({"bootstrap.servers": self.bootstrap_servers}, PARTITIONS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kafka.stop()

    @property
    def bootstrap_servers(self) -> str:
        return self._kafka.bootstrap_servers

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
        ensure_topics({"bootstrap.servers": self.bootstrap_servers}, PARTITIONS)

    def publish(self, records: Iterable[Published]) -> int:
        """Write the records to the pool's partition and return how many when the broker has them.

        Not compressed: Faust's Kafka client reads lz4 only with a package of its own.
        """
        producer = Producer({**self.options, "enable.idempotence": True, "linger.ms": 20, "batch.size": 1 << 18})
        failed: list[KafkaError] = []
        count = 0

        def delivered(error: KafkaError | None, _: Any) -> None:
            if error is not None:
                failed.append(error)

        for topic, key, value in records:
            while True:
                try:
                    producer.produce(topic, value, key, self.partition, on_delivery=delivered)
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

    def watermarks(self, topic: str) -> tuple[int, int]:
        """(first offset, next offset) of the pool's partition."""
        reader = self._reader()
        try:
            return self._ends(reader, topic)
        finally:
            reader.close()

    def wait_committed(self, group: str, topic: str, up_to: int, check: Callable[[], None]) -> None:
        """Return when the group has committed the pool's partition of `topic` up to that offset.

        Raises BenchError when nothing is committed for a minute, and whatever `check` raises meanwhile.
        """
        asker = self._reader(group=group)
        try:
            self._wait_for_progress(
                lambda: patiently(lambda: asker.committed([self._at(topic)], timeout=_TIMEOUT_S))[0].offset,
                up_to, check, group,
            )
        finally:
            asker.close()

    def wait_written(self, topic: str, records: int, check: Callable[[], None]) -> None:
        """Return when the pool's partition of `topic` has that many records. Raises as `wait_committed` does."""
        asker = self._reader()
        try:
            self._wait_for_progress(lambda: self._ends(asker, topic)[1], records, check, topic)
        finally:
            asker.close()

    def _wait_for_progress(self, ask: Callable[[], int], wanted: int, check: Callable[[], None], who: str) -> None:
        reached, changed_at_s = -1, time.monotonic()
        while reached < wanted:
            now = ask()
            if now > reached:
                reached, changed_at_s = now, time.monotonic()
            elif time.monotonic() - changed_at_s > 60:
                raise BenchError(f"{who} has stood still at offset {reached} of {wanted} for a minute")
            check()
            time.sleep(0.05)

    def read(self, topic: str) -> Iterator[Any]:
        """Committed messages of the pool's partition, from the beginning to its present end."""
        reader = self._reader(read_committed=True)
        try:
            _, end = self._ends(reader, topic)
            reader.assign([TopicPartition(topic, self.partition, OFFSET_BEGINNING)])
            deadline_s = time.monotonic() + _TIMEOUT_S
            while True:
                messages = reader.consume(5_000, timeout=0.1)
                if messages:
                    deadline_s = time.monotonic() + _TIMEOUT_S
                elif time.monotonic() > deadline_s:
                    raise BenchError(f"{topic} could not be read to its end at offset {end}; Kafka is too slow")
                for message in messages:
                    error = message.error()
                    if error is None:
                        yield message
                    elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  the constant's only name
                        raise KafkaException(error)
                    elif (message.offset() or 0) >= end:
                        return
        finally:
            reader.close()

    def follow(self, topic: str) -> Consumer:
        """A reader of what will be committed to the pool's partition from now on."""
        reader = self._reader(read_committed=True)
        _, end = self._ends(reader, topic)
        reader.assign([TopicPartition(topic, self.partition, end)])
        return reader

    def _ends(self, reader: Consumer, topic: str) -> tuple[int, int]:
        low, high = patiently(lambda: reader.get_watermark_offsets(self._at(topic), timeout=_TIMEOUT_S))
        return int(low), int(high)

    def _at(self, topic: str) -> TopicPartition:
        return TopicPartition(topic, self.partition)

    def _reader(self, group: str = "bench-reader", *, read_committed: bool = False) -> Consumer:
        return Consumer(
            {
                **self.options,
                "group.id": group,
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed" if read_committed else "read_uncommitted",
            }
        )


def patiently(call: Callable[[], T]) -> T:
    """Ask again while Kafka says that this may help: a topic just made has no leader for a moment."""
    deadline_s = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            return call()
        except KafkaException as error:
            if error.args[0].code() not in _PASSING or time.monotonic() > deadline_s:
                raise
        time.sleep(0.05)


def wait_until(probe: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    """Poll until it is so. Raises BenchError when it takes too long."""
    deadline_s = time.monotonic() + timeout_s
    while not probe():
        if time.monotonic() > deadline_s:
            raise BenchError(f"waited {timeout_s:.0f} s in vain for {what}")
        time.sleep(0.02)
