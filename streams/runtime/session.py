"""One membership of a worker in its group: from joining to leaving, with one transaction per micro-batch.

Each transaction holds the outputs, the changelog rows and the source offsets; sending the offsets with the
group's metadata is what fences a worker that was replaced. Whatever goes wrong leaves the last commit standing.

While Kafka commits a batch, the next one is read and folded, in memory alone: it is produced, and the local stores
are written, only when that commit has succeeded.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.runtime.assigned_partition import AssignedPartition
from streams.runtime.assignment import OFFSETS_ROW, Assignment
from streams.runtime.clients import make_consumer, make_producer
from streams.runtime.contract import Batch, InputRecord, Partition, Processor, StateRows, StoppedAt
from streams.runtime.failpoints import failpoint
from streams.runtime.failures import Halted, judge, why_halted
from streams.runtime.gaps import Gaps
from streams.runtime.intake import Intake
from streams.runtime.lookups import Lookups
from streams.runtime.metrics import WorkerMetrics
from streams.runtime.pace import Pace
from streams.runtime.room import Room
from streams.runtime.settings import Rejoin, WorkerSettings
from streams.runtime.topic_watch import TopicWatch
from streams.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)
T = TypeVar("T")

_CALL_TIMEOUT_S = 5.0
_HUNG_AFTER_S = 8.0
"""Well beyond _CALL_TIMEOUT_S: a call that takes this long will not return."""


class _Folded(NamedTuple):
    """A micro-batch, applied in memory."""

    changed: dict[int, AssignedPartition]
    records: int
    began_s: float
    oldest_ms: int


class _InFlight(NamedTuple):
    """A batch that is being committed."""

    folded: _Folded
    rows: dict[int, StateRows]
    positions: dict[int, int]
    done: Future[None]


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
        pace: Pace,
    ) -> None:
        self._processor = processor
        self._settings = settings
        self._metrics = metrics
        self._lookups = lookups
        self._halted = halted
        self._stop = stop
        self._pace = pace
        self._at_stake = 0
        """Records of the batch that was begun and is not known to be committed."""
        self._topics = (*processor.priority_inputs, *processor.inputs)
        self._held: dict[int, AssignedPartition] = {}
        self._turn = 0
        self._assignment = Assignment(processor, settings, self._is_to_stop, metrics.restoring)
        self._watchdog = Watchdog(_HUNG_AFTER_S)
        self._committer = ThreadPoolExecutor(1, "commit")
        self._in_flight: _InFlight | None = None
        self._member: Any = None
        self._is_leaving = False
        self._producer = make_producer(settings, pace.transaction_timeout_ms)
        self._consumer = make_consumer(settings)
        self._gaps = Gaps(self._consumer, processor, settings, metrics)
        self._topic_watch = TopicWatch(settings.client_options(), self._topics)
        self._intake = Intake(
            self._consumer, self._topics, settings.batch_records, settings.batch_bytes, self._gaps.found
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
            self._settle()
            failpoint("during_shutdown")
        except KafkaException as error:
            self._give_up()
            judged = judge(error.args[0], self._settings)
            if isinstance(judged, Rejoin):
                self._abort()
            raise judged from error
        finally:
            self._release()

    def _is_to_stop(self) -> bool:
        """Asked between the steps of what takes long: whoever asks is not stuck."""
        self._metrics.alive()
        return self._stop.is_set()

    def _release(self) -> None:
        self._give_up()
        if self._at_stake:
            self._pace.failed(self._at_stake)
        self._committer.shutdown()
        self._is_leaving = True
        try:
            with self._watchdog.watching("leaving the group"):
                self._consumer.close()
        finally:
            self._watchdog.close()
            self._close_partitions()

    def _step(self) -> None:
        still = {n for _, n, _ in self._halted}
        room = self._intake.room([held for n, held in self._held.items() if n not in still])
        messages = self._consumer.consume(room, timeout=self._settings.batch_age_ms / 1000)
        self._metrics.alive()
        self._gaps.mind(self._held)
        self._topic_watch.mind(self._held)
        self._intake.take(messages, self._held)
        if self._held:
            folded = self._fold()
            self._settle()
            if folded.changed:
                self._begin_commit(folded)
            self._intake.mind_backlog(self._held)
            self._metrics.waiting(self._oldest_ms())
        if self._lookups.waiting():
            self._settle()
            self._lookups.serve(self._look_up)

    def _oldest_ms(self) -> int | None:
        """The broker's time of the oldest record that is held and not committed."""
        waiting = [held.inbox.oldest_ms() for held in self._held.values()]
        if self._in_flight is not None:
            waiting.append(self._in_flight.folded.oldest_ms)
        return min((at_ms for at_ms in waiting if at_ms is not None), default=None)

    # --- work -------------------------------------------------------------------------------------------

    def _fold(self) -> _Folded:
        """Process what is ready, as much as one batch may be."""
        room = Room(self._settings, self._pace.records_max, time.monotonic)
        changed: dict[int, AssignedPartition] = {}
        oldest: list[int] = []
        for held in self._in_turn():
            if room.records and room.is_full(0):
                break  # the rest stays in the inboxes for the next batch
            blocked = self._blocked(held) if self._halted else None
            work, before = held.work, room.records
            waiting_ms = held.inbox.oldest_ms()
            for run in held.inbox.runs(blocked, room.most(work)):
                self._apply(work, run)
                held.next_offsets[run[0].topic] = run[-1].offset + 1
                room.took(run)
                if room.is_full(work.changed_rows()):
                    break
            room.rows += work.changed_rows()
            if room.records > before:
                changed[held.number] = held
                oldest.append(waiting_ms or 0)
        if changed:
            failpoint("after_fold", room.records)
        return _Folded(changed, room.records, room.began_s, min(oldest, default=0))

    def _apply(self, work: Partition, run: list[InputRecord]) -> None:
        try:
            if len(run) == 1:
                work.apply(run[0])
            else:
                work.runs[run[0].topic](run)
        except Rejoin:
            raise
        except StoppedAt as stopped:
            self._halt(stopped.record, cast("Exception", stopped.__cause__))
        except Exception as error:  # noqa: BLE001  whatever the fold raises stops the partition, not the worker
            self._halt(run[0], error)

    def _in_turn(self) -> list[AssignedPartition]:
        """The partitions, another one first each time: a backlog on one must not starve the others."""
        held = list(self._held.values())
        self._turn = (self._turn + 1) % len(held)
        return held[self._turn :] + held[: self._turn]

    def _blocked(self, held: AssignedPartition) -> Callable[[InputRecord], bool]:
        def blocked(record: InputRecord) -> bool:
            at = (record.topic, record.partition, record.offset)
            if at not in self._halted:
                return False
            if not held.work.is_parked(record):
                self._metrics.halted(record.partition)
                return True
            self._halted.discard(at)
            self._metrics.resumed(record.partition)
            return False

        return blocked

    def _halt(self, record: InputRecord, error: Exception) -> None:
        is_setting = record.topic in self._processor.priority_inputs
        log.error("%s", why_halted(record, error, self._settings, is_setting=is_setting))
        self._metrics.halted(record.partition)
        raise Halted(record) from error

    def _begin_commit(self, folded: _Folded) -> None:
        """Queue one transaction for the batch and let another thread commit it; `_settle` waits for that."""
        changed = folded.changed
        self._at_stake = folded.records
        positions: dict[int, int] = {}
        rows: dict[int, StateRows] = {}
        self._producer.begin_transaction()
        for n, held in changed.items():
            batch = held.work.close_batch()
            batch.rows.append((OFFSETS_ROW, self._processor.encode_offsets(held.reached())))
            rows[n] = batch.rows
            self._produce(n, batch, positions)
        failpoint("after_produce", folded.records)
        offsets = [TopicPartition(topic, n, offset) for n, held in changed.items() for topic, offset in held.moved()]
        done = self._committer.submit(self._commit, folded, offsets, self._member)
        self._in_flight = _InFlight(folded, rows, positions, done)

    def _commit(self, folded: _Folded, offsets: list[TopicPartition], member: Any) -> None:
        """Commit what was produced. The only code that another thread runs; nobody else uses the producer then."""
        producer, records, began_s = self._producer, folded.records, time.monotonic()
        self._flush()
        self._retry("send_offsets", lambda: producer.send_offsets_to_transaction(offsets, member, _CALL_TIMEOUT_S))
        failpoint("after_offsets_sent", records)
        failpoint("before_commit", records)
        self._retry("commit", lambda: producer.commit_transaction(_CALL_TIMEOUT_S))
        failpoint("after_commit", records)
        self._metrics.batch(records, folded.began_s, began_s)

    def _settle(self) -> None:
        """Wait for the commit in flight, if there is one; then the local stores. Raises what the commit raised."""
        if self._in_flight is None:
            return
        folded, rows, positions, done = self._in_flight
        self._in_flight = None
        done.result()
        self._at_stake = 0
        self._pace.succeeded()
        self._store(folded.changed, rows, positions, folded.records)

    def _give_up(self) -> None:
        """Settle on the way out, when another error is already on its way."""
        try:
            self._settle()
        except (KafkaException, Rejoin) as error:
            log.info("the last batch: %s", error)

    def _store(
        self,
        changed: Mapping[int, AssignedPartition],
        rows: Mapping[int, StateRows],
        positions: Mapping[int, int],
        records: int,
    ) -> None:
        failpoint("before_local_write", records)
        for n, held in changed.items():
            held.store.write(rows[n], positions[n])
            held.work.committed()
        failpoint("after_local_write", records)

    def _produce(self, n: int, batch: Batch, positions: dict[int, int]) -> None:
        """Queue the batch's records. `positions[n]` becomes the changelog offset after its last row."""

        def last_row_delivered(error: KafkaError | None, message: Any) -> None:
            if error is None:
                positions[n] = message.offset() + 1

        def once_there_is_room(*record: Any, **more: Any) -> None:
            self._flush()
            produce(*record, **more)

        produce, changelog = self._producer.produce, self._processor.changelog
        for topic, key, value, headers, partition in batch.outputs:
            to = n if partition is None else partition
            try:
                if headers is None:
                    produce(topic, value, key, to)
                else:
                    produce(topic, value, key, to, headers=headers)
            except BufferError:
                once_there_is_room(topic, value, key, to, **({} if headers is None else {"headers": headers}))
            if headers is not None:
                failpoint("mid_dead_letter", 1)
        for key, value in batch.rows[:-1]:
            try:
                produce(changelog, value, key, n)
            except BufferError:
                once_there_is_room(changelog, value, key, n)
        key, value = batch.rows[-1]
        try:
            produce(changelog, value, key, n, on_delivery=last_row_delivered)
        except BufferError:
            once_there_is_room(changelog, value, key, n, on_delivery=last_row_delivered)

    def _flush(self) -> None:
        """Wait until Kafka has all that was produced. Raises Rejoin when it does not come to that."""
        deadline_s = time.monotonic() + self._settings.give_up_s
        while self._producer.flush(_CALL_TIMEOUT_S):
            self._metrics.alive()
            if time.monotonic() > deadline_s or self._stop.is_set():
                raise Rejoin(f"{len(self._producer)} records not acknowledged within {self._settings.give_up_s:.0f} s")

    # --- assignment -------------------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        if self._is_leaving:  # the group had not heard of it yet: the next to be given these has heard
            return
        failpoint("mid_assignment")
        began = time.monotonic()
        # Who we are as long as we hold these. A member that the group has forgotten meanwhile has no generation, and
        # when nobody is left in the group, Kafka lets such a one commit: after a peer took over, and died.
        self._member = consumer.consumer_group_metadata()
        # Waits for open transactions: a dead owner's offsets are either committed or gone when this answers.
        committed = self._retry("committed", lambda: consumer.committed(assigned, timeout=_CALL_TIMEOUT_S))
        self._held = self._assignment.open(assigned, committed)
        consumer.assign(self._assignment.starts(self._held))
        failpoint("after_assignment")
        self._metrics.assigned(len(self._held))
        if not self._held:  # what was waiting is another worker's now
            self._metrics.waiting(None)
        self._metrics.restored(time.monotonic() - began)
        log.info("holding partitions %s, ready after %.2f s", sorted(self._held), time.monotonic() - began)

    def _on_revoke(self, consumer: Consumer, revoked: list[TopicPartition]) -> None:
        try:
            self._settle()
        finally:
            self._close_partitions()

    def _close_partitions(self) -> None:
        for held in self._held.values():
            held.close()
        self._held.clear()
        self._gaps.clear()
        self._metrics.assigned(0)
        self._metrics.none_halted()

    # --- faults and look-ups ----------------------------------------------------------------------------

    def _retry(self, what: str, call: Callable[[], T]) -> T:
        """Call again while Kafka says that this may help."""
        deadline = time.monotonic() + self._settings.give_up_s
        while True:
            try:
                with self._watchdog.watching(what):
                    return call()
            except KafkaException as error:
                cause: KafkaError = error.args[0]
                if not cause.retriable() or cause.txn_requires_abort() or time.monotonic() > deadline:
                    raise
                log.info("%s: %s; trying again", what, cause.str())
                self._metrics.alive()
                if self._stop.wait(0.1):
                    raise

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
