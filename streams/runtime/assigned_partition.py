"""Belongings of a worker for each partition that it holds."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from streams.runtime.contract import Partition, Reached
from streams.runtime.local_store import LocalStore
from streams.runtime.merge import Inbox


@dataclass
class AssignedPartition:
    """A partition that is assigned to this worker, with its state, its inbox and how far it has read."""

    number: int
    store: LocalStore
    work: Partition
    inbox: Inbox
    next_offsets: dict[str, int]
    """Next offset to process of each input; committed with the batch."""
    fetched_offsets: dict[str, int]
    """Next offset to fetch of each input: what the inbox has been given."""
    first_offsets: dict[str, int]
    """Where this worker began to fetch each input: when it was given the partition, or after a pause."""
    topic_ids: dict[str, str] = field(default_factory=dict)
    """Which topic of its name each next offset is of."""
    sent_offsets: dict[str, int] = field(default_factory=dict)
    """What this worker has committed to the group."""

    def reached(self) -> Reached:
        """What a restart goes on from."""
        return Reached(self.next_offsets, self.topic_ids)

    def close(self) -> None:
        """The partition is another's now, or nobody's."""
        self.store.close()
        self.work.closed()

    def moved(self) -> Iterable[tuple[str, int]]:
        """The offsets that the next commit has to tell the group; from then on they are told.

        All of them each time would be most of what a commit has to say when many partitions are held.
        """
        moved = self.next_offsets.items() - self.sent_offsets.items()
        self.sent_offsets.update(moved)
        return moved
