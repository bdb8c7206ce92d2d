"""A partition on a bench: committed rows in a dict instead of Kafka, outputs in a list."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from streams.runtime.contract import OutputRecord, Partition, Rows

Work = TypeVar("Work", bound=Partition)


@dataclass
class PartitionBench(ABC, Generic[Work]):
    """One partition; outputs appear with `commit`."""

    rows: dict[str, bytes] = field(default_factory=dict)
    outputs: list[OutputRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.partition = self._opened()

    @abstractmethod
    def open(self, rows: Rows) -> Work:
        """The partition with these rows."""

    def _opened(self) -> Work:
        return self.open(Rows(self.rows.get, self._scan, lambda _: None))

    def _scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        return iter(sorted(item for item in self.rows.items() if item[0].startswith(prefix) and item[0] > after))

    def commit(self) -> None:
        """End the batch."""
        batch = self.partition.close_batch()
        assert len({key for key, _ in batch.rows}) == len(batch.rows), "a batch writes each row once"
        for key, row in batch.rows:
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row
        self.outputs += batch.outputs
        self.partition.committed()

    def restart(self) -> None:
        """Forget all but the committed rows."""
        self.commit()
        self.partition = self._opened()
