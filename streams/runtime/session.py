"""One membership of a worker in its group: from joining to leaving, with one transaction per micro-batch.

Each transaction holds the outputs, the changelog rows and the source offsets; sending the offsets with the
group's metadata is what fences a worker that was replaced. Whatever goes wrong leaves the last commit standing.
"""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)

from streams.runtime.assignment import OFFSETS_ROW, Assignment
from streams.runtime.contract import Batch, InputRecord, Processor
from streams.runtime.failpoints import failpoint
from streams.runtime.held import Held
from streams.runtime.intake import Intake
from streams.runtime.lookups import Lookups
from streams.runtime.metrics import WorkerMetrics
from streams.runtime.settings import LocalStoreBroken, Rejoin, WorkerSettings, WorkerStopped
from streams.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)
T = TypeVar("T")

_CALL_TIMEOUT_S = 5.0
_GIVE_UP_S = 60.0
_HUNG_AFTER_S = 8.0
"""Well beyond _CALL_TIMEOUT_S: a call that takes this long will not return."""

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
        self._turn = 0
        self._assignment = Assignment(processor, settings, stop.is_set)
        self._watchdog = Watchdog(_HUNG_AFTER_S)
        self._producer = self._make_producer()
        self._consumer = self._make_consumer()
        self._intake = Intake(self._consumer, self._topics, 2 * settings.batch_records)

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
            with self._watchdog.watching("leaving the group"):
                self._consumer.close()
        finally:
            self._watchdog.close()
            self._close_partitions()
            self._metrics.assigned(0)

    def _step(self) -> None:
        settings = self._settings
        messages = self._consumer.consume(settings.batch_records, timeout=settings.batch_age_ms / 1000)
        self._metrics.alive()
        self._intake.take(messages, self._held)
        if self._held:
            self._work()
            self._intake.mind_backlog(self._held)
        self._lookups.serve(self._look_up)

    # --- work -------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Process what is ready and commit it."""
        began = time.monotonic()
        changed: dict[int, Held] = {}
        records = size = oldest_ms = 0
        for held in self._in_turn():
            if size >= self._settings.batch_bytes:
                break  # the rest stays in the inboxes for the next batch
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
                size += len(record.value or b"")
                if size >= self._settings.batch_bytes:
                    break
        if changed:
            failpoint("after_fold", records)
            self._commit(changed, records)
            self._metrics.batch(records, time.monotonic() - began, time.time() - oldest_ms / 1000)

    def _in_turn(self) -> list[Held]:
        """The partitions, another one first each time: a backlog on one must not starve the others."""
        held = list(self._held.values())
        self._turn = (self._turn + 1) % len(held)
        return held[self._turn :] + held[: self._turn]

    def _blocked(self, held: Held) -> Callable[[InputRecord], bool]:
        def blocked(record: InputRecord) -> bool:
            at = (record.topic, record.partition, record.offset)
            if at not in self._halted:
                return False
            if not held.work.is_parked(record):
                return True
            self._halted.discard(at)
            self._metrics.resumed(record.partition)
            return False

        return blocked

    def _halt(self, record: InputRecord, error: Exception) -> None:
        log.error(
            "cannot process %s[%d] offset %d; partition %d stops here. Fix the code, or step over the record: "
            "./shelf park POOL %s %d %d --reason TEXT\n%s",
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
            if output.headers is None:
                produce(output.topic, output.value, output.key, n)
            else:
                produce(output.topic, output.value, output.key, n, headers=output.headers)
                failpoint("mid_dead_letter", 1)
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
        # Waits for open transactions: a dead owner's offsets are either committed or gone when this answers.
        committed = self._retry("committed", lambda: consumer.committed(assigned, timeout=_CALL_TIMEOUT_S))
        self._held = self._assignment.open(assigned, committed)
        consumer.assign(self._assignment.starts(self._held))
        failpoint("after_assignment")
        self._metrics.assigned(len(self._held))
        self._metrics.restored(time.monotonic() - began)
        log.info("holding partitions %s, ready after %.2f s", sorted(self._held), time.monotonic() - began)

    def _on_revoke(self, consumer: Consumer, revoked: list[TopicPartition]) -> None:
        self._close_partitions()
        self._metrics.assigned(0)

    def _close_partitions(self) -> None:
        for held in self._held.values():
            held.store.close()
        self._held.clear()
        self._intake.forget()

    # --- faults and look-ups ----------------------------------------------------------------------------

    def _retry(self, what: str, call: Callable[[], T]) -> T:
        """Call again while Kafka says that this may help."""
        deadline = time.monotonic() + _GIVE_UP_S
        while True:
            try:
                with self._watchdog.watching(what):
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
