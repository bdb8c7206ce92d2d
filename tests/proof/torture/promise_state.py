"""Shelves, orders and holds of one pool, as a state that is hashed and never changed in place."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

UNIT_MILLI = 1_000
REROUTES_MAX = 5
STORES_MAX = 3
Shelf = tuple[str, str]
"""SKU, store."""
Place = tuple[str, str, str, str]
"""Line, SKU, store, and how it is held there."""
Amounts = tuple[tuple[Place, int], ...]
_KEPT = ("tentative", "confirmed", "picked")


class Told(NamedTuple):
    """What state.reroutes said of an order. `given_up` is by line."""

    kind: str
    reason: str = ""
    status: str = ""
    holds: Amounts = ()
    given_up: tuple[tuple[str, int], ...] = ()


class Act(NamedTuple):
    """What was asked, reported or rung up, or came about by itself; `told` is None when nobody heard of it.

    Kinds: placed, confirmed, cancelled; picked, short, collected (reports); sold, received (shelves); broken, rerouted,
    unfilled, expired (by themselves). `lines` are (line, SKU, thousandths); of a short pick what is missing. Requests
    have a key.
    """

    kind: str
    order: str = ""
    key: str = ""
    lines: tuple[tuple[str, str, int], ...] = ()
    store: str = ""
    reason: str = ""
    is_all_or_nothing: bool = False
    told: Told | None = None


class Order(NamedTuple):
    """`taken` are the keys of the requests that changed it; `barred` the stores that a line never goes back to; `steps`
    counts what was told of it so far."""

    status: str
    lines: tuple[tuple[str, str, int], ...] = ()
    holds: Amounts = ()
    given_up: tuple[tuple[str, int], ...] = ()
    barred: frozenset[tuple[str, str]] = frozenset()
    reroutes: int = 0
    is_all_or_nothing: bool = False
    is_expired: bool = False
    steps: int = 0
    taken: frozenset[str] = frozenset()

    def at(self, store: str, state: str) -> dict[Place, int]:
        return {place: milli for place, milli in self.holds if place[2:] == (store, state)}

    def open(self) -> dict[str, int]:
        """Line → what is wanted and neither held, handed over nor given up."""
        left = {line: milli for line, _, milli in self.lines}
        for (line, *_), milli in self.holds:
            left[line] -= milli
        for line, milli in self.given_up:
            left[line] -= milli
        return {line: milli for line, milli in left.items() if milli}


def amounts(of: Mapping[Place, int]) -> Amounts:
    return tuple(sorted((place, milli) for place, milli in of.items() if milli))


class State:
    """Shelves and orders, with their sums. Never changed in place."""

    __slots__ = ("_hash", "held", "not_found", "on_hand", "orders", "picked", "waiting")

    def __init__(self, on_hand: Mapping[Shelf, int]) -> None:
        self.on_hand = dict(on_hand)
        self.not_found: dict[Shelf, int] = {}
        """What of it was looked for in vain: it is promised to nobody. Nobody counts here."""
        self.orders: dict[str, Order] = {}
        self.held: dict[Shelf, int] = {}
        self.picked: dict[Shelf, int] = {}
        self.waiting: frozenset[str] = frozenset()
        """Orders whose goods are to be found anew before anything else happens."""
        self._hash = hash(frozenset(on_hand.items()))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and (self.on_hand, self.not_found, self.orders) == (
            other.on_hand, other.not_found, other.orders,
        )  # fmt: skip

    def with_order(self, name: str, order: Order, moved: Mapping[Shelf, int] | None = None) -> "State":
        """Ends the order when nothing is kept for it and nothing more is wanted. `moved` changes what is on hand."""
        is_open = order.status != "ended" and bool(order.open())
        if not is_open and not any(place[3] in _KEPT for place, _ in order.holds):
            order = order._replace(status="ended", lines=(), barred=frozenset(), reroutes=0)
        after = self.moved(moved or {})
        before = after.orders.get(name)
        after.orders = {**after.orders, name: order}
        after.held, after.picked = dict(after.held), dict(after.picked)
        for sign, one in ((-1, before), (1, order)):
            if one is not None:
                after._hash ^= hash((name, one))
                after._count(sign, one)
        after.waiting = self.waiting | {name} if is_open else self.waiting - {name}
        return after

    def moved(self, change: Mapping[Shelf, int]) -> "State":
        after: State = State.__new__(State)
        after.on_hand, after.orders, after.held = self.on_hand, self.orders, self.held
        after.not_found = self.not_found
        after.picked, after.waiting, after._hash = self.picked, self.waiting, self._hash
        if change:
            after.on_hand = dict(self.on_hand)
            for shelf, milli in change.items():
                before = after.on_hand[shelf]
                after.on_hand[shelf] = before + milli
                after._hash ^= hash((shelf, before)) ^ hash((shelf, before + milli))
        return after

    def missed(self, shelf: Shelf, milli: int) -> "State":
        """So much of the shelf was looked for in vain."""
        after = self.moved({})
        if milli:
            before = self.not_found.get(shelf, 0)
            after.not_found = {**self.not_found, shelf: before + milli}
            after._hash ^= hash(("not found", shelf, before)) ^ hash(("not found", shelf, before + milli))
        return after

    def with_step(self, name: str, steps_all: int) -> "State":
        """One more step of the order is done. When it has ended and nothing more is told of it, it is forgotten."""
        order = self.orders.get(name)
        if order is None:
            return self
        after = self.moved({})
        after._hash ^= hash((name, order))
        if order.status == "ended" and order.steps + 1 >= steps_all > 0:
            after.orders = {other: one for other, one in self.orders.items() if other != name}
        else:
            stepped = order._replace(steps=order.steps + 1)
            after.orders = {**self.orders, name: stepped}
            after._hash ^= hash((name, stepped))
        return after

    def _count(self, sign: int, order: Order) -> None:
        for (_, sku, store, how), milli in order.holds:
            shelf = sku, store
            if how in _KEPT:
                self.held[shelf] = self.held.get(shelf, 0) + sign * milli
            if how == "picked":
                self.picked[shelf] = self.picked.get(shelf, 0) + sign * milli

    def over(self, shelf: Shelf) -> int:
        """What is held beyond what is there, in whole units; picked goods lie apart."""
        missing = self.held.get(shelf, 0) - max(self.on_hand.get(shelf, 0), self.picked.get(shelf, 0))
        return max(0, -(-missing // UNIT_MILLI) * UNIT_MILLI)

    def is_strained(self) -> bool:
        return any(self.over(shelf) for shelf in self.held)

    def free(self, shelf: Shelf) -> int:
        there = self.on_hand.get(shelf, 0) - self.not_found.get(shelf, 0)
        return max(0, there - self.held.get(shelf, 0))

    def offers(self, order: Order) -> dict[str, dict[str, int]]:
        """Store → line → what it could give of what is open."""
        skus = {line: sku for line, sku, _ in order.lines}
        offers: dict[str, dict[str, int]] = defaultdict(dict)
        for line, wanted in order.open().items():
            for sku, store in self.on_hand:
                if sku == skus[line] and (line, store) not in order.barred:
                    offers[store][line] = min(self.free((sku, store)), wanted)
        return offers

    def best(self, order: Order) -> int:
        """The most that the stores which the order may still use can give of what is open."""
        offers, wanted = self.offers(order), order.open()
        used = {place[2] for place, _ in order.holds}
        stores = sorted(offers if len(used) < STORES_MAX else used & set(offers))
        size = min(max(1, STORES_MAX - len(used)), len(stores))
        given = (
            sum(min(milli, sum(offers[store].get(line, 0) for store in some)) for line, milli in wanted.items())
            for some in combinations(stores, size)
        )
        return max(given) if stores else 0
