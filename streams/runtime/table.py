"""A table of a partition's state: decoded rows in memory, the rest behind `fetch`, changes collected for the commit."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
R = TypeVar("R")

Fetch = Callable[[str], bytes | None]


class Table(Generic[K, R]):
    """Rows by key. `row_key` names the row in the changelog and in the local store.

    Rows are mutable and owned by the table: whoever changes one calls `put` with it before the batch ends.
    """

    def __init__(
        self,
        row_key: Callable[[K], str],
        encode: Callable[[R], bytes],
        decode: Callable[[bytes], R],
        fetch: Fetch,
        cached_rows_max: int = 50_000,
    ) -> None:
        self._row_key = row_key
        self._encode = encode
        self.decode = decode
        """The row from its bytes."""
        self._fetch = fetch
        self.cached_rows_max = cached_rows_max
        self.cache: dict[K, R] = {}
        """Rows in memory, for loops that cannot afford a call a row; `get` finds the rest."""
        self.changed: dict[K, R | None] = {}
        """Rows put or deleted (None) since the last `drain`."""
        self._drained: dict[K, R | None] = {}
        """Rows of the last `drain`: not behind `fetch` before `committed`."""

    def get(self, key: K) -> R | None:
        """The row, or None."""
        row = self.cache.get(key)
        if row is None:
            if self.changed and key in self.changed:
                return self.changed[key]
            if key in self._drained:
                drained = self._drained[key]
                if drained is not None:
                    self.cache[key] = drained
                return drained
            raw = self._fetch(self._row_key(key))
            if raw is None:
                return None
            row = self.cache[key] = self.decode(raw)
        return row

    def put(self, key: K, row: R) -> None:
        """Write the row."""
        self.cache[key] = row
        self.changed[key] = row

    def delete(self, key: K) -> None:
        """Remove the row."""
        self.cache.pop(key, None)
        self.changed[key] = None

    def drain(self) -> Iterator[tuple[str, bytes | None]]:
        """Each changed row once, encoded in its last value; None for a deleted one. Ends the batch.

        The batch before it must have been `committed`.
        """
        row_key, encode = self._row_key, self._encode
        for key, row in self.changed.items():
            yield row_key(key), None if row is None else encode(row)
        self._drained, self.changed = self.changed, {}
        if len(self.cache) > self.cached_rows_max:
            self._evict()

    def committed(self) -> None:
        """What was drained is behind `fetch` now."""
        self._drained = {}

    def _evict(self) -> None:
        """Forget the half that was first cached; the rest finds them."""
        for key in list(self.cache)[: len(self.cache) // 2]:
            del self.cache[key]
