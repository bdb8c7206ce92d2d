"""From an assignment to restored partitions, ready to go on where the last commit left them."""

from collections.abc import Callable, Sequence

from confluent_kafka import OFFSET_BEGINNING, TopicPartition
from rocksdict import Options

from messaging.rocks import rocks_options
from streams.runtime.assigned_partition import AssignedPartition
from streams.runtime.contract import Processor, Rows
from streams.runtime.local_store import LocalStore, open_store
from streams.runtime.merge import Inbox
from streams.runtime.restore import restore
from streams.runtime.settings import WorkerSettings, WorkerStopped

OFFSETS_ROW = "offsets"
"""State row of the next input offsets; written with every batch."""


class Assignment:
    """Opens the partitions that the group gives to this worker."""

    def __init__(self, processor: Processor, settings: WorkerSettings, stopping: Callable[[], bool]) -> None:
        self._processor = processor
        self._settings = settings
        self._stopping = stopping
        self._topics = (*processor.priority_inputs, *processor.inputs)
        self._options: Options = rocks_options(settings.store_cache_mib)

    def open(
        self, assigned: Sequence[TopicPartition], committed: Sequence[TopicPartition]
    ) -> dict[int, AssignedPartition]:
        """The assigned partitions, restored. `committed` are the group's offsets, asked for before this call.

        Raises WorkerStopped when inputs are not held together, or when the changelog is behind the group.
        """
        numbers = self._check_together(assigned)
        stores: dict[int, LocalStore] = {}
        held: dict[int, AssignedPartition] = {}
        try:
            for n in numbers:
                stores[n] = self._open(n)
            stores = restore(
                self._settings, self._processor.changelog, stores, lambda n: self._reopen(stores[n]), self._stopping
            )
            for n, store in stores.items():
                held[n] = self._hold(n, store)
            self._check_not_behind(committed, held)
        except BaseException:
            for store in stores.values():
                store.close()
            raise
        return held

    def starts(self, held: dict[int, AssignedPartition]) -> list[TopicPartition]:
        """Where to read each input on."""
        return [
            TopicPartition(topic, n, at.next_offsets.get(topic, OFFSET_BEGINNING))
            for n, at in held.items()
            for topic in self._topics
        ]

    def _check_together(self, assigned: Sequence[TopicPartition]) -> list[int]:
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
        return open_store(path, n, self._options, self._processor.index_entries)

    def _reopen(self, store: LocalStore) -> LocalStore:
        store.drop()
        return self._open(store.partition)

    def _hold(self, n: int, store: LocalStore) -> AssignedPartition:
        offsets_row = store.fetch(OFFSETS_ROW)
        next_offsets = {} if offsets_row is None else self._processor.decode_offsets(offsets_row)
        work = self._processor.open(n, self._settings.partitions, Rows(store.fetch, store.scan, store.find_index))
        inbox = Inbox(self._processor.priority_inputs, self._processor.inputs)
        return AssignedPartition(n, store, work, inbox, next_offsets, dict(next_offsets), dict(next_offsets))

    def _check_not_behind(self, committed: Sequence[TopicPartition], held: dict[int, AssignedPartition]) -> None:
        for tp in committed:
            applied = held[tp.partition].next_offsets.get(tp.topic, 0)
            if tp.offset > applied:
                raise WorkerStopped(
                    f"the group has committed {tp.topic}[{tp.partition}] up to {tp.offset}, but the changelog "
                    f"{self._processor.changelog} only knows of {applied}: state is missing. Restore the changelog "
                    "topic, or rebuild it from the journal, before starting again."
                )
