"""A partition's committed rows in RocksDB: a cache of the changelog, never trusted beyond it.

Keys: `r` + row key for rows, `x` + index key for the derived index, `p` for the position, the changelog offset
up to which the rows are complete. Rows, index and position change in one WriteBatch.
"""

import json
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rocksdict import DbClosedError, Options, Rdict, WriteBatch, WriteOptions

from messaging.clock import Uptime, age_ms, uptime
from messaging.rocks import scan_prefix
from streams.runtime.settings import LocalStoreBroken

log = logging.getLogger(__name__)

_POSITION = b"p"
_STALE_AFTER_MS = 12 * 3_600_000
"""An older copy may have missed deletes that compaction has since forgotten (delete.retention.ms is a day).

One from before the machine was booted is dropped as well: its wall clock may have been set to anything.
"""

IndexEntries = Callable[[str, bytes], list[tuple[bytes, bytes]]]


class LocalStore:
    """RocksDB of one partition. Raises LocalStoreBroken for whatever RocksDB raises."""

    def __init__(self, path: Path, partition: int, options: Options, index_entries: IndexEntries) -> None:
        self.partition = partition
        self._path = path
        self._index_entries = index_entries
        self._logged, self._unlogged = WriteOptions(), WriteOptions()
        setattr(self._unlogged, "disable_wal", True)  # noqa: B010  its type stub calls the property a method
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._db = Rdict(str(path), options=options)
        except Exception as error:
            raise LocalStoreBroken(partition, error) from error
        try:
            self.position = self._read_position()
        except Exception as error:
            self.close()
            raise LocalStoreBroken(partition, error) from error

    def _read_position(self) -> int:
        raw = self._db.get(_POSITION)
        if raw is None:
            return 0
        saved = json.loads(raw)
        age = age_ms(Uptime(saved["boot"], saved["uptime_ms"]))
        return int(saved["position"]) if age is not None and age < _STALE_AFTER_MS else -1

    def fetch(self, row_key: str) -> bytes | None:
        """The committed row, or None."""
        try:
            return self._db.get(b"r" + row_key.encode())
        except Exception as error:
            raise LocalStoreBroken(self.partition, error) from error

    def find_index(self, index_key: bytes) -> bytes | None:
        """The index entry, or None."""
        try:
            return self._db.get(b"x" + index_key)
        except Exception as error:
            raise LocalStoreBroken(self.partition, error) from error

    def scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        """Committed rows whose key starts with `prefix`, in key order; those behind the key `after`, if it is given."""
        try:
            for key, row in scan_prefix(self._db, b"r" + prefix.encode(), b"r" + after.encode() if after else b""):
                yield key[1:].decode(), row
        except GeneratorExit:
            raise
        except Exception as error:
            raise LocalStoreBroken(self.partition, error) from error

    def write(self, rows: Iterable[tuple[str, bytes | None]], position: int) -> None:
        """Store committed rows (None deletes; the last value of a key counts) and the position that they reach."""
        self._write(rows, position, self._logged)

    def restore(self, rows: Iterable[tuple[str, bytes | None]], position: int) -> None:
        """As `write`, without RocksDB's log: after a kill the newest rows may be missing, and the position with them.

        When all are there, `restored` has to follow before the next `write`.
        """
        self._write(rows, position, self._unlogged)

    def restored(self) -> None:
        """Bring what was restored to disk: a write that is logged must not outlive one before it that was not."""
        try:
            self._db.flush()
        except Exception as error:
            raise LocalStoreBroken(self.partition, error) from error

    def _write(self, rows: Iterable[tuple[str, bytes | None]], position: int, how: WriteOptions) -> None:
        try:
            batch = WriteBatch(raw_mode=True)
            put, index_entries = batch.put, self._index_entries
            last = dict(rows)
            # Deletes first: an index entry that moved from a deleted row to another one in this batch must stay.
            for key in [key for key, value in last.items() if value is None]:
                row_key = b"r" + key.encode()
                self._drop_index(batch, key, row_key)
                batch.delete(row_key)
            for key, value in last.items():
                if value is not None:
                    put(b"r" + key.encode(), value)
                    for index_key, entry in index_entries(key, value):
                        put(b"x" + index_key, entry)
            now = uptime()
            put(_POSITION, json.dumps({"position": position, "boot": now.boot, "uptime_ms": now.ms}).encode())
            self._db.write(batch, how)
        except Exception as error:
            raise LocalStoreBroken(self.partition, error) from error
        self.position = position

    def _drop_index(self, batch: WriteBatch, key: str, row_key: bytes) -> None:
        """Index entries that still point at the row go with it."""
        old = self._db.get(row_key)
        if old is None:
            return
        for index_key, entry in self._index_entries(key, old):
            if self._db.get(b"x" + index_key) == entry:
                batch.delete(b"x" + index_key)

    def close(self) -> None:
        """Release the files, also of a damaged store. The rows stay for the next start. May be repeated."""
        try:
            self._db.close()
        except DbClosedError:
            return
        except Exception as error:  # noqa: BLE001  the files are released all the same; the next start restores them
            log.warning("closing the local store of partition %d: %s", self.partition, error)

    def drop(self) -> None:
        """Close and delete the files: the changelog has it all."""
        self.close()
        shutil.rmtree(self._path)


def open_store(path: Path, partition: int, options: Options, index_entries: IndexEntries) -> LocalStore:
    """Open a partition's store; one that is broken or too old is dropped first."""
    try:
        store = LocalStore(path, partition, options, index_entries)
    except LocalStoreBroken:
        shutil.rmtree(path, ignore_errors=True)
        return LocalStore(path, partition, options, index_entries)
    if store.position < 0:
        store.drop()
        store = LocalStore(path, partition, options, index_entries)
    return store
