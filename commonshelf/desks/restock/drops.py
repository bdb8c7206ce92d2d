"""A limited edition that is being sold: its quota, what each store has sold and has left, and what is still to come."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from commonshelf.config.publishing import current
from commonshelf.desks.onboarding import config_changes
from commonshelf.desks.restock.sales import sold_milli
from commonshelf.stack.connection import Connection
from messaging.errors import UserError
from schemas.models.config import ItemQuota
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, POOL_AVAILABILITY
from streams.pool.journal.movements import Movement
from streams.restock.decision.drops import remaining
from streams.restock.forecast.distribution import Demand, survival
from streams.restock.forecast.portable import Floats


class NoDropError(UserError):
    """The item is no drop, or what is needed of it is not known."""


class Standing(NamedTuple):
    """A store in the midst of a drop, in whole units."""

    store: str
    quota: int | None
    """None: the store has no limit of its own."""
    sold: int
    on_hand: int
    expected: float
    """Units expected to be wanted in what is left of it."""
    chances: Floats
    """Chance that at least k units are wanted in what is left of it."""


class Drop(NamedTuple):
    """A limited edition in its window."""

    sku: str
    from_ms: int
    until_ms: int
    margin_minor: int
    """Gained by a unit that is sold."""
    quotas: dict[str, int]
    """Store → thousandths that it may give."""
    on_hand: dict[str, int]
    """Store → thousandths."""

    def standing(self, sales: Iterable[Movement], stores: Sequence[str], demand: Demand, now_ms: int) -> list[Standing]:
        """Each store as it stands. demand: of each store over the whole window, as it was expected before."""
        sold = Counter[str]()
        for one in sales:
            if one.sku == self.sku and self.from_ms <= one.occurred_at_ms < self.until_ms:
                sold[one.store] += sold_milli(one)
        units = np.array([sold[store] // 1000 for store in stores], np.int64)
        passed = min(max((now_ms - self.from_ms) / (self.until_ms - self.from_ms), 0.0), 1.0)
        rest = remaining(demand, units, np.full(len(stores), passed))
        there = [max(self.on_hand.get(store, 0), 0) // 1000 for store in stores]
        chances = survival(rest, max(sum(there), 1))
        return [
            Standing(
                store, None if store not in self.quotas else self.quotas[store] // 1000, int(units[number]),
                there[number], float(rest.mean[number]), chances[number],
            )
            for number, store in enumerate(stores)
        ]  # fmt: skip


def standing_drop(connection: Connection, pool: str, sku: str) -> Drop:
    """The drop that an item's quota makes of it. Raises NoDropError."""
    quotas = [one.change for one in config_changes(connection) if one.pool == pool]
    quota = next((one for one in quotas if isinstance(one, ItemQuota) and one.sku == sku), None)
    if quota is None:
        raise NoDropError(
            f"{sku} has no quota in pool {pool}; `./shelf restock drop split {pool} {sku} UNITS --set` sets it"
        )
    home = [partition_of(pool, connection.settings.partitions)]
    items = [one for one in current(connection.kafka_options, CATALOG_ITEMS.name, home) if one["pool"] == pool]
    item = next(one for one in items if one["sku"] == sku)
    if item["price_minor"] is None or item["cost_minor"] is None:
        raise NoDropError(f"the product master has no price or no cost of {sku}: what a move gains is not known")
    rows = [one for one in current(connection.kafka_options, POOL_AVAILABILITY.name, home) if one["pool"] == pool]
    return Drop(
        sku, quota.from_ms, quota.until_ms, max(item["price_minor"] - item["cost_minor"], 0),
        {one.store: one.limit_milli for one in quota.stores},
        {row["store"]: row["on_hand_milli"] - row["held_milli"] for row in rows if row["sku"] == sku},
    )  # fmt: skip
