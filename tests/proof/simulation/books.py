"""What each store has and may promise, worked out from the inputs in another way than the pool does.

Sales and stock reports as the fault test's oracle has them: nothing is corrected, what stands is summed up. Besides,
what left or came for orders and transfers.
"""

from collections import defaultdict
from typing import Any, NamedTuple

from tests.proof.faults.oracle import Oracle, _Movement, _Version
from tests.proof.faults.records import Record, ShelfKey

Fields = dict[str, Any]


class Passed(NamedTuple):
    """Goods that came or went otherwise than by a plain sale or a stock report."""

    occurred_at_ms: int
    delta_milli: int
    used_milli: int
    """By how much a fixed contribution is used up."""


class Books(Oracle):
    """The books of one pool, brought up to date record by record, in the order in which they were decided."""

    def __init__(self) -> None:
        super().__init__(1)
        self._told: defaultdict[ShelfKey, list[tuple[tuple[str, ...], _Version]]] = defaultdict(list)
        self._passed: defaultdict[ShelfKey, list[Passed]] = defaultdict(list)
        self._not_found: dict[ShelfKey, tuple[int, int]] = {}
        """Shelf → (when goods were last not found, how many since the last count)"""
        self.away: set[str] = set()
        """Stores that have left, or not joined yet."""
        self.touched: dict[ShelfKey, None] = {}
        """Shelves that changed, until whoever looks clears it."""

    def read(self, record: Record) -> Fields:
        """The event of a record; a setting is taken. Raises BadMessage."""
        return self._read(record)

    def take(self, record: Record, event: Fields) -> list[tuple[Fields, str]]:
        """A sale or stock report; gives its lines that must be set aside, and why."""
        before = self._standing.get(self._name(record, event))
        for move in before.movements if before is not None else ():
            self.touched[move.shelf] = None
        set_aside = self._take(record, event)
        version = self._standing.get(self._name(record, event))
        for move in version.movements if version is not None else ():
            told = self._told[move.shelf]
            if not any(one is version for _, one in told):
                told.append((self._name(record, event), version))
            self.touched[move.shelf] = None
        for shelf, (at_ms, _) in list(self._not_found.items()):
            if self._counts.get(shelf, (0, 0))[0] >= at_ms:
                del self._not_found[shelf]
        return set_aside

    def _name(self, record: Record, event: Fields) -> tuple[str, ...]:
        source = event["source"]
        return record.topic, event["pool"], event["store"], source["system"], source["id"]

    def _stand(self, version: _Version, event: Fields, line: Fields, shelf: ShelfKey, counted_milli: int) -> None:
        super()._stand(version, event, line, shelf, counted_milli)
        self.touched[shelf] = None
        if event.get("order_ref") is not None:  # the order's holds decide what of it moves: see `pass_`
            version.movements.pop()
            del version.moved[line["line_id"]]

    def pass_(self, shelf: ShelfKey, occurred_at_ms: int, delta_milli: int, used_milli: int) -> None:
        """Goods came or went for an order or a transfer."""
        self._passed[shelf].append(Passed(occurred_at_ms, delta_milli, used_milli))
        self.touched[shelf] = None

    def not_found(self, shelf: ShelfKey, occurred_at_ms: int, milli: int) -> None:
        """Goods were looked for in vain: they are not promised until a count looks again."""
        if occurred_at_ms > self._counts.get(shelf, (0, 0))[0]:
            at_ms, known_milli = self._not_found.get(shelf, (0, 0))
            self._not_found[shelf] = max(at_ms, occurred_at_ms), known_milli + milli
        self.touched[shelf] = None

    @property
    def shelves(self) -> list[ShelfKey]:
        """All shelves that goods were ever told of."""
        return sorted({*self._told, *self._passed, *self._counts})

    def _standing_on(self, shelf: ShelfKey) -> list[_Movement]:
        return [
            move
            for name, version in self._told[shelf]
            if self._standing.get(name) is version
            for move in version.movements
            if move.shelf == shelf
        ]

    def on_hand_milli(self, shelf: ShelfKey) -> int:
        as_of_ms, counted_milli = self._counts.get(shelf, (0, 0))
        moves = [(one.occurred_at_ms, one.delta_milli) for one in self._standing_on(shelf)]
        moves += [(one.occurred_at_ms, one.delta_milli) for one in self._passed[shelf]]
        return counted_milli + sum(milli for at_ms, milli in moves if at_ms > as_of_ms)

    def lent_milli(self, shelf: ShelfKey) -> int:
        """What the pool may promise at most: the smaller of the contribution and on hand less safety stock."""
        pool, sku, store = shelf
        common = self.store(pool, store)
        own = self._settings[pool].get((store, sku))
        if not common["open"] or store in self.away or (own is not None and not own["listed"]):
            return 0
        on_hand, lent = self.on_hand_milli(shelf) - self._not_found.get(shelf, (0, 0))[1], common["contribution"]
        if lent["kind"] == "share":
            most = on_hand * lent["value"] // 1000
        elif lent["kind"] == "cap":
            most = lent["value"]
        else:
            sold = -sum(one.delta_milli for one in self._standing_on(shelf) if one.is_sale)
            most = lent["value"] - max(0, sold + sum(one.used_milli for one in self._passed[shelf]))
        return min(most, on_hand - common["safety_stock_milli"])

    def store(self, pool: str, store: str) -> Fields:
        """A store's settings."""
        return self._settings[pool][store,]

    def stores(self, pool: str) -> list[str]:
        """The stores of a pool."""
        return [key[0] for key, row in self._settings[pool].items() if len(key) == 1 and "last_day" in row]

    def pool(self, pool: str) -> Fields:
        """The pool's own settings."""
        return self._settings[pool][()]

    def unit(self, pool: str, sku: str) -> str:
        return str(self._items[pool, sku]["unit"])
