"""Whole topics as they lie in Kafka, read without the engine."""

import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from messaging.client_options import Isolation, reader_options
from tests.proof.faults.records import Record
from tests.support.waiting import PATIENCE_S

T = TypeVar("T")


def patiently(ask: Callable[[], T], deadline_s: float = PATIENCE_S) -> T:
    """Ask a broker that may be down or just coming up. Raises the last KafkaException."""
    deadline = time.monotonic() + deadline_s
    while True:
        try:
            return ask()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def reader(bootstrap_servers: str, isolation: Isolation, group: str = "auditor") -> Consumer:
    """A consumer that belongs to no group's membership."""
    return Consumer(
        reader_options({"bootstrap.servers": bootstrap_servers}, group, isolation)
        | {"fetch.wait.max.ms": 20, "reconnect.backoff.max.ms": 500, "log_level": 2}
    )


def log_ends(bootstrap_servers: str, topics: Iterable[str], partitions: int) -> dict[tuple[str, int], int]:
    """(topic, partition) → offset after its last record, open transactions included."""
    consumer = reader(bootstrap_servers, "read_uncommitted")
    try:
        return {
            (topic, n): consumer.get_watermark_offsets(TopicPartition(topic, n), timeout=15)[1]
            for topic in topics
            for n in range(partitions)
        }
    finally:
        consumer.close()


def read_topics(
    bootstrap_servers: str, topics: Iterable[str], partitions: int, since: Mapping[int, int] = MappingProxyType({})
) -> list[Record]:
    """Every committed record, each partition in offset order. Waits for open transactions to end.

    since: partition → the first offset that is wanted.
    """
    ends = log_ends(bootstrap_servers, topics, partitions)
    left = {at for at, end in ends.items() if end > 0}
    consumer = reader(bootstrap_servers, "read_committed")
    records: list[Record] = []
    try:
        consumer.assign([TopicPartition(topic, n, since.get(n, OFFSET_BEGINNING)) for topic, n in left])
        heard_at = time.monotonic()
        while left:
            messages = consumer.consume(10_000, timeout=0.2)
            if messages:
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > PATIENCE_S:
                raise TimeoutError(f"no word for {PATIENCE_S} s from {sorted(left)}")
            for message in messages:
                error = message.error()
                at = message.topic(), message.partition()
                if error is None:
                    records.append(
                        Record(
                            *at, message.offset(), message.timestamp()[1], message.key(), message.value(),
                            tuple((name, value or b"") for name, value in message.headers() or ()),
                        )
                    )  # fmt: skip
                elif error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                elif message.offset() >= ends[at]:
                    left.discard(at)
    finally:
        consumer.close()
    return records


class GroupView:
    """How far a consumer group has come. Several partitions' worth of one answer each. For use by any thread."""

    def __init__(self, bootstrap_servers: str, group: str, topics: Iterable[str], partitions: int) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._group = group
        self._places = [TopicPartition(topic, n) for topic in topics for n in range(partitions)]
        self._consumer = self._make_consumer()

    def ends(self, partitions: Iterable[int] | None = None) -> dict[tuple[str, int], int]:
        """Offset after the last record of each input in these partitions, or in all."""
        wanted = None if partitions is None else set(partitions)
        return {
            (at.topic, at.partition): self._ask(lambda by, at=at: by.get_watermark_offsets(at, timeout=15)[1])
            for at in self._places
            if wanted is None or at.partition in wanted
        }

    def committed(self) -> dict[tuple[str, int], int]:
        """The group's committed offset of each input partition."""
        answer = self._ask(lambda by: by.committed(self._places, timeout=15))
        return {(at.topic, at.partition): max(at.offset, 0) for at in answer}

    def behind(self, ends: dict[tuple[str, int], int]) -> int:
        """Records before `ends` that the group has not committed."""
        committed = self.committed()
        return sum(max(0, end - committed[at]) for at, end in ends.items())

    def close(self) -> None:
        self._consumer.close()

    def _make_consumer(self) -> Consumer:
        return reader(self._bootstrap_servers, "read_uncommitted", self._group)

    def _ask(self, ask: Callable[[Consumer], T]) -> T:
        """Patiently; after brokers were lost, an old client may look for what it knew of them for ever."""

        def once() -> T:
            try:
                return ask(self._consumer)
            except KafkaException:
                self._consumer = self._make_consumer()  # others may still be asking the old one: it goes by itself
                raise

        return patiently(once)
