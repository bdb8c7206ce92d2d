"""The goods that really stand on the shelves of all stores, and what the back office says about them.

Theft and breakage that nobody writes down take goods away unseen; a count finds out.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from world.assortment import Item
from world.baskets import Demand
from world.documents import DocumentLine

COUNT_CYCLE_DAYS = 28
"""Each shelf is counted once in so many days."""

_COVER_WEEKS = 1.5
_SAFETY_FACTOR = 1.6  # standard deviations of a week's demand
_FRESH_DAYS = 10
_WASTE_CHANCE = 0.02  # per fresh item and evening
_SHRINK_CHANCE = 0.002  # per shelf and day
_WASTE_REASONS = ("waste", "expiry", "expiry", "damage", "own_use")


class Stockroom:
    """Stock of every store, in thousandths of a unit. Arrays are [store, item]."""

    def __init__(self, rng: np.random.Generator, items: tuple[Item, ...], demand: Demand) -> None:
        self._rng = rng
        self._items = items
        self._listed = demand.listed
        self._pack_milli = np.array([item.pack_milli for item in items], dtype=np.int64)
        self._is_fresh = np.array([item.shelf_life_days <= _FRESH_DAYS for item in items])
        rates = demand.units_per_week
        wanted = (rates * _COVER_WEEKS + _SAFETY_FACTOR * np.sqrt(rates) + 1) * 1_000
        packs = np.ceil(wanted / self._pack_milli).astype(np.int64)
        self._order_up_to_milli = packs * self._pack_milli * self._listed
        self.on_hand_milli: NDArray[np.int64] = self._order_up_to_milli.copy()
        self.unseen_milli: NDArray[np.int64] = np.zeros_like(self.on_hand_milli)
        """Taken since the last count without a word to anybody; positive."""

    def take(self, store: int, item: int, wanted_milli: int) -> int:
        """Take up to `wanted_milli` off the shelf. Returns what was there to take: 0 is a sale lost."""
        taken = min(wanted_milli, int(self.on_hand_milli[store, item]))
        self.on_hand_milli[store, item] -= taken
        return taken

    def put(self, store: int, item: int, quantity_milli: int) -> None:
        self.on_hand_milli[store, item] += quantity_milli

    def opening(self, store: int) -> tuple[DocumentLine, ...]:
        """All that the store lists, as it stands now."""
        listed = np.flatnonzero(self._listed[store]).tolist()
        return self._lines((item, int(self.on_hand_milli[store, item]), "") for item in listed)

    def deliver(self, store: int) -> tuple[DocumentLine, ...]:
        """The wholesaler fills each shelf that is below half of its mark, in whole packs. Empty when none is."""
        mark, there = self._order_up_to_milli[store], self.on_hand_milli[store]
        packs = np.where(there * 2 < mark, (mark - there) // self._pack_milli, 0)
        came = packs * self._pack_milli
        self.on_hand_milli[store] += came
        return self._lines((item, int(came[item]), "") for item in np.flatnonzero(came).tolist())

    def throw_out(self, store: int) -> tuple[DocumentLine, ...]:
        """The evening's waste among the fresh goods; negative quantities with a reason."""
        spoiled = (self._rng.random(len(self._items)) < _WASTE_CHANCE) & self._is_fresh & self._listed[store]
        thrown = []
        for item in np.flatnonzero(spoiled).tolist():
            wanted_milli = int(self._rng.integers(1, 4)) * (1_000 if self._items[item].unit == "each" else 250)
            taken_milli = self.take(store, item, wanted_milli)
            if taken_milli:
                reason = _WASTE_REASONS[int(self._rng.integers(len(_WASTE_REASONS)))]
                thrown.append((item, -taken_milli, reason))
        return self._lines(iter(thrown))

    def shrink(self, store: int) -> None:
        """Goods go missing; nobody says so."""
        gone = (self._rng.random(len(self._items)) < _SHRINK_CHANCE) & self._listed[store]
        for item in np.flatnonzero(gone).tolist():
            self.unseen_milli[store, item] += self.take(store, item, 1_000)

    def count(self, store: int, day: int) -> tuple[DocumentLine, ...]:
        """Today's section of the shelves, counted."""
        section = [
            item for item in range(day % COUNT_CYCLE_DAYS, len(self._items), COUNT_CYCLE_DAYS)
            if self._listed[store, item]
        ]  # fmt: skip
        self.unseen_milli[store, section] = 0
        return self._lines((item, int(self.on_hand_milli[store, item]), "") for item in section)

    def _lines(self, rows: Iterator[tuple[int, int, str]]) -> tuple[DocumentLine, ...]:
        return tuple(
            DocumentLine(number, self._items[item].code, quantity_milli, self._items[item].unit, reason)
            for number, (item, quantity_milli, reason) in enumerate(rows, start=1)
        )
