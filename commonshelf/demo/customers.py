"""Customers who order from their store's shelves and from what it does not have."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commonshelf.demo.errands import Errands
from commonshelf.demo.ledger_watch import Shelf
from messaging.publisher import Publisher
from schemas.models.requests import OrderLine, OrderMode, OrderRequest, OrderRequestKind, OrderTerms

_ORIGIN = "demo"
_DEADLINE_MS = 4 * 3_600_000
_THINK_S = (0.2, 2.0)
_LINES_MAX = 3
_LOOKS = 60
"""How many items a customer looks at before giving up for now."""
_LACKED_EACH = 2
"""Every so manieth order is for something that the customer's store does not have."""

Shelves = Mapping[str, Mapping[str, Shelf]]
"""What the pool can promise, by SKU and store."""


@dataclass(slots=True)
class OrderTally:
    """What was ordered."""

    placed: int = 0
    lines: int = 0
    lines_at_preferred: int = 0
    """Of these, lines that the preferred store could have filled alone when they were ordered."""


class Customers:
    """Places orders and confirms what the pool promises.

    `shelves` is read live: it says what a store's own customers would find there.
    """

    def __init__(
        self,
        pool: str,
        stores: Sequence[str],
        shelves: Shelves,
        publisher: Publisher,
        errands: Errands,
        *,
        run: str,
        seed: int,
    ) -> None:
        self.tally = OrderTally()
        self._pool = pool
        self._stores = stores
        self._shelves = shelves
        self._publisher = publisher
        self._run = run
        self._random = random.Random(seed)
        self._errands = errands

    async def order(self, orders_per_second: float) -> None:
        """Place orders at this pace until cancelled."""
        while True:
            lines = self.choose(self._random.choice(self._stores))
            if lines is not None:
                await self._place(*lines)
            await asyncio.sleep(1 / orders_per_second)

    def choose(self, store: str) -> tuple[str, tuple[OrderLine, ...]] | None:
        """(the store, what to order there): half of the time something that it lacks and another has. None: nothing."""
        lacks_first = self.tally.placed % _LACKED_EACH == 0
        lines: list[OrderLine] = []
        skus = list(self._shelves)
        for sku in self._random.sample(skus, min(_LOOKS, len(skus))):
            if len(lines) == _LINES_MAX:
                break
            quantity_milli = self._quantity_milli(sku)
            is_here = self._available_milli(sku, store) >= quantity_milli
            wants_lacked = lacks_first and not lines
            if is_here == wants_lacked or (wants_lacked and not self._is_elsewhere(sku, quantity_milli)):
                continue
            lines.append(OrderLine(line_id=str(len(lines) + 1), sku=sku, quantity_milli=quantity_milli))
            if not wants_lacked and self._random.random() < 0.5:
                break
        return (store, tuple(lines)) if lines else None

    def take_event(self, event: Mapping[str, Any]) -> None:
        """The pool told something of an order: what is promised, its customer confirms."""
        if event["kind"] == "allocated" and event["order"].startswith(self._run):
            self._errands.start(self._confirm(event["order"]))

    async def _place(self, store: str, lines: tuple[OrderLine, ...]) -> None:
        tally, now_ms = self.tally, _now_ms()
        at_preferred = sum(self._available_milli(line.sku, store) >= line.quantity_milli for line in lines)
        order = f"{self._run}-{tally.placed + 1}"
        terms = OrderTerms(mode=OrderMode.pickup, preferred_store=store, deadline_ms=now_ms + _DEADLINE_MS, lines=lines)
        tally.placed += 1
        tally.lines += len(lines)
        tally.lines_at_preferred += at_preferred
        await self._ask(order, OrderRequestKind.placed, terms)

    async def _confirm(self, order: str) -> None:
        await asyncio.sleep(self._random.uniform(*_THINK_S))
        await self._ask(order, OrderRequestKind.confirmed, None)

    async def _ask(self, order: str, kind: OrderRequestKind, terms: OrderTerms | None) -> None:
        request = OrderRequest(
            pool=self._pool, order=order, kind=kind, key=f"{order}-{kind}", recorded_at_ms=_now_ms(), origin=_ORIGIN,
            terms=terms,
        )  # fmt: skip
        await self._publisher.publish_acked([request])

    def _quantity_milli(self, sku: str) -> int:
        is_whole = any(shelf.unit == "each" for shelf in list(self._shelves[sku].values()))
        return 1000 * self._random.randint(1, 2) if is_whole else 50 * self._random.randint(4, 20)

    def _available_milli(self, sku: str, store: str) -> int:
        shelf = self._shelves[sku].get(store)
        return 0 if shelf is None else shelf.available_milli

    def _is_elsewhere(self, sku: str, quantity_milli: int) -> bool:
        return any(shelf.available_milli >= quantity_milli for shelf in list(self._shelves[sku].values()))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
