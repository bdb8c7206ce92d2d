"""Planted bugs: each breaks one of the engine's promises in a worker, and the auditor must notice.

A mutant says which aimed fault brings its bug out, as `FaultInjector.inject_at` takes it, or "none".
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from schemas.topics import POS_SALES
from streams.pool.processor import PoolPartition
from streams.pool.state import dedup
from streams.runtime import restore
from streams.runtime.assigned_partition import AssignedPartition
from streams.runtime.assignment import Assignment
from streams.runtime.contract import Batch, InputRecord, StateRows
from streams.runtime.failpoints import failpoint
from streams.runtime.session import Session


@dataclass(frozen=True)
class Mutant:
    """A planted bug, and the aimed fault that shows it."""

    plant: Callable[[], None]
    aim: str


def _skip_changelog() -> None:
    """Rows reach the local store but not the changelog, save the offsets."""
    produce = Session._produce

    def without_rows(self: Session, n: int, batch: Batch, positions: dict[int, int]) -> None:
        produce(self, n, Batch(batch.outputs, batch.rows[-1:]), positions)

    Session._produce = without_rows  # type: ignore[method-assign]


def _restore_to_last_stable_offset() -> None:
    """Restores ignore what a dead owner's open transaction may still commit.

    Asking for stable offsets guards against the same thing, but for the moments between two commit markers; a
    test cannot aim at those. So this mutant drops both guards.
    """

    def stable_ends(settings: Any, topic: str, partitions: list[int]) -> dict[int, tuple[int, int]]:
        reader = restore._reader(settings, "read_committed")
        try:
            return {n: reader.get_watermark_offsets(TopicPartition(topic, n), timeout=15) for n in partitions}
        finally:
            reader.close()

    restore.changelog_ends = stable_ends
    retry = Session._retry

    def no_waiting(self: Session, what: str, call: Callable[[], Any]) -> Any:
        return [] if what == "committed" else retry(self, what, call)

    Session._retry = no_waiting  # type: ignore[method-assign]


def _store_before_commit() -> None:
    """The local store is written before the commit, and keeps what was aborted."""
    retry, store = Session._retry, Session._store
    made: dict[str, Any] = {}
    produce = Session._produce

    def produce_and_note(self: Session, n: int, batch: Batch, positions: dict[int, int]) -> None:
        produce(self, n, batch, positions)
        made.setdefault("closed", {})[n] = batch
        made["positions"] = positions

    def write_then_send_offsets(self: Session, what: str, call: Callable[[], Any]) -> Any:
        if what == "send_offsets":
            for n, batch in made.pop("closed").items():
                self._held[n].store.write(batch.rows, made["positions"][n])
        return retry(self, what, call)

    def only_forget(
        self: Session,
        changed: Mapping[int, AssignedPartition],
        rows: Mapping[int, StateRows],
        positions: Any,
        records: int,
    ) -> None:
        store(self, changed, {n: [] for n in rows}, positions, records)

    Session._produce = produce_and_note  # type: ignore[method-assign]
    Session._retry = write_then_send_offsets  # type: ignore[method-assign]
    Session._store = only_forget  # type: ignore[method-assign]


def _do_not_fence() -> None:
    """Offsets are committed by the consumer after the transaction, so nothing stops a worker that was replaced."""

    class Unfenced:
        def __init__(self, producer: Any, consumer: Consumer) -> None:
            self._producer, self._consumer = producer, consumer
            self._offsets: list[TopicPartition] = []

        def __getattr__(self, name: str) -> Any:
            return getattr(self._producer, name)

        def __len__(self) -> int:
            return len(self._producer)

        def send_offsets_to_transaction(self, offsets: list[TopicPartition], *_: Any) -> None:
            self._offsets = offsets

        def commit_transaction(self, timeout_s: float) -> None:
            self._producer.commit_transaction(timeout_s)
            try:
                self._consumer.commit(offsets=self._offsets, asynchronous=False)
            except KafkaException as error:
                print("offsets not committed:", error, flush=True)

    begin = Session.__init__

    def unfenced(self: Session, *arguments: Any) -> None:
        begin(self, *arguments)
        self._producer = Unfenced(self._producer, self._consumer)  # type: ignore[assignment]

    Session.__init__ = unfenced  # type: ignore[method-assign]


def _skip_outputs_of_a_batch() -> None:
    """The second batch of a worker leaves no journal, availability or dead letters."""
    produce = Session._produce
    batches = iter(range(10**9))

    def forgetful(self: Session, n: int, batch: Batch, positions: dict[int, int]) -> None:
        kept = batch.outputs if next(batches) != 1 else []
        produce(self, n, Batch(kept, batch.rows), positions)

    Session._produce = forgetful  # type: ignore[method-assign]


def _forget_duplicates() -> None:
    """Every event is new."""
    look_up = dedup.Dedup.look_up

    def never_seen(self: dedup.Dedup, kind: str, event: dict[str, Any]) -> dedup.Known:
        return dedup.Known(look_up(self, kind, event).key, None)

    dedup.Dedup.look_up = never_seen  # type: ignore[method-assign]


def _acknowledge_exceptions() -> None:
    """The fold raises on every twentieth sale, once, and the worker goes on behind it."""
    apply = PoolPartition.apply
    sales = itertools.count(1)

    def raising(self: PoolPartition, record: InputRecord) -> None:
        if record.topic == POS_SALES.name and next(sales) % 20 == 0:
            raise RuntimeError("once")
        apply(self, record)

    PoolPartition.apply = raising  # type: ignore[method-assign]
    Session._halt = lambda *_: None  # type: ignore[method-assign]


def _start_behind_a_hole() -> None:
    """Who is given a partition reads its sales on from one record too far, as after a read position that was stale."""
    starts = Assignment.starts

    def too_far(self: Assignment, held: dict[int, AssignedPartition]) -> list[TopicPartition]:
        return [
            TopicPartition(at.topic, at.partition, at.offset + (at.topic == POS_SALES.name and at.offset > 0))
            for at in starts(self, held)
        ]

    Assignment.starts = too_far  # type: ignore[method-assign]


def _at_least_once() -> None:
    """No transaction: outputs, then rows, then offsets, each flushed for itself."""

    class Plain:
        def __init__(self, session_: Session) -> None:
            options = session_._settings.client_options() | {"message.max.bytes": 8 * 1024 * 1024, "linger.ms": 5}
            self._producer = Producer(options)
            self._consumer = session_._consumer

        def __getattr__(self, name: str) -> Any:
            return getattr(self._producer, name)

        def __len__(self) -> int:
            return len(self._producer)

        def init_transactions(self, *_: Any) -> None:
            """None."""

        begin_transaction = abort_transaction = commit_transaction = init_transactions

        def send_offsets_to_transaction(self, offsets: list[TopicPartition], *_: Any) -> None:
            self._consumer.commit(offsets=offsets, asynchronous=False)

    begin, produce = Session.__init__, Session._produce

    def plain(self: Session, *arguments: Any) -> None:
        begin(self, *arguments)
        self._producer = Plain(self)  # type: ignore[assignment]

    def outputs_first(self: Session, n: int, batch: Batch, positions: dict[int, int]) -> None:
        for output in batch.outputs:
            self._producer.produce(output.topic, output.value, output.key, n, headers=output.headers)
        self._producer.flush(10)
        failpoint("after_produce", len(batch.outputs))
        produce(self, n, Batch([], batch.rows), positions)

    Session.__init__ = plain  # type: ignore[method-assign]
    Session._produce = outputs_first  # type: ignore[method-assign]


MUTANTS: dict[str, Mutant] = {
    "changelog-skipped": Mutant(_skip_changelog, "none"),
    "restore-to-last-stable-offset": Mutant(_restore_to_last_stable_offset, "stop:before_commit"),
    "store-before-commit": Mutant(_store_before_commit, "kill:before_commit"),
    "no-fencing": Mutant(_do_not_fence, "stop:after_fold"),
    "outputs-skipped": Mutant(_skip_outputs_of_a_batch, "none"),
    "duplicates-not-checked": Mutant(_forget_duplicates, "none"),
    "exception-acknowledged": Mutant(_acknowledge_exceptions, "none"),
    "hole-after-assignment": Mutant(_start_behind_a_hole, "kill:after_fold"),
    "at-least-once": Mutant(_at_least_once, "kill:after_produce"),
}
