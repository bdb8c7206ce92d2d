"""Fetched records into the inboxes of the partitions that they belong to."""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, KafkaException, TopicPartition

from messaging.kafka_errors import passes
from streams.runtime.assigned_partition import AssignedPartition
from streams.runtime.contract import input_record
from streams.runtime.settings import Rejoin, WorkerStopped

log = logging.getLogger(__name__)

SILENCE_S = 60.0
"""Kafka answers a fetch within a second, be it that there is nothing."""


class Intake:
    """Sorts what a consumer fetched, learns where inputs end, and holds back inputs that run far ahead."""

    def __init__(
        self,
        consumer: Consumer,
        topics: Sequence[str],
        batch_records: int,
        batch_bytes: int,
        lost: Callable[[str, AssignedPartition], None],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lost` is told of an input whose next offset is not in its log; `monotonic_s` is the clock for silence."""
        self._consumer = consumer
        self._lost = lost
        self._topics = topics
        self._batch_records = batch_records
        self._batch_bytes = batch_bytes
        self._record_bytes = 1
        """Mean size of the records last fetched."""
        self._paused: set[tuple[str, int]] = set()
        """Also of partitions that were given away: the client remembers, and pauses them when they come back."""
        self._monotonic_s = monotonic_s
        self._heard_s = monotonic_s()
        """When the client last gave us anything, an input's end included."""

    def room(self, working: Collection[AssignedPartition]) -> int:
        """How many records to fetch next, for partitions that do not stand still.

        As many as one batch has room for by number, and two by size. When that is full, some more as long as what is
        held waits for a record of another input, or else the least that a call can ask for.
        """
        by_number = self._batch_records - sum(partition.inbox.waiting() for partition in working)
        free_bytes = 2 * self._batch_bytes - sum(partition.inbox.waiting_bytes for partition in working)
        room, some = min(by_number, free_bytes // self._record_bytes), max(self._batch_records // 16, 1)
        if room < some and any(partition.inbox.starving() for partition in working):
            return some
        return max(room, 1)

    def take(self, messages: list[Any], held: Mapping[int, AssignedPartition]) -> None:
        """Put the messages into the inboxes.

        Raises WorkerStopped, KafkaException for a broken dependency, or Rejoin when the client has fallen silent.
        """
        if messages:
            self._heard_s = self._monotonic_s()
            self._sort_in(messages, held)
        self._notice_ends(held)
        if not messages and self._monotonic_s() - self._heard_s > SILENCE_S:
            self._mind_silence(held)

    def _sort_in(self, messages: list[Any], held: Mapping[int, AssignedPartition]) -> None:
        records = size = 0
        for message in messages:
            error = message.error()
            if error is not None:
                self._input_error(error, message, held)
                continue
            n = message.partition()
            partition = held.get(n)
            if partition is None:
                continue
            topic, offset = message.topic(), message.offset()
            fetched = partition.fetched_offsets
            if offset < fetched.get(topic, 0) or topic in partition.inbox.broken:
                continue  # fetched before a pause, delivered again after it; or behind a gap
            kind, appended_at_ms = message.timestamp()
            if kind == TIMESTAMP_NOT_AVAILABLE:
                raise WorkerStopped(f"{topic} has no broker timestamps; set message.timestamp.type=LogAppendTime")
            fetched[topic] = offset + 1
            value = message.value()
            partition.inbox.add(input_record((topic, n, offset, appended_at_ms, message.key(), value)))
            records += 1
            size += len(value or b"")
        if records:
            self._record_bytes = max(size // records, 1)

    def _input_error(self, error: KafkaError, message: Any, held: Mapping[int, AssignedPartition]) -> None:
        code = error.code()
        if code == KafkaError._PARTITION_EOF:  # noqa: SLF001
            at = held.get(message.partition())
            if at is not None and message.offset() >= at.fetched_offsets.get(message.topic(), 0):
                at.inbox.reached_end(message.topic())
        elif code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):  # noqa: SLF001
            at = held.get(message.partition())
            if at is not None:
                self._lost(message.topic(), at)
        elif code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise WorkerStopped(f"topic missing: {error.str()}. Create the topics first (commonshelf up does).")
        elif error.fatal() or not passes(error):
            raise KafkaException(error)
        else:
            log.warning("kafka: %s", error.str())

    def _notice_ends(self, held: Mapping[int, AssignedPartition]) -> None:
        """An input whose next offset is the broker's high watermark is at its end; no need to wait for the event.

        The client remembers watermarks from when it last fetched a partition: they count once a record has come since.
        """
        for n, at in held.items():
            for topic in at.inbox.starving():
                fetched = at.fetched_offsets.get(topic, -1)
                if fetched > at.first_offsets.get(topic, -1):
                    _, high = self._consumer.get_watermark_offsets(TopicPartition(topic, n), cached=True)
                    if 0 <= high <= fetched:
                        at.inbox.reached_end(topic)

    def _mind_silence(self, held: Mapping[int, AssignedPartition]) -> None:
        """A client that neither goes on with an input nor tells its end would keep the others waiting for ever."""
        for n, at in held.items():
            awaited = at.inbox.starving()
            if awaited and at.inbox.waiting() and not at.inbox.broken:
                raise Rejoin(
                    f"for {SILENCE_S:.0f} s Kafka's client gave nothing, and {at.inbox.waiting()} records of partition "
                    f"{n} wait for {', '.join(awaited)} or its end"
                )

    def mind_backlog(self, held: Mapping[int, AssignedPartition]) -> None:
        """Stop fetching an input that is far ahead of the others; take it up again when it has been worked off."""
        limit = 2 * self._batch_records
        limit_bytes = max(4 * self._batch_bytes // len(held), self._batch_bytes // 2)
        pause, resume = [], []
        for n, partition in held.items():
            size = partition.inbox.waiting_bytes
            for topic in self._topics:
                backlog, at = partition.inbox.backlog(topic), (topic, n)
                if at not in self._paused:
                    if backlog > limit or (backlog and size > limit_bytes):
                        pause.append(TopicPartition(topic, n))
                        self._paused.add(at)
                # An input of which nothing is held is always fetched: the others may wait for it.
                elif not backlog or (backlog < limit // 4 and size < limit_bytes // 4):
                    resume.append(TopicPartition(topic, n))
                    self._paused.discard(at)
                    # The client learnt of no new end meanwhile: what it remembers does not count.
                    partition.first_offsets[topic] = partition.fetched_offsets.get(topic, 0)
        if pause:
            self._consumer.pause(pause)
        if resume:
            self._consumer.resume(resume)
