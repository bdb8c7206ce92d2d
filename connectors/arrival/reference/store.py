"""The app's memory: each appointment as it was told last, in SQLite. What was acknowledged survives a kill."""

import json
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.arrival.message import FORGOTTEN
from schemas.statuses import ENDED_APPOINTMENT

_KEPT_ENDED_S = 3 * 86_400
_SCHEMA = """
CREATE TABLE IF NOT EXISTS appointment (
    customer_order TEXT NOT NULL, store TEXT NOT NULL, place TEXT NOT NULL, sequence INTEGER NOT NULL,
    message TEXT NOT NULL, is_ended INTEGER NOT NULL, told_at_s INTEGER NOT NULL, PRIMARY KEY (customer_order, store)
);
CREATE INDEX IF NOT EXISTS by_place ON appointment (place, is_ended);
"""
Message = Mapping[str, Any]


class Appointments:
    """Thread-safe. path: of the file; its folder is made."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        with self._db:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA)

    def put(self, message: Message, now_s: int) -> bool:
        """Keep a message; False when a newer one of the appointment, or the same, is known."""
        order, store, sequence = message["order"], message["store"], message["sequence"]
        status = message["status"]
        with self._lock, self._db:
            self._db.execute(
                "DELETE FROM appointment WHERE is_ended AND told_at_s < ? AND NOT (customer_order = ? AND store = ?)",
                (now_s - _KEPT_ENDED_S, order, store),
            )
            known = self._db.execute(
                "SELECT sequence FROM appointment WHERE customer_order = ? AND store = ?", (order, store)
            ).fetchone()
            if known is not None and known[0] >= sequence:
                return False
            if status == FORGOTTEN:
                self._db.execute("DELETE FROM appointment WHERE customer_order = ? AND store = ?", (order, store))
                return True
            is_ended = status in ENDED_APPOINTMENT
            self._db.execute(
                "INSERT OR REPLACE INTO appointment VALUES (?, ?, ?, ?, ?, ?, ?)",
                (order, store, message["place"]["id"], sequence, json.dumps(message), is_ended, now_s),
            )
        return True

    def of_order(self, order: str) -> list[Message]:
        """The appointments of an order, by store."""
        return self._read("customer_order = ? ORDER BY store", order)

    def at_place(self, place: str) -> list[Message]:
        """The appointments of a place that have not ended, by order."""
        return self._read("place = ? AND NOT is_ended ORDER BY customer_order", place)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _read(self, where: str, value: str) -> list[Message]:
        with self._lock:
            rows = self._db.execute(f"SELECT message FROM appointment WHERE {where}", (value,))  # noqa: S608  ours
            return [json.loads(text) for (text,) in rows]
