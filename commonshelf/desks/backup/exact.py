"""Puts records at the very offsets that they had, into a partition that is empty. Pure: Kafka is behind `Log`.

Offsets without a record (markers of transactions, what was compacted away) are taken by a transaction that is aborted:
readers pass over its records, and its own marker takes the last one. A partition that lacks a single offset gets the
marker of a committed transaction with the record before it. What lay before the log's start is written and deleted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from commonshelf.desks.backup.records import Record


class Log(Protocol):
    """A topic that is written. Each call appends to the end of a partition."""

    def put(self, partition: int, record: Record) -> None:
        """Append it, outside of transactions."""

    def put_filler(self, partition: int, timestamp_ms: int) -> None:
        """Append a record that means nothing, outside of transactions: it is deleted in the end."""

    def fill(self, partition: int, timestamp_ms: int) -> None:
        """Append one to the transaction that will be aborted; begins it."""

    def commit(self, records: Mapping[int, Record | None]) -> None:
        """Append a record, or a filler for None, to each of these partitions, in a transaction of its own."""

    def settle(self) -> None:
        """Return when all that was appended is in the log."""

    def abort(self) -> None:
        """End the transaction, and return when its markers are in the log: one in each partition that was filled."""

    def is_due(self) -> bool:
        """Whether the transaction is to end soon, for Kafka bears it for so long only."""

    def delete_before(self, offsets: Mapping[int, int]) -> None:
        """Delete what lies before these offsets, by partition."""


class PartitionScript:
    """Content that a partition is to get, as far as it is not written yet.

    records: in the order of their offsets; start, end: of the log; count: of the records.
    """

    def __init__(self, partition: int, records: Iterable[Record], *, start: int, end: int, count: int) -> None:
        self.partition = partition
        self.start = start
        self.next = start
        """The offset that is written next, once what lay before the start is."""
        self.missing = end - start - count
        """Offsets from there on that have no record."""
        self.is_filled = False
        """Whether the transaction that will be aborted has records here."""
        self.timestamp_ms = 1
        """Of the last record, for fillers: they are not to outlive their neighbours."""
        self._end = end
        self._records = iter(records)
        self._ahead = next(self._records, None)
        if self._ahead is not None:
            self.timestamp_ms = max(1, self._ahead.timestamp_ms)

    @property
    def is_done(self) -> bool:
        return self.next >= self._end

    @property
    def hole(self) -> int:
        """How many offsets without a record come next."""
        return (self._end if self._ahead is None else self._ahead.offset) - self.next

    def run(self) -> Iterator[Record]:
        """The records up to the next hole, or the end."""
        while self._ahead is not None and self._ahead.offset == self.next:
            record = self._ahead
            self.next, self.timestamp_ms = record.offset + 1, max(1, record.timestamp_ms)
            self._ahead = next(self._records, None)
            yield record

    def take(self, count: int) -> None:
        """Note that so many offsets without a record are taken."""
        self.next += count
        self.missing -= count


def write_exactly(scripts: Sequence[PartitionScript], log: Log) -> None:
    """Write the partitions of a topic that has no record yet. Raises what `log` raises."""
    for script in scripts:
        # The last one before a single missing offset is the committed transaction's.
        for _ in range(script.start - (script.missing == 1 and script.hole == 1)):
            log.put_filler(script.partition, script.timestamp_ms)
    _write_single_holes([script for script in scripts if script.missing == 1], log)
    while any(not script.is_done for script in scripts):
        _write_until_marker([script for script in scripts if not script.is_done], log)
    log.settle()
    starts = {script.partition: script.start for script in scripts if script.start}
    if starts:
        log.delete_before(starts)


def _write_single_holes(scripts: Sequence[PartitionScript], log: Log) -> None:
    before: dict[int, Record | None] = {}
    for script in scripts:
        last: Record | None = None
        for record in script.run():
            if last is not None:
                log.put(script.partition, last)
            last = record
        if last is not None or script.start > 0:
            before[script.partition] = last
        else:  # nothing that a transaction could hold lies before it
            log.put_filler(script.partition, script.timestamp_ms)
            script.start = 1
        script.take(1)
    if before:
        log.settle()
        log.commit(before)


def _write_until_marker(scripts: Sequence[PartitionScript], log: Log) -> None:
    """Write on until every partition is done, or awaits the marker of the transaction, and give it that."""
    waiting: set[int] = set()
    is_closing = False
    while len(waiting) < len(scripts):
        moving = [script for script in scripts if script.partition not in waiting]
        for script in moving:
            for record in script.run():
                log.put(script.partition, record)
        log.settle()
        is_closing = is_closing or log.is_due()
        for script in moving:
            if script.is_done or (is_closing and _may_pause(script)) or _fill(script, log, is_closing=is_closing):
                waiting.add(script.partition)
        log.settle()
    filled = [script for script in scripts if script.is_filled]
    if filled:
        log.abort()
    for script in filled:
        script.take(1)
        script.is_filled = False


def _may_pause(script: PartitionScript) -> bool:
    """Whether the transaction may end without this partition, which it has not touched."""
    return not script.is_filled and script.hole < 2


def _fill(script: PartitionScript, log: Log, *, is_closing: bool) -> bool:
    """Take the hole that comes next. Whether its last offset is left to the marker.

    A single offset must not be left for the next transaction, which would have no record for it.
    """
    hole, left = script.hole, script.missing - script.hole
    is_last = left == 0 or (is_closing and left != 1)
    fillers = hole - 1 if is_last else hole
    for _ in range(fillers):
        log.fill(script.partition, script.timestamp_ms)
    script.is_filled = script.is_filled or fillers > 0
    script.take(fillers)
    return is_last
