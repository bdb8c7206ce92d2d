"""Files that were read and how far, in SQLite, so that a killed connector takes up where Kafka had confirmed."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Outcome = Literal["done", "rejected"]

_TABLE = """
CREATE TABLE IF NOT EXISTS files (
    key TEXT PRIMARY KEY,            -- content, kind and settings: all that decides what is published
    sha256 TEXT NOT NULL,            -- of the content
    name TEXT NOT NULL,
    first_seen_ms INTEGER NOT NULL,
    rows_confirmed INTEGER NOT NULL DEFAULT 0,
    outcome TEXT
)
"""


@dataclass(frozen=True, slots=True)
class FileProgress:
    """The progress through a file: rows whose events Kafka confirmed, and the outcome once it is through."""

    first_seen_ms: int
    rows_confirmed: int
    outcome: Outcome | None


class FolderState:
    """The files of one folder. Raises sqlite3.Error when its file cannot be used."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(_TABLE)
        self._db.execute("CREATE INDEX IF NOT EXISTS files_by_content ON files (sha256)")

    def begin(self, key: str, sha256: str, name: str, now_ms: int) -> FileProgress:
        """Find the file, or note it as seen now. A content that was seen under another key keeps its first time.

        A file that was rejected before is read from its start again: its rows may be usable by now.
        """
        seen = self._db.execute("SELECT MIN(first_seen_ms) FROM files WHERE sha256 = ?", (sha256,)).fetchone()[0]
        self._db.execute(
            "INSERT INTO files (key, sha256, name, first_seen_ms) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE "
            "SET rows_confirmed = 0, outcome = NULL WHERE outcome = 'rejected'",
            (key, sha256, name, now_ms if seen is None else seen),
        )
        row = self._db.execute(
            "SELECT first_seen_ms, rows_confirmed, outcome FROM files WHERE key = ?", (key,)
        ).fetchone()
        return FileProgress(*row)

    def confirm(self, key: str, rows: int) -> None:
        """Kafka has the events of the first `rows` rows."""
        self._db.execute("UPDATE files SET rows_confirmed = ? WHERE key = ?", (rows, key))

    def finish(self, key: str, outcome: Outcome) -> None:
        """The file is through and moved away."""
        self._db.execute("UPDATE files SET outcome = ? WHERE key = ?", (outcome, key))

    def close(self) -> None:
        """Close the database."""
        self._db.close()
