"""What a worker keeps for each partition that it holds."""

from dataclasses import dataclass

from streams.runtime.contract import Partition
from streams.runtime.local_store import LocalStore
from streams.runtime.merge import Inbox


@dataclass
class Held:
    """A partition that this worker holds."""

    number: int
    store: LocalStore
    work: Partition
    inbox: Inbox
    next_offsets: dict[str, int]
    """Next offset to process of each input; committed with the batch."""
    fetched_offsets: dict[str, int]
    """Next offset to fetch of each input: what the inbox has been given."""
    first_offsets: dict[str, int]
    """Where this worker began to fetch each input when it was given the partition."""
