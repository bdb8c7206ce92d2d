"""A memory of a file's earlier rows: on disk, so that any number of rows takes little memory."""

import sqlite3
from hashlib import blake2b
from typing import Protocol

_CACHE_KIB = 8_192


class FileMemory(Protocol):
    """Remembers names within one file."""

    def first_time_ms(self, document: str, occurred_at_ms: int) -> int:
        """The time under which `document` was first met. All its lines must say the same."""

    def next_ordinal(self, line: str) -> int:
        """1 for the first line of this name, 2 for the second …"""

    def put(self, name: str, value: int) -> None:
        """Keep a number of 64 bits under a name; the last one stands."""

    def value(self, name: str) -> int | None:
        """The number under that name."""

    def close(self) -> None:
        """Forget all."""


class DictMemory:
    """For small files and tests."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}
        self._ordinals: dict[str, int] = {}
        self._values: dict[str, int] = {}

    def first_time_ms(self, document: str, occurred_at_ms: int) -> int:
        return self._times.setdefault(document, occurred_at_ms)

    def next_ordinal(self, line: str) -> int:
        self._ordinals[line] = self._ordinals.get(line, 0) + 1
        return self._ordinals[line]

    def put(self, name: str, value: int) -> None:
        self._values[name] = value

    def value(self, name: str) -> int | None:
        return self._values.get(name)

    def close(self) -> None:
        self._values.clear()


class DiskMemory:
    """For files of any size: a temporary SQLite database, which is gone when it is closed."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._db.execute("CREATE TABLE seen (name BLOB PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID")
        self._db.execute("BEGIN")

    def first_time_ms(self, document: str, occurred_at_ms: int) -> int:
        name = _hash("document", document)
        self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (name, occurred_at_ms))
        return int(self._db.execute("SELECT value FROM seen WHERE name = ?", (name,)).fetchone()[0])

    def next_ordinal(self, line: str) -> int:
        name = _hash("line", line)
        self._db.execute("INSERT INTO seen VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1", (name,))
        return int(self._db.execute("SELECT value FROM seen WHERE name = ?", (name,)).fetchone()[0])

    def put(self, name: str, value: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (_hash("value", name), value))

    def value(self, name: str) -> int | None:
        row = self._db.execute("SELECT value FROM seen WHERE name = ?", (_hash("value", name),)).fetchone()
        return None if row is None else int(row[0])

    def close(self) -> None:
        """Forget all."""
        self._db.close()


def _hash(space: str, name: str) -> bytes:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16, person=space.encode()).digest()
