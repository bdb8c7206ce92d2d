"""The journal played again: folded from zero, and decided again in its recorded order. Both without Kafka."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from messaging.journal import JournalEntry, read_page
from schemas.codec import topic_codec
from schemas.topics import POOL_AVAILABILITY, POOL_JOURNAL
from streams.pool.journal.facts import fact_codec
from streams.pool.processor import PoolProcessor
from streams.pool.state.pool_state import PoolState
from streams.runtime.contract import InputRecord, Rows
from tests.proof.faults.records import Record


class NoIndex:
    """Everything remembered stays with the pool that remembers it: nothing is ever stored here."""

    def find(self, key: bytes) -> None:
        return None

    def add(self, key: bytes) -> None:
        """Nothing."""


def fold_again(entries: Iterable[JournalEntry]) -> dict[str, bytes]:
    """The rows that folding the entries from zero gives; each pool's entries in order."""
    rows: dict[str, bytes] = {}
    processor = PoolProcessor()
    tables = processor.tables(Rows(rows.get, lambda _: iter(()), lambda _: None))
    pools: dict[str, PoolState] = {}
    for count, entry in enumerate(entries):
        if entry.pool not in pools:
            pools[entry.pool] = PoolState(entry.pool, tables, NoIndex())
        state = pools[entry.pool]
        processor.aggregates.fold(state, entry.fact, entry.fact_bytes, entry.appended_at_ms)
        state.agenda.clear()  # the reactions are entries of their own
        if count % 997 == 0:
            _store(rows, tables.drain())
    _store(rows, tables.drain())
    return rows


def _store(rows: dict[str, bytes], changed: Iterable[tuple[str, bytes | None]]) -> None:
    for key, row in changed:
        if row is None:
            rows.pop(key, None)
        else:
            rows[key] = row


class DecidedAgain(NamedTuple):
    """What deciding again gives."""

    pages: dict[tuple[str, int], bytes]
    """Journal pages, cut as the recorded ones, by (pool, first number)."""
    availability: dict[bytes, bytes]
    """Last value of each availability key."""


def decide_again(
    processor: PoolProcessor, partition: int, partitions: int, inputs: Sequence[Record], cuts: dict[str, list[int]]
) -> DecidedAgain:
    """Decide one partition's `inputs`, already in the journal's order, in batches of other sizes than before.

    `cuts` are each pool's recorded pages as numbers of entries.
    """
    rows: dict[str, bytes] = {}
    index: dict[bytes, bytes] = {}

    def scan(prefix: str) -> Iterator[tuple[str, bytes]]:
        return iter(sorted((key, row) for key, row in rows.items() if key.startswith(prefix)))

    work = processor.open(partition, partitions, Rows(rows.get, scan, index.get))
    availability: dict[bytes, bytes] = {}
    written: dict[str, list[bytes]] = {}
    for count, record in enumerate(inputs):
        work.apply(InputRecord(*record[:6]))
        if count % 61 and count != len(inputs) - 1:
            continue
        batch = work.close_batch()
        for output in batch.outputs:
            if output.topic == POOL_JOURNAL.name and output.value is not None:
                for entry in read_page(output.value):
                    written.setdefault(entry.pool, []).append(_entry_bytes(entry))
            elif output.topic == POOL_AVAILABILITY.name and output.value is not None:
                availability[str(output.key).encode()] = output.value
        _store(rows, batch.rows)
        for key, row in batch.rows:
            if row is not None:
                index.update(processor.index_entries(key, row))
        work.committed()
    pages = {}
    for pool, sizes in cuts.items():
        start = 0
        for size in sizes:
            chunk = written.get(pool, [])[start : start + size]
            pages[pool, start + 1] = fact_codec().encode_page(pool, partition, start + 1, chunk) if chunk else b""
            start += size
    return DecidedAgain(pages, availability)


def _entry_bytes(entry: JournalEntry) -> bytes:
    from schemas.avro_parts import long_bytes, string_bytes

    topic, _, offset = entry.cause
    return string_bytes(topic) + long_bytes(offset) + long_bytes(entry.appended_at_ms) + entry.fact_bytes


def decode_availability(value: bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = topic_codec(POOL_AVAILABILITY.name).decode(value)
    return decoded
