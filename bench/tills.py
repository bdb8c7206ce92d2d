"""Tills that sell at a steady rate, whatever becomes of it, and the clock beside them."""

import threading
import time
from collections import defaultdict, deque
from types import TracebackType
from typing import Self

from confluent_kafka import Producer

from bench.cluster import Cluster
from bench.world import POOL, World, baskets, sale, sku, store_id, tick
from schemas.topics import POOL_TICKS, POS_SALES

ShelfName = tuple[str, str]
"""(store, SKU)"""
_TICK_EVERY_MS = 1_000


class Tills:
    """A thread that publishes sales of one line at a steady rate, and a tick each second.

    A line's recorded_at_ms is when it was due, so a line that goes out late counts as late: lines do not wait for
    the system that they measure.
    """

    def __init__(self, cluster: Cluster, world: World, lines_per_second: int) -> None:
        self.waiting: dict[ShelfName, deque[int]] = defaultdict(deque)
        """For each shelf, recorded_at_ms of the lines that nobody has answered yet; the reader takes them out."""
        self.sent = 0
        self._partition = cluster.partition
        self._world = world
        self._gap_s = 1 / lines_per_second
        self._producer = Producer({**cluster.options, "linger.ms": 5, "enable.idempotence": True})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sell, name="tills", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Sell no more; return when the broker has every line. May be repeated."""
        self._stop.set()
        self._thread.join()
        self._producer.flush()

    def _sell(self) -> None:
        produce, partition = self._producer.produce, self._partition
        due_s = time.time()
        tick_at_ms = int(due_s * 1000)
        seed = int(due_s)  # another start of the tills sells other receipts
        for store, sale_id, items in baskets(self._world, 1, seed):
            ahead_s = due_s - time.time()
            if self._stop.wait(ahead_s) if ahead_s > 0 else self._stop.is_set():
                return
            due_ms = int(due_s * 1000)
            if due_ms >= tick_at_ms:
                produce(POOL_TICKS.name, tick(due_ms), POOL, partition)
                tick_at_ms += _TICK_EVERY_MS
            self.waiting[store_id(store), sku(items[0])].append(due_ms)
            produce(POS_SALES.name, sale(store, sale_id, items, due_ms, due_ms), POOL, partition)
            self._producer.poll(0)
            self.sent += 1
            due_s += self._gap_s
