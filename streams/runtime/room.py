"""Room that a micro-batch still has for records."""

from collections.abc import Callable, Sequence

from streams.runtime.contract import InputRecord, Partition
from streams.runtime.merge import ONE, RunMost
from streams.runtime.settings import WorkerSettings

_RUN_BYTES_MAX = 524_288
_BYTES_PER_ROW_MIN = 40
"""Records change fewer rows than they have times as many bytes."""


class Room:
    """The room of one batch; `monotonic` is the clock that ends it."""

    def __init__(self, settings: WorkerSettings, records_max: int, monotonic: Callable[[], float]) -> None:
        self._settings = settings
        self._records_max = records_max
        self._monotonic = monotonic
        self.began_s = monotonic()
        self._until_s = self.began_s + settings.batch_s
        self.records = self._size = 0
        self.rows = 0
        """Changed by the partitions before this one."""

    def took(self, run: Sequence[InputRecord]) -> None:
        """These are in the batch."""
        self.records += len(run)
        self._size += sum(len(record.value or b"") for record in run)

    def is_full(self, changed_rows: int) -> bool:
        """Whether the batch is to be closed, when this partition has changed so many rows."""
        return (
            self._size >= self._settings.batch_bytes or self.records >= self._records_max
            or self.rows + changed_rows >= self._settings.batch_rows or self._monotonic() >= self._until_s
        )  # fmt: skip

    def most(self, work: Partition) -> Callable[[str], RunMost]:
        """Topic → how much of it may be taken at once: not so much that the batch becomes larger than it may."""
        return lambda topic: self._most(work.changed_rows()) if topic in work.runs else ONE

    def _most(self, changed_rows: int) -> RunMost:
        rows = self._settings.batch_rows - self.rows - changed_rows
        size = min(self._settings.batch_bytes - self._size, rows * _BYTES_PER_ROW_MIN, _RUN_BYTES_MAX)
        return RunMost(self._records_max - self.records, size)
