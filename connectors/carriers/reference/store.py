"""The carrier's memory: each delivery as it was told last, in SQLite. What was acknowledged survives a kill.

An address lies in a table of its own, in a file that overwrites what is deleted: until the delivery has ended, and
never longer than so many hours after it was told.
"""

import json
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from connectors.carriers.message import FORGOTTEN, STANDING

ADDRESS_KEPT_S: Final = 24 * 3_600
_KEPT_ENDED_S: Final = 3 * 86_400
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS delivery (
    task TEXT PRIMARY KEY, sequence INTEGER NOT NULL, message TEXT NOT NULL, is_ended INTEGER NOT NULL,
    told_at_s INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS address (task TEXT PRIMARY KEY, content TEXT NOT NULL, told_at_s INTEGER NOT NULL);
"""
Message = Mapping[str, Any]


class Deliveries:
    """Thread-safe. path: of the file; its folder is made, and its owner alone may read it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, timeout=10)
        with self._db:
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.executescript(_SCHEMA)

    def put(self, message: Message, now_s: int) -> bool:
        """Keep a message; False when a newer one of the delivery, or the same, is known. Raises KeyError, TypeError."""
        task, sequence, status = message["task"], message["sequence"], message["status"]
        content = {name: value for name, value in message.items() if name != "address"}
        with self._lock, self._db:
            self._forget(now_s)
            known = self._db.execute("SELECT sequence FROM delivery WHERE task = ?", (task,)).fetchone()
            if known is not None and known[0] >= sequence:
                return False
            self._db.execute("DELETE FROM address WHERE task = ?", (task,))
            if status == FORGOTTEN:
                self._db.execute("DELETE FROM delivery WHERE task = ?", (task,))
                return True
            is_ended = status not in STANDING
            self._db.execute(
                "INSERT OR REPLACE INTO delivery VALUES (?, ?, ?, ?, ?)",
                (task, sequence, json.dumps(content), is_ended, now_s),
            )
            if not is_ended and message.get("address") is not None:
                self._db.execute("INSERT INTO address VALUES (?, ?, ?)", (task, json.dumps(message["address"]), now_s))
        return True

    def standing(self, now_s: int) -> list[Message]:
        """The deliveries that have not ended, with their addresses as far as they are kept, by store and task."""
        with self._lock, self._db:
            self._forget(now_s)
            rows = self._db.execute(
                "SELECT message, content FROM delivery LEFT JOIN address USING (task) WHERE NOT is_ended ORDER BY task"
            ).fetchall()
        found = [json.loads(text) | {"address": address and json.loads(address)} for text, address in rows]
        return sorted(found, key=lambda one: one["store"]["id"])

    def messages(self) -> dict[str, Message]:
        """The newest message of each delivery that is remembered, without addresses, by task."""
        with self._lock:
            return {task: json.loads(text) for task, text in self._db.execute("SELECT task, message FROM delivery")}

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _forget(self, now_s: int) -> None:
        self._db.execute("DELETE FROM address WHERE told_at_s <= ?", (now_s - ADDRESS_KEPT_S,))
        self._db.execute("DELETE FROM delivery WHERE is_ended AND told_at_s < ?", (now_s - _KEPT_ENDED_S,))
