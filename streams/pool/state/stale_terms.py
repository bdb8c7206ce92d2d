"""Terms that changed: shelves did not, but what they can promise must be published anew, some with each batch.

A store may have very many shelves. They are told in the order of their keys, so many a batch; how far that has come is
a row of the state, which goes with the batch. It says what readers are owed, and decides nothing.
"""

from schemas.types.state import StaleStore, StaleTermsRow
from streams.pool.state.shelf import ShelfKey
from streams.runtime.contract import Scan

TOLD_MAX = 4_096
"""Shelves that one batch tells at most; those of one item are not divided."""
LOOKED_AT_MAX = 65_536
"""Shelves that one batch looks at for some of a store."""
ITEMS_MAX = 1_000
"""When more items changed, all shelves of the pool are told."""
_ALL = ""
"""In the place of a store: all of them."""


def shelf_of_row(row_key: str) -> ShelfKey:
    """The shelf whose row has that key."""
    pool, rest = row_key.removeprefix("shelf/").split("/", 1)
    sku, store = rest.rsplit("/", 1)
    return pool, sku, store


class StaleTerms:
    """Terms of one pool whose change is not told of every shelf. Unlike the agenda it outlives inputs and batches."""

    def __init__(self, row: StaleTermsRow | None) -> None:
        self.is_stored = row is not None
        """Whether the state has a row of it."""
        self._skus = dict.fromkeys(row["skus"] if row is not None else ())
        self._ends = {one["store"]: one["ends"] for one in row["stores"]} if row is not None else {}
        """Store → how often the end of the shelves must be reached until all of it were seen."""
        self._after = row["after"] if row is not None else ""
        """Row key of the last shelf that was looked at."""

    def add(self, sku: str | None, store: str | None) -> None:
        """Terms of an item in a store changed; None stands for all."""
        if sku is None:
            self._add_store(_ALL if store is None else store)
        elif _ALL not in self._ends:
            self._skus[sku] = None
            if len(self._skus) > ITEMS_MAX:
                self._skus.clear()
                self._add_store(_ALL)
        else:
            self._add_store(_ALL)

    def _add_store(self, store: str) -> None:
        self._ends[store] = 2 if self._after else 1

    def __bool__(self) -> bool:
        return bool(self._skus or self._ends)

    def next(self, pool: str, scan: Scan) -> list[ShelfKey]:
        """The shelves to tell with this batch. `scan` finds those that are committed."""
        told: list[ShelfKey] = []
        while self._skus and len(told) < TOLD_MAX:
            sku = next(iter(self._skus))
            del self._skus[sku]
            shelves = (shelf_of_row(row_key) for row_key, _ in scan(f"shelf/{pool}/{sku}/"))
            told += [shelf for shelf in shelves if shelf[1] == sku]
        looked_at = 0
        while self._ends and len(told) < TOLD_MAX and looked_at < LOOKED_AT_MAX:
            for row_key, _ in scan(f"shelf/{pool}/", self._after):
                looked_at += 1
                self._after = row_key
                shelf = shelf_of_row(row_key)
                if _ALL in self._ends or shelf[2] in self._ends:
                    told.append(shelf)
                if len(told) >= TOLD_MAX or looked_at >= LOOKED_AT_MAX:
                    break
            else:
                self._after = ""
                self._ends = {store: ends - 1 for store, ends in self._ends.items() if ends > 1}
        if not self._ends:
            self._after = ""
        return told

    def row(self) -> StaleTermsRow | None:
        """What is left to tell; None for nothing."""
        if not self:
            return None
        stores: list[StaleStore] = [{"store": store, "ends": ends} for store, ends in self._ends.items()]
        return {"skus": list(self._skus), "stores": stores, "after": self._after}
