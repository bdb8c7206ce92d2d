"""The demo's orders: customers, pickers, and who follows what becomes of it, on one stack."""

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from commonshelf.demo.consortium import Consortium
from commonshelf.demo.customers import Customers, OrderTally
from commonshelf.demo.errands import Errands
from commonshelf.demo.orders_watch import OrdersView, OrdersWatch, Row
from commonshelf.demo.pickers import Pickers
from commonshelf.demo.pickup_watch import PickupView, PickupWatch
from commonshelf.demo.visits import Visits
from messaging.client_options import quiet
from messaging.publisher import Publisher
from world.customers import Promises

_POLL_S = 0.05


class Orders:
    """Use as an async context; `open` it when the stores have opened, `stop` it when they close.

    left: is told what leaves a store with a customer: (store, SKU, thousandths). No orders at `per_second` 0.
    """

    def __init__(
        self,
        consortium: Consortium,
        promises: Promises,
        kafka_options: Mapping[str, str],
        partitions: int,
        left: Callable[[str, str, int], None],
        *,
        run: str,
        seed: int,
        per_second: float,
    ) -> None:
        pool = consortium.pool.id
        self._per_second = per_second
        self._errands = Errands()
        self._publisher = Publisher(quiet(kafka_options), partitions)
        self.visits = Visits(pool, self._publisher, seed=seed) if consortium.has_pickup else None
        """Of customers who collect by appointment."""
        self._customers = Customers(
            pool, consortium.ids, promises, self._publisher, self._errands, self.visits, run=f"order-{run}", seed=seed
        )
        self._pickers = Pickers(pool, self._publisher, self._errands, left, self.visits, seed=seed)
        self._loop = asyncio.get_running_loop()
        self._pickup_watch = PickupWatch(kafka_options, pool, partitions, self._here(self._take_appointment))
        self._watch = OrdersWatch(
            kafka_options, pool, partitions, self._here(self._customers.take_event), self._here(self._pickers.take_task)
        )
        self._ordering: asyncio.Task[None] | None = None

    @property
    def tally(self) -> OrderTally:
        return self._customers.tally

    @property
    def view(self) -> OrdersView:
        return self._watch.view

    @property
    def pickup(self) -> PickupView:
        return self._pickup_watch.view

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        await self._errands.close()
        await asyncio.to_thread(self._watch.close)
        await asyncio.to_thread(self._pickup_watch.close)
        await asyncio.to_thread(self._publisher.close)

    def open(self) -> None:
        """Customers begin to order."""
        if self._per_second and self._ordering is None:
            self._ordering = asyncio.create_task(self._customers.order(self._per_second))

    async def stop(self) -> None:
        """No more orders are placed. Raises what ended the placing."""
        ordering, self._ordering = self._ordering, None
        if ordering is not None:
            ordering.cancel()
            (outcome,) = await asyncio.gather(ordering, return_exceptions=True)
            if isinstance(outcome, Exception):
                raise outcome

    async def settle(self) -> None:
        """Return when every order that was placed has an answer. Raises what went wrong on the way."""
        while self.view.answered < self.tally.placed:
            self._errands.check()
            self._watch.check()
            self._pickup_watch.check()
            await asyncio.sleep(_POLL_S)

    def _take_appointment(self, row: Row) -> None:
        if self.visits is not None:
            self.visits.take_appointment(row)

    def _here(self, take: Callable[[Row], None]) -> Callable[[Row], None]:
        """`take` on this loop, from the watch's thread."""

        def hand_over(row: Row) -> None:
            self._loop.call_soon_threadsafe(take, row)

        return hand_over
