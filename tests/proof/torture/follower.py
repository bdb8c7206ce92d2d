"""A consumer that follows the journal into SQLite: what it has read, and what it made of it, in one transaction.

It knows nothing of the pool's code: goods move by what the journal's facts say, unless a count has seen them already.
An entry that is not the next of its pool ends it with status 3, for then something was repeated or is missing.
"""

import argparse
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from commonshelf.stack.parent_watch import end_with_parent
from messaging.journal import JournalEntry, read_page
from schemas.topics import POOL_JOURNAL
from tests.proof.faults.records import Record, ShelfKey
from tests.proof.faults.topic_log import reader

NOT_THE_NEXT = 3
_TABLES = """
CREATE TABLE IF NOT EXISTS positions (partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS pools (pool TEXT PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS shelves (
    pool TEXT, sku TEXT, store TEXT, on_hand_milli INTEGER NOT NULL DEFAULT 0, counted_at_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (pool, sku, store)
);
"""


class Table:
    """What the follower has made of the journal."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_TABLES)

    def positions(self) -> dict[int, int]:
        """Partition → offset of the next record."""
        return dict(self._db.execute("SELECT partition, next_offset FROM positions"))

    def pools(self) -> dict[str, int]:
        """Pool → journal position that was read."""
        return dict(self._db.execute("SELECT pool, number FROM pools"))

    def on_hand(self) -> dict[ShelfKey, int]:
        """Thousandths of a unit."""
        found = self._db.execute("SELECT pool, sku, store, on_hand_milli FROM shelves")
        return {(pool, sku, store): milli for pool, sku, store, milli in found}

    def take(self, records: list[Record], positions: dict[int, int]) -> None:
        """All or nothing. Raises ValueError for an entry that is not the next of its pool."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for record in records:
                for entry in read_page(record.value):
                    self._take_entry(entry)
            self._db.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", positions.items())
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _take_entry(self, entry: JournalEntry) -> None:
        row = self._db.execute("SELECT number FROM pools WHERE pool = ?", (entry.pool,)).fetchone()
        if entry.position != (row[0] if row else 0) + 1:
            raise ValueError(f"{entry.pool}: entry {entry.position} after {row[0] if row else 0}")
        self._db.execute("INSERT OR REPLACE INTO pools VALUES (?, ?)", (entry.pool, entry.position))
        for shelf, occurred_at_ms, delta_milli in moves(entry.pool, entry.fact[1]):
            self._db.execute("INSERT OR IGNORE INTO shelves (pool, sku, store) VALUES (?, ?, ?)", shelf)
            self._db.execute(
                "UPDATE shelves SET on_hand_milli = on_hand_milli + ? "
                "WHERE pool = ? AND sku = ? AND store = ? AND counted_at_ms < ?",
                (delta_milli, *shelf, occurred_at_ms),
            )
        for shelf, as_of_ms, drift_milli in counts(entry.pool, entry.fact[1]):
            self._db.execute("INSERT OR IGNORE INTO shelves (pool, sku, store) VALUES (?, ?, ?)", shelf)
            self._db.execute(
                "UPDATE shelves SET on_hand_milli = on_hand_milli + ?, counted_at_ms = max(counted_at_ms, ?) "
                "WHERE pool = ? AND sku = ? AND store = ?",
                (drift_milli, as_of_ms, *shelf),
            )

    def close(self) -> None:
        self._db.close()


def moves(pool: str, fact: dict[str, Any]) -> Iterator[tuple[ShelfKey, int, int]]:
    """(shelf, when it occurred, thousandths that came or went) of what a fact took or took back."""
    for line in fact.get("reversed", ()):
        yield (pool, line["sku"], fact["event"]["store"]), line["occurred_at_ms"], line["delta_milli"]
    for line in fact.get("applied", ()):
        yield (pool, line["sku"], fact["event"]["store"]), fact["event"]["occurred_at_ms"], line["delta_milli"]


def counts(pool: str, fact: dict[str, Any]) -> Iterator[tuple[ShelfKey, int, int]]:
    """(shelf, time of the count, thousandths by which it corrects the books) of counts that stand."""
    for line in fact.get("counted", ()):
        shelf = (pool, line["sku"], fact["event"]["store"])
        if line["applied"]:
            yield shelf, fact["event"]["occurred_at_ms"], line["drift_milli"]
        else:
            yield shelf, 0, 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--table", type=Path, required=True)
    options = parser.parse_args()
    end_with_parent()
    with closing(Table(options.table)) as table:
        try:
            _follow(table, options.bootstrap_servers, options.partitions)
        except ValueError as error:
            print("not the next entry:", error, flush=True)
            sys.exit(NOT_THE_NEXT)


def _follow(table: Table, bootstrap_servers: str, partitions: int) -> None:
    consumer = reader(bootstrap_servers, "read_committed", "follower")
    reached = table.positions()
    consumer.assign([TopicPartition(POOL_JOURNAL.name, n, reached.get(n, OFFSET_BEGINNING)) for n in range(partitions)])
    while True:
        records, positions = [], {}
        for message in consumer.consume(500, timeout=0.1):
            error, n = message.error(), message.partition()
            if error is None:
                place = (message.topic(), n, message.offset(), message.timestamp()[1])
                records.append(Record(*place, message.key(), message.value()))
                positions[n] = message.offset() + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                positions[n] = message.offset()
            else:
                raise KafkaException(error)
        if positions:
            table.take(records, positions)


if __name__ == "__main__":
    main()
