"""The local index of remembered events: RocksDB's entries behind a Bloom filter.

Nearly every event is new, and the filter says so without asking RocksDB. It is filled from the pages when a
partition is opened, and made anew, four times as large, when it is full.
"""

from collections.abc import Callable, Iterable
from struct import Struct

from rbloom import Bloom

PLACE = Struct("<QI")
"""Index entry: page, position in its facts."""
_FALSE_POSITIVES = 0.001
_FIRST_SIZE = 250_000

Keys = Callable[[], "list[bytes]"]


class FilteredIndex:
    """`find_entry` reads a committed entry; `known_keys` lists the keys of all entries, uncommitted ones too."""

    def __init__(self, find_entry: Callable[[bytes], bytes | None], known_keys: Keys) -> None:
        self._find_entry = find_entry
        self._known_keys = known_keys
        self._refill()

    def _refill(self) -> None:
        keys = self._known_keys()
        self._room = max(_FIRST_SIZE, 4 * len(keys)) - len(keys)
        self._filter = Bloom(self._room + len(keys), _FALSE_POSITIVES)
        self._filter.update(keys)

    def find(self, entry_key: bytes) -> tuple[int, int] | None:
        if entry_key not in self._filter:
            return None
        entry = self._find_entry(entry_key)
        return None if entry is None else PLACE.unpack(entry)

    def known(self, entry_keys: Iterable[bytes]) -> list[bytes]:
        """Those of them that are entries."""
        return [key for key in entry_keys if key in self._filter and self._find_entry(key) is not None]

    def add(self, entry_keys: list[bytes]) -> None:
        self._filter.update(entry_keys)
        self._room -= len(entry_keys)

    def committed(self) -> None:
        """A batch is stored: the moment to make more room."""
        if self._room <= 0:
            self._refill()
