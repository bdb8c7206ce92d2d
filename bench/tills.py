"""Tills that sell at a steady rate, whatever becomes of it, and the clock beside them."""

import time
from collections import defaultdict, deque

from bench.cluster import Cluster
from bench.steady import Steady
from world.uniform import UniformPools, baskets, sale, sku, store_id, tick

ShelfName = tuple[str, str]
"""(store, SKU)"""
_TICK_EVERY_MS = 1_000


class Tills(Steady):
    """A thread that publishes sales of one line at a steady rate, and each pool's tick each second.

    A line's recorded_at_ms is when it was due, so a line that goes out late counts as late: lines do not wait for
    the system that they measure.
    """

    def __init__(self, cluster: Cluster, world: UniformPools, lines_per_second: int) -> None:
        super().__init__(cluster, lines_per_second)
        self.waiting: dict[ShelfName, deque[int]] = defaultdict(deque)
        """For each shelf, recorded_at_ms of the lines that nobody has answered yet; the reader takes them out."""
        self.sent = 0
        self._world = world

    def _run(self) -> None:
        due_s = time.time()
        tick_at_ms = int(due_s * 1000)
        seed = int(due_s)  # another start of the tills sells other receipts
        for store, sale_id, items in baskets(self._world, 1, seed):
            if not self._is_due(due_s):
                return
            due_ms = int(due_s * 1000)
            if due_ms >= tick_at_ms:
                for pool in self._world.pool_names:
                    self._publish(tick(pool, due_ms))
                tick_at_ms += _TICK_EVERY_MS
            self.waiting[store_id(store), sku(items[0])].append(due_ms)
            self._publish(sale(self._world, store, sale_id, items, due_ms, due_ms))
            self._producer.poll(0)
            self.sent += 1
            due_s += self._gap_s
