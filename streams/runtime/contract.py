"""Contract of the runtime with a processor: pure work on one partition's records, outputs and rows handed back."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

Headers = list[tuple[str, str | bytes | None]]


class InputRecord(NamedTuple):
    """A record of an input topic."""

    topic: str
    partition: int
    offset: int
    appended_at_ms: int
    """When the broker appended it, ms since 1970 UTC."""
    key: bytes | None
    value: bytes | None


input_record: Callable[[tuple[str, int, int, int, bytes | None, bytes | None]], InputRecord] = partial(
    tuple.__new__, InputRecord
)
"""An InputRecord of its fields, in a third of the time that the class itself takes."""


class StoppedAt(Exception):
    """A record of many could not be taken; those before it were."""

    def __init__(self, record: InputRecord) -> None:
        super().__init__(f"{record.topic}[{record.partition}] offset {record.offset}")
        self.record = record


class OutputRecord(NamedTuple):
    """A record for an output topic; it goes to the partition that its inputs came from unless it names another."""

    topic: str
    key: str | bytes | None
    value: bytes | None
    headers: Headers | None = None
    partition: int | None = None


StateRows = list[tuple[str, bytes | None]]
"""Changed state rows, each key once, in its last value; None deletes."""


class Batch(NamedTuple):
    """The outputs and rows of a micro-batch."""

    outputs: list[OutputRecord]
    rows: StateRows


class Scan(Protocol):
    """A look at committed rows, in key order."""

    def __call__(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        """Rows whose key starts with `prefix`; those behind the key `after`, if it is given."""


class Rows(NamedTuple):
    """The partition's committed rows."""

    fetch: Callable[[str], bytes | None]
    scan: Scan
    find_index: Callable[[bytes], bytes | None]
    """An entry of the local index that `Processor.index_entries` derives from the rows."""


class Reached(NamedTuple):
    """Offsets up to which a partition's inputs are processed; a state row, committed with every batch."""

    next_offsets: dict[str, int]
    """By topic."""
    topic_ids: dict[str, str]
    """Which topic of that name they are of (`messaging.cluster.TopicIdentity`): one made anew has another."""


class Gap(NamedTuple):
    """Records of an input that are gone from its log before they were read."""

    topic: str
    partition: int
    offset: int
    """The next offset to be read."""
    until: int
    """The offset at which reading can go on."""
    topic_id: str
    """The topic in whose log that is."""


class Partition(Protocol):
    """The state and the decisions of one partition."""

    runs: Mapping[str, Callable[[Sequence[InputRecord]], None]]
    """Topics of which it takes many records at once, and how: as `apply` takes them one after another.

    A StoppedAt says at which of them the partition stops.
    """

    def apply(self, record: InputRecord) -> None:
        """Take one input record. An exception stops the partition at this record."""

    def is_parked(self, record: InputRecord) -> bool:
        """Did an operator have this record stepped over?"""

    def is_gap_accepted(self, gap: Gap) -> bool:
        """Did an operator say that the partition goes on without these records?"""

    def changed_rows(self) -> int:
        """About how many rows the batch has changed up to now."""

    def close_batch(self) -> Batch:
        """End the micro-batch: everything since the last one, which was committed.

        The next records may come before this batch is `committed`: its rows are not in `Rows` until then.
        """

    def committed(self) -> None:
        """The batch is durable, also in the local store."""

    def closed(self) -> None:
        """The partition is this worker's no more: what is shown about it ends."""

    def look_up(self, query: dict[str, str]) -> Any:
        """Answer a table look-up from committed state; JSON-ready. Raises KeyError for what is not there."""


class Processor(Protocol):
    """A question that streams answer."""

    @property
    def name(self) -> str:
        """Names the consumer group, the pages and the metrics."""

    @property
    def priority_inputs(self) -> Sequence[str]:
        """Topics drained before all others: configuration."""

    @property
    def inputs(self) -> Sequence[str]:
        """Topics merged by broker time."""

    @property
    def expendable_inputs(self) -> Collection[str]:
        """Those whose records lose their meaning when newer ones come: a gap in them is no loss."""

    @property
    def changelog(self) -> str:
        """Compacted topic that restores the rows."""

    def open(self, partition: int, partitions: int, rows: Rows) -> Partition:
        """Start on a partition whose rows are restored."""

    def index_entries(self, row_key: str, row: bytes) -> list[tuple[bytes, bytes]]:
        """Local index entries that follow from a row; derived again whenever the row is stored."""

    def encode_offsets(self, reached: Reached) -> bytes:
        """Changelog row of how far the inputs are processed."""

    def decode_offsets(self, row: bytes) -> Reached:
        """Inverse of `encode_offsets`."""
