"""From an assignment to restored partitions, ready to go on where the last commit left them."""

from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import TopicPartition
from rocksdict import Options

from messaging.cluster import UnreachableError, topic_identities
from messaging.rocks import rocks_options
from schemas.codec import LaterSchema
from streams.runtime.assigned_partition import AssignedPartition
from streams.runtime.contract import Processor, Reached, Rows
from streams.runtime.gaps import start_of
from streams.runtime.garbage import spare_what_stays
from streams.runtime.local_store import LocalStore, open_store
from streams.runtime.merge import Inbox
from streams.runtime.restore import restore
from streams.runtime.settings import Rejoin, WorkerSettings, WorkerStopped

OFFSETS_ROW = "offsets"
"""State row of the next input offsets; written with every batch."""


class Assignment:
    """Opens the partitions that the group gives to this worker."""

    def __init__(
        self,
        processor: Processor,
        settings: WorkerSettings,
        stopping: Callable[[], bool],
        remaining: Callable[[int], None],
    ) -> None:
        """`remaining` is told how many offsets of the changelog a restore still has to read."""
        self._processor = processor
        self._settings = settings
        self._stopping = stopping
        self._remaining = remaining
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
                self._settings,
                self._processor.changelog,
                stores,
                lambda n: self._reopen(stores[n]),
                self._stopping,
                self._remaining,
            )
            for n, store in stores.items():
                self._stopping()
                held[n] = self._hold(n, store)
            self._check_not_behind(committed, held)
            self._note_topics(held)
        except BaseException:
            for store in stores.values():
                store.close()
            raise
        spare_what_stays()
        return held

    def starts(self, held: dict[int, AssignedPartition]) -> list[TopicPartition]:
        """Where to read each input on."""
        return [
            TopicPartition(topic, n, start_of(topic, at, at.next_offsets.get(topic)))
            for n, at in held.items()
            for topic in self._topics
        ]

    def _note_topics(self, held: Mapping[int, AssignedPartition]) -> None:
        """Notice inputs whose topic is not the one that was read. Raises Rejoin when no broker answers."""
        try:
            found = topic_identities(self._settings.client_options(), self._topics)
        except UnreachableError as error:
            raise Rejoin(str(error)) from error
        for at in held.values():
            for topic, identity in found.items():
                if at.topic_ids.setdefault(topic, identity.name) != identity.name:
                    at.inbox.broken.add(topic)

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
        try:
            offsets, ids = Reached({}, {}) if offsets_row is None else self._processor.decode_offsets(offsets_row)
            work = self._processor.open(n, self._settings.partitions, Rows(store.fetch, store.scan, store.find_index))
        except LaterSchema as error:
            raise WorkerStopped(
                f"{self._processor.changelog}[{n}] was written by a later release: {error}. Start that release here; "
                "workers of this one can hold its partitions no more"
            ) from error
        inbox = Inbox(self._processor.priority_inputs, self._processor.inputs)
        return AssignedPartition(n, store, work, inbox, offsets, dict(offsets), dict(offsets), ids)

    def _check_not_behind(self, committed: Sequence[TopicPartition], held: dict[int, AssignedPartition]) -> None:
        for tp in committed:
            applied = held[tp.partition].next_offsets.get(tp.topic, 0)
            if tp.offset > applied:
                raise WorkerStopped(
                    f"the group has committed {tp.topic}[{tp.partition}] up to {tp.offset}, but the changelog "
                    f"{self._processor.changelog} only knows of {applied}: state is missing. Restore the changelog "
                    "topic, or rebuild it from the journal, before starting again."
                )
