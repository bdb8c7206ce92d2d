"""The pool's silence after SIGKILL: until its worker is started again, or until another takes over."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer

from bench.cluster import Cluster, wait_until
from bench.errors import BenchError
from bench.figures import percentile
from bench.ledger import Ledger
from bench.tills import Tills
from messaging.journal import read_page
from schemas.topics import POOL_JOURNAL
from world.uniform import POOL, UniformPools, declarations, opening_stock

Tell = Callable[[str], None]
_GROUP = "restart"
_TIMEOUT_S = 120.0


def measure_restart(tries: int, lines_per_second: int, tell: Tell) -> dict[str, Any]:
    """Kill and time, `tries` times each way, while tills sell. Raises BenchError when nobody commits again."""
    world = UniformPools()
    with Cluster() as cluster, tempfile.TemporaryDirectory(prefix="shelf-bench-") as folder:
        cluster.publish(declarations(world))
        cluster.publish(opening_stock(world))
        bench = _Workers(cluster, Path(folder))
        try:
            with Tills(cluster, world, lines_per_second):
                own_s = [bench.kill_and_start_again() for _ in _counted(tries, "own restart", tell)]
                bench.start("ledger-2")
                takeover_s = [bench.kill_and_leave_it_to_the_peer() for _ in _counted(tries, "takeover", tell)]
        finally:
            bench.close()
    return {
        **_percentiles("restart", own_s),
        **_percentiles("takeover", takeover_s),
        "tries": tries,
        "lines_per_second": lines_per_second,
    }


def _counted(tries: int, what: str, tell: Tell) -> Iterator[int]:
    for number in range(1, tries + 1):
        tell(f"{what} {number} of {tries}")
        yield number


def _percentiles(name: str, seconds: list[float]) -> dict[str, float]:
    return {
        f"{name}_p50_s": round(percentile(seconds, 50), 2),
        f"{name}_p99_s": round(percentile(seconds, 99), 2),
        f"{name}_max_s": round(max(seconds), 2),
    }


class _Workers:
    """Ledger workers by name, and a reader of the journal."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._running: dict[str, Ledger] = {}
        self._journal: Consumer = cluster.follow(POOL_JOURNAL.name)
        self.start("ledger-1")

    def start(self, name: str) -> None:
        """Start a worker and wait until all of them hold partitions."""
        self._running[name] = Ledger(self._cluster, self._folder, _GROUP, name)
        for worker in self._running.values():
            worker.wait_ready()

    def close(self) -> None:
        for worker in self._running.values():
            worker.stop()
        self._journal.close()

    def kill_and_start_again(self) -> float:
        """Seconds from the kill of the worker that holds the pool, which starts again at once, to its commit."""
        name = self._holder()
        killed_at_s = self._kill(name)
        self._running[name] = Ledger(self._cluster, self._folder, _GROUP, name)
        committed_at_s = self._next_commit(killed_at_s)
        self._running[name].wait_ready()
        return committed_at_s - killed_at_s

    def kill_and_leave_it_to_the_peer(self) -> float:
        """Seconds from the kill of the worker that holds the pool to the commit of another, which takes it over."""
        name = self._holder()
        killed_at_s = self._kill(name)
        committed_at_s = self._next_commit(killed_at_s)
        self.start(name)
        return committed_at_s - killed_at_s

    def _holder(self) -> str:
        """The worker that holds the pool and has the tills' lines under way."""
        self._next_commit(time.time())
        held: list[str] = []

        def is_held() -> bool:
            held[:] = [name for name, worker in self._running.items() if worker.holds(POOL)]
            return len(held) == 1

        wait_until(is_held, "a worker to hold the pool")
        return held[0]

    def _kill(self, name: str) -> float:
        worker = self._running.pop(name)
        killed_at_s = time.time()
        worker.kill()
        return killed_at_s

    def _next_commit(self, since_s: float) -> float:
        """The time at which a reader had the first committed entry about a record that came after `since_s`.

        Only who came after the killed worker can have read such a record: an entry about an older one may be
        that worker's last commit.
        """
        deadline_s = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < deadline_s:
            message = self._journal.poll(0.1)
            if message is None or message.error() is not None:
                continue
            newest_ms = max(entry.appended_at_ms for entry in read_page(message.value()))
            if newest_ms > since_s * 1000:
                return time.time()
        raise BenchError(f"nothing was committed for {_TIMEOUT_S:.0f} s after a kill; no worker has the pool")
