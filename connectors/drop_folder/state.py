"""Files that were read and how far, and the documents that they brought, in SQLite.

So a killed connector takes up where Kafka had confirmed, and a mended file is known as a revision.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal

from connectors.contract import PosEvent
from connectors.drop_folder.documents import Document
from connectors.drop_folder.settings import FileKind
from schemas.models.pos import Sale

Outcome = Literal["done", "rejected"]

_TABLES = """
CREATE TABLE IF NOT EXISTS drops (
    key TEXT PRIMARY KEY,            -- content, kind, settings and, of stock, name: all that decides what is published
    sha256 TEXT NOT NULL,            -- of the content
    title TEXT NOT NULL,             -- kind and name of a file that its name identifies; else empty
    name TEXT NOT NULL,
    first_seen_ms INTEGER NOT NULL,
    rows_confirmed INTEGER NOT NULL DEFAULT 0,
    outcome TEXT
);
CREATE INDEX IF NOT EXISTS drops_by_content ON drops (sha256, title);
CREATE TABLE IF NOT EXISTS newest (title TEXT PRIMARY KEY, key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
    source_id TEXT PRIMARY KEY, kind TEXT NOT NULL, number TEXT NOT NULL, file TEXT NOT NULL, digest INTEGER NOT NULL,
    version INTEGER NOT NULL, occurred_at_ms INTEGER NOT NULL, code TEXT NOT NULL, unit TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS documents_by_file ON documents (kind, file);
CREATE TABLE IF NOT EXISTS opened (code TEXT PRIMARY KEY, source_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS renamed (name TEXT PRIMARY KEY, original TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS readings (key TEXT PRIMARY KEY, since_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS brought (    -- receipts and documents, by the file that told them last
    kind TEXT NOT NULL, source_id TEXT NOT NULL, file TEXT NOT NULL, since_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, source_id)
) WITHOUT ROWID;
"""


_MOVED_TABLE = """
CREATE TABLE IF NOT EXISTS moved (      -- files that were read, while somebody may still be writing to them
    place TEXT NOT NULL,                -- done or rejected
    name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    moved_at_ms INTEGER NOT NULL,
    PRIMARY KEY (place, name)
)
"""
_TOLD = "CREATE TABLE IF NOT EXISTS told (sha256 TEXT PRIMARY KEY)  -- contents of which Kafka may have events"


@dataclass(frozen=True, slots=True)
class MovedFile:
    """A file as it was when it was read, and where it went."""

    place: str
    name: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The file that told a receipt or a document last, and since when that file is read from its start."""

    file: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class FileProgress:
    """The progress through a file: rows whose events Kafka confirmed, and the outcome once it is through.

    since_ms: when it was begun from its start. is_told: Kafka may have events of this content, whatever the settings
    were that it was read by.
    """

    first_seen_ms: int
    since_ms: int
    rows_confirmed: int
    outcome: Outcome | None
    is_told: bool


_SALE, _STOCK = "sale", "stock"


def _kind(event: PosEvent) -> str:
    return _SALE if isinstance(event, Sale) else _STOCK


class FolderState:
    """The files and documents of one folder. Raises sqlite3.Error when its file cannot be used."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_TABLES)
        self._db.execute(_MOVED_TABLE)
        self._db.execute(_TOLD)

    def begin(self, key: str, sha256: str, title: str, name: str, now_ms: int) -> FileProgress:
        """Find the file, or note it as seen now. A content that was seen under another key keeps its first time.

        title: what the file's name identifies; empty where its content alone does. A file that was rejected before is
        read from its start again, for its rows may be usable by now; so is one after which another of its title came.
        """
        seen = self._value("SELECT MIN(first_seen_ms) FROM drops WHERE sha256 = ? AND title = ?", sha256, title)
        newest = self._value("SELECT key FROM newest WHERE title = ?", title) if title else key
        if newest not in (None, key):
            self._db.execute("DELETE FROM drops WHERE key = ?", (key,))
            seen = None
        self._db.execute(
            "INSERT INTO drops (key, sha256, title, name, first_seen_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) "
            "DO UPDATE SET rows_confirmed = 0, outcome = NULL WHERE outcome = 'rejected'",
            (key, sha256, title, name, now_ms if seen is None else seen),
        )
        if title:
            self._db.execute("INSERT OR REPLACE INTO newest VALUES (?, ?)", (title, key))
        row = self._db.execute(
            "SELECT first_seen_ms, rows_confirmed, outcome FROM drops WHERE key = ?", (key,)
        ).fetchone()
        told = self._db.execute("SELECT 1 FROM told WHERE sha256 = ?", (sha256,)).fetchone()
        first_seen_ms, rows_confirmed, outcome = row
        if not rows_confirmed:
            self._db.execute("DELETE FROM readings WHERE key = ?", (key,))
        self._db.execute("INSERT OR IGNORE INTO readings VALUES (?, ?)", (key, now_ms))
        since_ms = self._value("SELECT since_ms FROM readings WHERE key = ?", key)
        return FileProgress(first_seen_ms, int(since_ms or now_ms), rows_confirmed, outcome, is_told=told is not None)

    def tell(self, sha256: str) -> None:
        """Kafka may have events of this content from now on."""
        self._db.execute("INSERT OR IGNORE INTO told (sha256) VALUES (?)", (sha256,))

    def confirm(self, key: str, rows: int, documents: Sequence[Document] = (), withdrawn: Sequence[str] = ()) -> None:
        """Kafka has the events of the first `rows` rows: `documents` stand so, and `withdrawn` ones no longer."""
        self._db.execute("BEGIN")
        for each in documents:
            self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", astuple(each))
        self._db.executemany("DELETE FROM documents WHERE source_id = ?", [(each,) for each in withdrawn])
        self._db.executemany("DELETE FROM opened WHERE source_id = ?", [(each,) for each in withdrawn])
        self._db.execute("UPDATE drops SET rows_confirmed = ? WHERE key = ?", (rows, key))
        self._db.execute("COMMIT")

    def open_items(self, source_id: str, codes: Sequence[str]) -> None:
        """The items with these codes stand in that opening stock."""
        self._db.executemany("INSERT OR REPLACE INTO opened VALUES (?, ?)", [(code, source_id) for code in codes])

    def bring(self, events: Sequence[PosEvent], reading: Reading) -> None:
        """Kafka has these events, which a file told."""
        rows = {(_kind(event), event.source.id, *astuple(reading)) for event in events}
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO brought VALUES (?, ?, ?, ?)", sorted(rows))
        self._db.execute("COMMIT")

    def brought(self, source_id: str, *, is_sale: bool) -> Reading | None:
        """The file that told this receipt or document last; None when none of this folder did."""
        row = self._db.execute(
            "SELECT file, since_ms FROM brought WHERE kind = ? AND source_id = ?",
            (_SALE if is_sale else _STOCK, source_id),
        ).fetchone()
        return None if row is None else Reading(*row)

    def finish(self, key: str, outcome: Outcome) -> None:
        """The file is through and moved away."""
        self._db.execute("UPDATE drops SET outcome = ? WHERE key = ?", (outcome, key))

    def find(self, source_id: str) -> Document | None:
        row = self._db.execute("SELECT * FROM documents WHERE source_id = ?", (source_id,)).fetchone()
        return None if row is None else Document(*row)

    def of_file(self, kind: FileKind, file: str) -> Iterator[Document]:
        rows = self._db.execute("SELECT * FROM documents WHERE kind = ? AND file = ? ORDER BY source_id", (kind, file))
        return iter([Document(*row) for row in rows])

    def opening_of(self, code: str) -> Document | None:
        source_id = self._value("SELECT source_id FROM opened WHERE code = ?", code)
        return None if source_id is None else self.find(str(source_id))

    def twin(self, key: str, sha256: str) -> str | None:
        """The name of another file that had the same content and was read whole."""
        found = self._value("SELECT name FROM drops WHERE sha256 = ? AND key != ? AND outcome = 'done'", sha256, key)
        return None if found is None else str(found)

    def rename(self, moved_to: str, original: str) -> None:
        """A file was moved away under another name than its own."""
        self._db.execute("INSERT OR REPLACE INTO renamed VALUES (?, ?)", (moved_to, original))

    def original_name(self, name: str) -> str:
        """The name under which a file first came, if it is one that was moved away under `name`."""
        found = self._value("SELECT original FROM renamed WHERE name = ?", name)
        return name if found is None else str(found)

    def watch(self, moved: MovedFile, now_ms: int) -> None:
        """The file went to its place."""
        self._db.execute(
            "INSERT OR REPLACE INTO moved VALUES (?, ?, ?, ?, ?)",
            (moved.place, moved.name, moved.size_bytes, moved.mtime_ns, now_ms),
        )

    def watched(self, since_ms: int) -> list[MovedFile]:
        """The files that went to their places since then; those before are forgotten."""
        self._db.execute("DELETE FROM moved WHERE moved_at_ms < ?", (since_ms,))
        return [MovedFile(*row) for row in self._db.execute("SELECT place, name, size_bytes, mtime_ns FROM moved")]

    def unwatch(self, moved: MovedFile) -> None:
        """The file needs no more looks."""
        self._db.execute("DELETE FROM moved WHERE place = ? AND name = ?", (moved.place, moved.name))

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def _value(self, query: str, *values: str) -> int | str | None:
        row = self._db.execute(query, values).fetchone()
        return None if row is None else row[0]
