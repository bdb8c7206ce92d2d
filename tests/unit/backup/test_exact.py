"""The law of restoring: whatever a log looks like, it is written so that every record lies where it lay."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from commonshelf.desks.backup.exact import PartitionScript, write_exactly
from commonshelf.desks.backup.records import Record

FILLER, MARKER = "filler", "marker"


@dataclass
class ToyLog:
    """A topic as a broker keeps it, and what its clients do: what is sent and not settled may come in any order.

    due_after: rounds after which a transaction is to end.
    """

    due_after: int
    logs: dict[int, list[object]] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)
    aborted: set[tuple[int, int]] = field(default_factory=set)
    open_at: set[tuple[int, int]] = field(default_factory=set)
    unsettled: dict[int, str] = field(default_factory=dict)
    age: int = 0

    def put(self, partition: int, record: Record) -> None:
        self._append(partition, record, "plain")

    def put_filler(self, partition: int, timestamp_ms: int) -> None:
        self._append(partition, FILLER, "plain")

    def fill(self, partition: int, timestamp_ms: int) -> None:
        self._append(partition, FILLER, "transaction")
        self.open_at.add((partition, len(self.logs[partition]) - 1))

    def commit(self, records: Mapping[int, Record | None]) -> None:
        assert not self.open_at
        assert not self.unsettled
        for partition, record in records.items():
            self.logs.setdefault(partition, []).extend([record or FILLER, MARKER])

    def settle(self) -> None:
        self.unsettled = {}
        self.age += 1

    def abort(self) -> None:
        assert self.open_at
        assert not self.unsettled
        for partition in {partition for partition, _ in self.open_at}:
            self.logs[partition].append(MARKER)
        self.aborted |= self.open_at
        self.open_at, self.age = set(), 0

    def is_due(self) -> bool:
        return bool(self.open_at) and self.age >= self.due_after

    def delete_before(self, offsets: Mapping[int, int]) -> None:
        assert not self.open_at
        assert not self.unsettled
        self.starts |= offsets

    def _append(self, partition: int, what: object, producer: str) -> None:
        assert self.unsettled.setdefault(partition, producer) == producer, "two producers write at once"
        self.logs.setdefault(partition, []).append(what)

    def seen(self, partition: int) -> list[Record]:
        """The records that a reader of committed ones gets."""
        assert not self.open_at
        start = self.starts.get(partition, 0)
        return [
            one
            for offset, one in enumerate(self.logs.get(partition, []))
            if offset >= start and one is not MARKER and (partition, offset) not in self.aborted
        ]  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """A partition: which of its offsets from `start` on have a record."""

    start: int
    offsets: tuple[bool, ...]

    @property
    def end(self) -> int:
        return self.start + len(self.offsets)

    @property
    def records(self) -> list[Record]:
        return [Record(self.start + at, 1_000 + at, b"k", b"v") for at, is_there in enumerate(self.offsets) if is_there]


layouts = st.builds(Layout, st.integers(0, 5), st.lists(st.booleans(), max_size=24).map(tuple))


@given(st.lists(layouts, min_size=1, max_size=4), st.integers(1, 6))
@example([Layout(0, (False,))], 1)
@example([Layout(0, (False, True))], 1)
@example([Layout(3, (False,)), Layout(0, (True, False))], 1)
@example([Layout(0, (True, False, True, False, True, False)), Layout(0, (False, False))], 1)
def test_every_record_lies_where_it_lay_and_every_log_ends_where_it_ended(found: list[Layout], due_after: int) -> None:
    log = ToyLog(due_after)
    scripts = [
        PartitionScript(n, one.records, start=one.start, end=one.end, count=len(one.records))
        for n, one in enumerate(found)
    ]
    write_exactly(scripts, log)
    for n, one in enumerate(found):
        assert log.seen(n) == one.records
        assert [log.logs[n][record.offset] for record in one.records] == one.records
        assert len(log.logs.get(n, [])) == one.end
        is_lone_at_zero = one.start == 0 and one.offsets.count(False) == 1 and not one.offsets[0]
        assert log.starts.get(n, 0) == (1 if is_lone_at_zero else one.start)


@pytest.mark.parametrize("transactions", [1, 2, 40])
def test_holes_of_many_transactions_take_one_transaction(transactions: int) -> None:
    """A log of transactions with a record each is not restored by as many."""
    layout = Layout(0, (True, False) * transactions)
    log = ToyLog(due_after=1_000)
    write_exactly([PartitionScript(0, layout.records, start=0, end=layout.end, count=transactions)], log)
    assert log.logs[0].count(MARKER) == 1
