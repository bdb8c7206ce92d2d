"""One membership of a worker in its group: from joining to leaving, with one transaction per micro-batch.

Each transaction holds the outputs, the changelog rows and the source offsets; sending the offsets with the
group's metadata is what fences a worker that was replaced. Whatever goes wrong leaves the last commit standing.
"""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)

from streams.runtime.contract import Batch, InputRecord, Partition, Processor, Rows
from streams.runtime.failpoints import failpoint
from streams.runtime.local_store import LocalStore, open_store, shared_options
from streams.runtime.lookups import Lookups
from streams.runtime.merge import Inbox
from streams.runtime.metrics import WorkerMetrics
from streams.runtime.restore import restore
from streams.runtime.settings import LocalStoreBroken, Rejoin, WorkerSettings, WorkerStopped

log = logging.getLogger(__name__)
T = TypeVar("T")

OFFSETS_ROW = "offsets"
_CALL_TIMEOUT_S = 5.0
_GIVE_UP_S = 60.0

_LOST_PLACE = {
    KafkaError._FENCED,  # noqa: SLF001  librdkafka's own codes have no other name
    KafkaError._STATE,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001
    KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.INVALID_PRODUCER_ID_MAPPING,
    KafkaError.UNKNOWN_PRODUCER_ID,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.CONCURRENT_TRANSACTIONS,
}


@dataclass
class Held:
    """A partition that this worker holds."""

    number: int
    store: LocalStore
    work: Partition
    inbox: Inbox
    next_offsets: dict[str, int]
    seen_offsets: dict[str, int]
    """Next offset to fetch of each input: what the inbox has been given."""


class Halted(Rejoin):
    """The fold raised on a record: the batch is given up, and the partition stops before that record."""

    def __init__(self, record: InputRecord) -> None:
        super().__init__(f"stopped at {record.topic}[{record.partition}] offset {record.offset}")
        self.at = (record.topic, record.partition, record.offset)


