"""Indexes of a pool's orders. Made from their rows alone, whenever these are loaded."""

from collections import defaultdict
from typing import Final

from schemas.types.orders import OrderRow, QuotaKind, StoreLoad
from streams.pool.orders.holds import ENDED, TENTATIVE, held_on_shelves, open_milli, working_stores
from streams.pool.state.agenda import Work
from streams.pool.state.forgetting import Forgettable
from streams.pool.state.groups import Group, regroup
from streams.pool.state.part import Part, Pool

ORDER: Final = "order"
QuotaKey = tuple[str, QuotaKind, str]
"""(sku, what is counted, the store or the customer)"""
UNPLACED: Work[str, None] = Work("unplaced")
"""Orders with goods that nobody holds and nobody has left unfilled: they are allocated anew at once."""


class OrderIndex:
    """Indexes of the orders of one pool."""

    def __init__(self, state: Pool) -> None:
        self.alarms = state.alarms
        """Orders whose holds expire."""
        self._agenda = state.agenda
        self.forgettable = Forgettable()
        """Ended orders, by when they leave the state."""
        self.holding: Group[tuple[str, str]] = defaultdict(dict)
        """(sku, store) → orders that hold goods there."""
        self.at_store: Group[str] = defaultdict(dict)
        """Store → orders that it works on."""
        self.loads: dict[str, StoreLoad] = {}
        """Store → what it was given on the last day that it was given anything."""
        self.quota_counts: dict[QuotaKey, int] = {}
        """What counts toward the quotas of items."""

    def given_on(self, store: str, day: int) -> int:
        """Orders that the store was given on `day`."""
        load = self.loads.get(store)
        return load["given"] if load is not None and load["day"] == day else 0

    def put(self, before: OrderRow | None, order: OrderRow) -> None:
        """Take note of an order's new row."""
        name, has_ended = order["order"], order["status"] == ENDED
        regroup(self.holding, held_on_shelves(before), held_on_shelves(order), name)
        regroup(self.at_store, working_stores(before), working_stores(order), name)
        if has_ended or not open_milli(order):
            self._agenda[UNPLACED].pop(name, None)
        else:
            self._agenda[UNPLACED][name] = None
        self.alarms.set((ORDER, name), order["expires_at_ms"] if order["status"] == TENTATIVE else None)
        if has_ended:
            told_at_ms = max(order["told_at_ms"], order["ended_at_ms"])
            self.forgettable.set((ORDER, name), order["forget_at_ms"], told_at_ms)
        else:
            self.forgettable.clear((ORDER, name))

    def remove(self, order: OrderRow) -> None:
        """The order leaves the state."""
        name = order["order"]
        regroup(self.holding, held_on_shelves(order), {}, name)
        regroup(self.at_store, working_stores(order), (), name)
        self._agenda[UNPLACED].pop(name, None)
        self.alarms.set((ORDER, name), None)
        self.forgettable.clear((ORDER, name))


ORDERS = Part(OrderIndex)
"""The orders' indexes of a pool."""
