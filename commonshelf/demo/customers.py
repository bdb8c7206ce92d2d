"""The demo's customers: they order, and confirm what the pool promises them."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commonshelf.demo.errands import Errands
from commonshelf.demo.visits import WISHED_EACH, Visits
from messaging.clock import wall_clock_ms
from messaging.publisher import Publisher
from schemas.models.requests import OrderLine, OrderRequest, OrderRequestKind
from world.customers import Promises, Wishes, pickup_order

_ORIGIN = "demo"
_THINK_S = (0.2, 2.0)
_LACKED_EACH = 2
"""Every so manieth order is for something that the customer's store does not have."""


@dataclass(slots=True)
class OrderTally:
    """Counts of orders placed."""

    placed: int = 0
    lines: int = 0


class Customers:
    """Places orders and confirms what the pool promises.

    `promises` is read live: it says what a store's own customers would find there. visits: of those who wish a window;
    None where nobody does.
    """

    def __init__(
        self,
        pool: str,
        stores: Sequence[str],
        promises: Promises,
        publisher: Publisher,
        errands: Errands,
        visits: Visits | None,
        *,
        run: str,
        seed: int,
    ) -> None:
        self.tally = OrderTally()
        self._pool = pool
        self._stores = stores
        self._publisher = publisher
        self._run = run
        self._random = random.Random(seed)
        self._wishes = Wishes(self._random, promises)
        self._errands = errands
        self._visits = visits

    async def order(self, orders_per_second: float) -> None:
        """Place orders at this pace until cancelled."""
        while True:
            store = self._random.choice(self._stores)
            lines = self.choose(store)
            if lines:
                await self._place(store, lines)
            await asyncio.sleep(1 / orders_per_second)

    def choose(self, store: str) -> tuple[OrderLine, ...]:
        """The lines to order at a store: every other time something that it lacks and another has. May be empty."""
        return self._wishes.choose(store, lacks_first=self.tally.placed % _LACKED_EACH == 0)

    def take_event(self, event: Mapping[str, Any]) -> None:
        """The pool told something of an order: what is promised, its customer confirms."""
        if event["kind"] == "allocated" and event["order"].startswith(self._run):
            self._errands.start(self._confirm(event["order"]))

    async def _place(self, store: str, lines: tuple[OrderLine, ...]) -> None:
        tally = self.tally
        order = f"{self._run}-{tally.placed + 1}"
        tally.placed += 1
        tally.lines += len(lines)
        key = f"{order}-{OrderRequestKind.placed}"
        now_ms = wall_clock_ms()
        wish = None
        if self._visits is not None and tally.placed % WISHED_EACH == 0:
            wish = self._visits.wish(order, now_ms)
        request = pickup_order(self._pool, order, store, lines, now_ms, key=key, origin=_ORIGIN, wish=wish)
        await self._publisher.publish_acked([request])

    async def _confirm(self, order: str) -> None:
        await asyncio.sleep(self._random.uniform(*_THINK_S))
        kind = OrderRequestKind.confirmed
        request = OrderRequest(
            pool=self._pool, order=order, kind=kind, key=f"{order}-{kind}",
            recorded_at_ms=wall_clock_ms(), origin=_ORIGIN,
        )  # fmt: skip
        await self._publisher.publish_acked([request])