class Session:
    """Joins, works until told to stop, leaves. Raises Rejoin when its place is lost, WorkerStopped when all is."""

    def __init__(
        self,
        processor: Processor,
        settings: WorkerSettings,
        metrics: WorkerMetrics,
        lookups: Lookups,
        halted: set[tuple[str, int, int]],
        stop: threading.Event,
    ) -> None:
        self._processor = processor
        self._settings = settings
        self._metrics = metrics
        self._lookups = lookups
        self._halted = halted
        self._stop = stop
        self._topics = (*processor.priority_inputs, *processor.inputs)
        self._held: dict[int, Held] = {}
        self._paused: set[tuple[str, int]] = set()
        self._store_options = shared_options(settings.store_cache_mib)
        self._producer = self._make_producer()
        self._consumer = self._make_consumer()

    def _make_producer(self) -> Producer:
        settings = self._settings
        return Producer(
            settings.client_options()
            | {
                "transactional.id": f"{settings.group}-{settings.instance_id}",
                "transaction.timeout.ms": settings.transaction_timeout_ms,
                "linger.ms": 5,
                "compression.type": "lz4",
                "batch.size": 262_144,
                "message.max.bytes": 8 * 1024 * 1024,
                "queue.buffering.max.messages": 2_000_000,
                "queue.buffering.max.kbytes": 262_144,
                "delivery.report.only.error": False,
            }
        )

    def _make_consumer(self) -> Consumer:
        settings = self._settings
        return Consumer(
            settings.client_options()
            | {
                "group.id": settings.group,
                "group.instance.id": settings.instance_id,
                "partition.assignment.strategy": "range",
                "session.timeout.ms": settings.session_timeout_ms,
                "heartbeat.interval.ms": max(settings.session_timeout_ms // 6, 300),
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 10,
                "fetch.error.backoff.ms": 50,
                "queued.max.messages.kbytes": 65_536,
                "topic.metadata.refresh.interval.ms": 30_000,
            }
        )

    # --- life -------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until the stop event is set."""
        try:
            self._retry("init_transactions", lambda: self._producer.init_transactions(_CALL_TIMEOUT_S))
            self._consumer.subscribe(
                list(self._topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
            )
            while not self._stop.is_set():
                self._step()
            failpoint("during_shutdown")
        except KafkaException as error:
            raise self._judge(error) from error
        finally:
            self._release()

    def _release(self) -> None:
        try:
            self._consumer.close()
        finally:
            self._close_partitions()
            self._metrics.assigned(0)

    def _step(self) -> None:
        settings = self._settings
        messages = self._consumer.consume(settings.batch_records, timeout=settings.batch_age_ms / 1000)
        self._metrics.alive()
        if messages:
            self._sort_in(messages)
        if self._held:
            self._notice_ends()
            self._work()
            self._mind_backlog()
        self._lookups.serve(self._look_up)

    # --- input ------------------------------------------------------------------------------------------

    def _sort_in(self, messages: list[Any]) -> None:
        held = self._held
        for message in messages:
            n = message.partition()
            partition = held.get(n)
            error = message.error()
            if error is not None:
                self._input_error(error, message)
            elif partition is not None:
                topic, offset = message.topic(), message.offset()
                if offset < partition.seen_offsets.get(topic, 0):
                    continue  # fetched before a pause, delivered again after it
                kind, appended_at_ms = message.timestamp()
                if kind == TIMESTAMP_NOT_AVAILABLE:
                    raise WorkerStopped(f"{topic} has no broker timestamps; set message.timestamp.type=LogAppendTime")
                partition.seen_offsets[topic] = offset + 1
                partition.inbox.add(InputRecord(topic, n, offset, appended_at_ms, message.key(), message.value()))

    def _input_error(self, error: KafkaError, message: Any) -> None:
        code = error.code()
        if code == KafkaError._PARTITION_EOF:  # noqa: SLF001
            held = self._held.get(message.partition())
            if held is not None and message.offset() >= held.seen_offsets.get(message.topic(), 0):
                held.inbox.reached_end(message.topic())
        elif code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):  # noqa: SLF001
            raise WorkerStopped(
                f"{message.topic()}[{message.partition()}] no longer has the next offset: {error.str()}. Records "
                "that were never read are gone from the log. Check its retention, then decide where to go on."
            )
        elif code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise WorkerStopped(f"topic missing: {error.str()}. Create the topics first (commonshelf up does).")
        elif error.fatal() or not error.retriable():
            raise KafkaException(error)
        else:
            log.warning("kafka: %s", error.str())

    def _notice_ends(self) -> None:
        """An input whose next offset is the broker's high watermark is at its end; no need to wait for the event."""
        for n, held in self._held.items():
            for topic in held.inbox.starving():
                _, high = self._consumer.get_watermark_offsets(TopicPartition(topic, n), cached=True)
                if high >= 0 and held.seen_offsets.get(topic, -1) >= high:
                    held.inbox.reached_end(topic)

    def _mind_backlog(self) -> None:
        """Stop fetching an input that is far ahead of the others; take it up again when it has been worked off."""
        limit = 2 * self._settings.batch_records
        pause, resume = [], []
        for n, held in self._held.items():
            for topic in self._topics:
                size, at = held.inbox.backlog(topic), (topic, n)
                if size > limit and at not in self._paused:
                    pause.append(TopicPartition(topic, n))
                    self._paused.add(at)
                elif size < limit // 4 and at in self._paused:
                    resume.append(TopicPartition(topic, n))
                    self._paused.discard(at)
        if pause:
            self._consumer.pause(pause)
        if resume:
            self._consumer.resume(resume)

    # --- work -------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Process what is ready and commit it."""
        began = time.monotonic()
        changed: dict[int, Held] = {}
        records = 0
        oldest_ms = 0
        for held in self._held.values():
            blocked = self._blocked(held) if self._halted else None
            for record in held.inbox.ready(blocked):
                try:
                    held.work.apply(record)
                except LocalStoreBroken:
                    raise
                except Exception as error:  # noqa: BLE001  whatever the fold raises stops the partition, not the worker
                    self._halt(record, error)
                held.next_offsets[record.topic] = record.offset + 1
                changed[held.number] = held
                records += 1
                oldest_ms = oldest_ms or record.appended_at_ms
        if changed:
            failpoint("after_fold", records)
            self._commit(changed, records)
            self._metrics.batch(records, time.monotonic() - began, time.time() - oldest_ms / 1000)

    def _blocked(self, held: Held) -> Callable[[InputRecord], bool]:
        def blocked(record: InputRecord) -> bool:
            at = (record.topic, record.partition, record.offset)
            return at in self._halted and not held.work.is_parked(record)

        return blocked

    def _halt(self, record: InputRecord, error: Exception) -> None:
        log.error(
            "cannot process %s[%d] offset %d; partition %d stops here. Fix the code, or step over the record: "
            "commonshelf park %s %d %d --reason TEXT\n%s",
            record.topic, record.partition, record.offset, record.partition,
            record.topic, record.partition, record.offset, "".join(traceback.format_exception(error)),
        )  # fmt: skip
        self._metrics.halted(record.partition)
        raise Halted(record) from error

    def _commit(self, changed: Mapping[int, Held], records: int) -> None:
        """One transaction for the batch; then the local stores."""
        producer = self._producer
        positions: dict[int, int] = {}
        producer.begin_transaction()
        closed: dict[int, Batch] = {}
        for n, held in changed.items():
            batch = held.work.close_batch()
            batch.rows.append((OFFSETS_ROW, self._processor.encode_offsets(held.next_offsets)))
            closed[n] = batch
            self._produce(n, batch, positions)
        failpoint("after_produce", records)
        if self._flush_s() > 0:
            raise Rejoin(f"{len(producer)} records not acknowledged within {_GIVE_UP_S:.0f} s")
        offsets = [
            TopicPartition(topic, n, offset)
            for n, held in changed.items()
            for topic, offset in held.next_offsets.items()
        ]
        member = self._consumer.consumer_group_metadata()
        self._retry("send_offsets", lambda: producer.send_offsets_to_transaction(offsets, member, _CALL_TIMEOUT_S))
        failpoint("after_offsets_sent", records)
        failpoint("before_commit", records)
        self._retry("commit", lambda: producer.commit_transaction(_CALL_TIMEOUT_S))
        failpoint("after_commit", records)
        self._store(changed, closed, positions, records)

    def _store(
        self, changed: Mapping[int, Held], closed: Mapping[int, Batch], positions: Mapping[int, int], records: int
    ) -> None:
        failpoint("before_local_write", records)
        for n, held in changed.items():
            held.store.write(closed[n].rows, positions[n])
            held.work.committed()
        failpoint("after_local_write", records)

    def _produce(self, n: int, batch: Batch, positions: dict[int, int]) -> None:
        """Queue the batch's records. `positions[n]` becomes the changelog offset after its last row."""

        def last_row_delivered(error: KafkaError | None, message: Any) -> None:
            if error is None:
                positions[n] = message.offset() + 1

        produce = self._producer.produce
        for output in batch.outputs:
            produce(output.topic, output.value, output.key, n, headers=output.headers)
        changelog = self._processor.changelog
        for key, value in batch.rows[:-1]:
            produce(changelog, value, key, n)
        key, value = batch.rows[-1]
        produce(changelog, value, key, n, on_delivery=last_row_delivered)

    def _flush_s(self) -> int:
        deadline = time.monotonic() + _GIVE_UP_S
        left = self._producer.flush(_CALL_TIMEOUT_S)
        while left and time.monotonic() < deadline and not self._stop.is_set():
            left = self._producer.flush(_CALL_TIMEOUT_S)
        return int(left)

    # --- assignment -------------------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        failpoint("mid_assignment")
        began = time.monotonic()
        numbers = self._check_together(assigned)
        # Waits for open transactions: a dead owner's offsets are either committed or gone when this answers.
        committed = self._retry("committed", lambda: consumer.committed(assigned, timeout=_CALL_TIMEOUT_S))
        stores: dict[int, LocalStore] = {n: self._open(n) for n in numbers}
        if stores:
            try:
                stores = restore(
                    self._settings,
                    self._processor.changelog,
                    stores,
                    lambda n: self._reopen(stores[n]),
                    self._stop.is_set,
                )
            except BaseException:
                for store in stores.values():
                    store.close()
                raise
        for n, store in stores.items():
            self._held[n] = self._hold(n, store)
        self._check_not_behind(committed)
        starts = [
            TopicPartition(topic, n, held.next_offsets.get(topic, OFFSET_BEGINNING))
            for n, held in self._held.items()
            for topic in self._topics
        ]
        consumer.assign(starts)
        failpoint("after_assignment")
        self._metrics.assigned(len(numbers))
        self._metrics.restored(time.monotonic() - began)
        log.info("holding partitions %s, ready after %.2f s", numbers, time.monotonic() - began)

    def _check_together(self, assigned: list[TopicPartition]) -> list[int]:
        by_topic: dict[str, set[int]] = {topic: set() for topic in self._topics}
        for tp in assigned:
            by_topic[tp.topic].add(tp.partition)
        first = by_topic[self._topics[0]]
        for topic, numbers in by_topic.items():
            if numbers != first:
                raise WorkerStopped(
                    f"{topic} gave partitions {sorted(numbers)} and {self._topics[0]} {sorted(first)}: inputs must be "
                    "held together. Check that all input topics exist with the same number of partitions."
                )
        return sorted(first)

    def _open(self, n: int) -> LocalStore:
        path = self._settings.state_dir / self._settings.group / f"partition-{n}"
        return open_store(path, n, self._store_options, self._processor.index_entries)

    def _reopen(self, store: LocalStore) -> LocalStore:
        store.drop()
        return self._open(store.partition)

    def _hold(self, n: int, store: LocalStore) -> Held:
        offsets_row = store.fetch(OFFSETS_ROW)
        next_offsets = {} if offsets_row is None else self._processor.decode_offsets(offsets_row)
        work = self._processor.open(n, self._settings.partitions, Rows(store.fetch, store.scan, store.find_index))
        inbox = Inbox(self._processor.priority_inputs, self._processor.inputs)
        return Held(n, store, work, inbox, next_offsets, dict(next_offsets))

    def _check_not_behind(self, committed: list[TopicPartition]) -> None:
        for tp in committed:
            applied = self._held[tp.partition].next_offsets.get(tp.topic, 0)
            if tp.offset > applied:
                raise WorkerStopped(
                    f"the group has committed {tp.topic}[{tp.partition}] up to {tp.offset}, but the changelog "
                    f"{self._processor.changelog} only knows of {applied}: state is missing. Restore the changelog "
                    "topic, or rebuild it from the journal, before starting again."
                )

    def _on_revoke(self, consumer: Consumer, revoked: list[TopicPartition]) -> None:
        self._close_partitions()
        self._metrics.assigned(0)

    def _close_partitions(self) -> None:
        for held in self._held.values():
            held.store.close()
        self._held.clear()
        self._paused.clear()

    # --- faults and look-ups ----------------------------------------------------------------------------

    def _retry(self, what: str, call: Callable[[], T]) -> T:
        """Call again while Kafka says that this may help."""
        deadline = time.monotonic() + _GIVE_UP_S
        while True:
            try:
                return call()
            except KafkaException as error:
                cause: KafkaError = error.args[0]
                if not cause.retriable() or cause.txn_requires_abort() or time.monotonic() > deadline:
                    raise
                log.info("%s: %s; trying again", what, cause.str())
                if self._stop.wait(0.1):
                    raise

    def _judge(self, error: KafkaException) -> Exception:
        cause: KafkaError = error.args[0]
        if cause.code() == KafkaError.FENCED_INSTANCE_ID:
            return WorkerStopped(
                f"another worker runs as {self._settings.instance_id!r} in group {self._settings.group!r}: "
                "give each worker its own instance id."
            )
        if cause.txn_requires_abort() or cause.retriable() or cause.code() in _LOST_PLACE:
            self._abort()
            return Rejoin(cause.str())
        return WorkerStopped(f"kafka: {cause.str()} ({cause.name()})")

    def _abort(self) -> None:
        try:
            self._producer.abort_transaction(_CALL_TIMEOUT_S)
        except KafkaException as error:  # the broker aborts it in its own time; the next session fences it anyway
            log.info("abort: %s", error.args[0].str())

    def _look_up(self, query: dict[str, str]) -> Any:
        errors = []
        for held in self._held.values():
            try:
                return held.work.look_up(query)
            except KeyError as error:
                errors.append(str(error))
        raise KeyError(errors[0] if errors else "no partition is held")
