"""The local index of remembered events: RocksDB's entries behind a Bloom filter.

Nearly every event is new, and the filter says so without asking RocksDB. It is filled from the pages when a
partition is opened, and made anew, four times as large, when it is full.
"""

from collections.abc import Callable
from struct import Struct

from rbloom import Bloom

PLACE = Struct("<QI")
"""Index entry: page, position in its facts."""
_FALSE_POSITIVES = 0.001
_FIRST_SIZE = 250_000

Keys = Callable[[], "list[bytes]"]


class SeenIndex:
    """`find_entry` reads a committed entry; `stored_keys` lists the keys of all of them."""

    def __init__(self, find_entry: Callable[[bytes], bytes | None], stored_keys: Keys) -> None:
        self._find_entry = find_entry
        self._stored_keys = stored_keys
        self._refill()

    def _refill(self) -> None:
        keys = self._stored_keys()
        self._room = max(_FIRST_SIZE, 4 * len(keys)) - len(keys)
        self._filter = Bloom(self._room + len(keys), _FALSE_POSITIVES)
        self._filter.update(keys)

    def find(self, pool: str, key: bytes) -> tuple[int, int] | None:
        entry_key = pool.encode() + key
        if entry_key not in self._filter:
            return None
        entry = self._find_entry(entry_key)
        return None if entry is None else PLACE.unpack(entry)

    def add(self, pool: str, key: bytes) -> None:
        self._filter.add(pool.encode() + key)
        self._room -= 1

    def committed(self) -> None:
        """Everything added is stored: the moment to make more room."""
        if self._room <= 0:
            self._refill()
