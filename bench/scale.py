"""More workers over many pools: what all of them take in, and how long each pool stands still while pools move."""

import os
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypedDict

from confluent_kafka import Producer

from bench.audit import audit, fail_on, numbered_entries
from bench.child import BenchProcess
from bench.cluster import Cluster, wait_until
from bench.figures import percentile, span_of
from bench.ledger import Ledger
from bench.runs import batch_records, commit_marks, make_sales
from bench.tills import Tills
from messaging.client_options import producer_options
from messaging.journal import read_page
from messaging.log_reader import is_record
from schemas.topics import POOL_JOURNAL, POS_SALES, POS_STOCK
from world.uniform import Published, UniformPools, declarations, opening_stock

Tell = Callable[[str], None]
_GROUP = "scale"
_SETTLED_S = 3.0
"""Of steady selling before a worker comes or goes, and behind that."""
_LOOK_S = 0.05
_TIMEOUT_S = 120.0
_AT_ONCE = {"transactional.id": "scale", "transaction.timeout.ms": 60_000, "linger.ms": 20, "batch.size": 1 << 18}


class ScaleLoad(NamedTuple):
    """The sizes of the bench."""

    pools: int
    lines: int
    """That wait for the workers."""
    lines_per_second: int
    """That are sold while workers come and go."""

    @property
    def world(self) -> UniformPools:
        return UniformPools(stores=2 * self.pools, items=20, pools=self.pools)


class Point(TypedDict):
    """So many workers."""

    workers: int
    lines_s: int
    cpu_s_per_million_lines: float
    """Of all workers."""
    model_lines_s: int


class Move(TypedDict):
    """The time that pools stood still when a worker came or went: the longest that a record of theirs has waited, s."""

    p50_s: float
    max_s: float
    others_max_s: float
    """Of the pools that stayed where they were: these wait for the group, too."""
    by_pool_s: dict[str, float]


class Moves(TypedDict):
    """A second worker's coming and going."""

    added: Move
    removed: Move
    pools_moved: int
    lines_sold_meanwhile: int


class Scale(Moves):
    """All figures."""

    points: list[Point]
    cpus: int
    pools: int


def measure_scale(load: ScaleLoad, workers: Sequence[int], tell: Tell) -> Scale:
    """The rate with each number of workers, and what a move costs. Raises BenchError for a line lost or repeated."""
    points: list[Point] = []
    for count in workers:
        lines_s, cpu_s = _measure_rate(load, count)
        first_cpu_s = points[0]["cpu_s_per_million_lines"] if points else cpu_s
        points.append(
            {
                "workers": count,
                "lines_s": lines_s,
                "cpu_s_per_million_lines": cpu_s,
                "model_lines_s": _model_lines_s(count, first_cpu_s),
            }
        )
        tell(", ".join(f"{name} {figure:,}" for name, figure in points[-1].items()))
    return {"points": points, "cpus": _cores(), "pools": load.pools, **_measure_moves(load, tell)}


def _model_lines_s(workers: int, cpu_s_per_million_lines: float) -> int:
    """What docs/capacity.md predicts: workers share nothing, and each takes a line's processor time on its own core.

    The broker and the rest of the machine are not in it.
    """
    return round(min(workers, _cores()) * 1e6 / cpu_s_per_million_lines)


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _measure_rate(load: ScaleLoad, workers: int) -> tuple[int, float]:
    """Lines a second of all workers together, and their CPU time for a million lines."""
    world = load.world
    sales = make_sales(world, load.lines, 1)
    with Cluster(world.pool_names) as cluster, tempfile.TemporaryDirectory(prefix="shelf-bench-") as name:
        reports = _open(cluster, world)
        with Ledger(cluster, Path(name), _GROUP) as ledger:
            cluster.wait_committed(_GROUP, POS_STOCK.name, reports, ledger.check)
        with ExitStack() as running:
            # Small enough that every partition takes several.
            size = batch_records(load.lines // len(cluster.places))
            crew = [
                running.enter_context(Ledger(cluster, Path(name), _GROUP, f"ledger-{number}", batch_records=size))
                for number in range(1, workers + 1)
            ]
            for one in crew:
                one.wait_ready()
            published = _publish_at_once(cluster, sales.records)
            cluster.wait_committed(_GROUP, POS_SALES.name, published, lambda: _check(crew))
            for one in crew:
                one.wait_sampled()
            span = span_of(commit_marks(cluster, _GROUP, 1), load.lines)
            cpu_s = sum(span.cpu_s_per_million_lines(one.samples) for one in crew)
        audit(cluster, sales.expected)
    return round(span.lines_s), round(cpu_s, 2)


def _open(cluster: Cluster, world: UniformPools) -> int:
    """Declare the pools and what their shelves hold. How many reports that takes."""
    cluster.publish(declarations(world))
    return cluster.publish(opening_stock(world))


def _publish_at_once(cluster: Cluster, records: Sequence[Published]) -> int:
    """Write the records so that all of them can be read at the same moment. How many there are."""
    producer = Producer(producer_options(cluster.options) | _AT_ONCE)
    producer.init_transactions(_TIMEOUT_S)
    producer.begin_transaction()
    for topic, key, value in records:
        while True:
            try:
                producer.produce(topic, value, key, cluster.partition_of(key))
                break
            except BufferError:
                producer.poll(0.1)
    producer.commit_transaction(_TIMEOUT_S)
    return len(records)


def _check(crew: Sequence[BenchProcess]) -> None:
    for one in crew:
        one.check()


def _measure_moves(load: ScaleLoad, tell: Tell) -> Moves:
    """A second worker comes while tills sell, and goes again."""
    world = load.world
    with (
        Cluster(world.pool_names) as cluster,
        tempfile.TemporaryDirectory(prefix="shelf-bench-") as name,
        Ledger(cluster, Path(name), _GROUP) as first,
    ):
        reports = _open(cluster, world)
        cluster.wait_committed(_GROUP, POS_STOCK.name, reports, first.check)
        with PoolWaits(cluster, world.pool_names) as waits, Tills(cluster, world, load.lines_per_second) as tills:
            waits.settle()
            came_s = time.time()
            with Ledger(cluster, Path(name), _GROUP, "ledger-2") as second:
                second.wait_ready()
                first.wait_ready()
                waits.settle()
                moved = [pool for pool in world.pool_names if second.holds(pool)]
                coming = waits.longest_since(came_s)
                tell(f"a second worker came and has {len(moved)} of {load.pools} pools")
                went_s = time.time()
            waits.settle()
            going = waits.longest_since(went_s)
            tell("it went")
            tills.stop()
            cluster.wait_committed(_GROUP, POS_SALES.name, tills.sent, first.check)
        check_each_once(cluster, tills.sent)
    if not moved:
        fail_on("the move", ["the second worker got no pool"])
    return {
        "added": _move(coming, moved),
        "removed": _move(going, moved),
        "pools_moved": len(moved),
        "lines_sold_meanwhile": tills.sent,
    }


def _move(waits: Mapping[str, float], moved: Sequence[str]) -> Move:
    of_moved = {pool: round(waits[pool], 3) for pool in moved}
    of_others = [wait for pool, wait in waits.items() if pool not in of_moved]
    return {
        "p50_s": percentile(list(of_moved.values()), 50),
        "max_s": max(of_moved.values()),
        "others_max_s": round(max(of_others, default=0.0), 3),
        "by_pool_s": of_moved,
    }


class PoolWaits:
    """Reads the journal as it grows: how long the records of each pool lay on the inputs."""

    def __init__(self, cluster: Cluster, pools: Sequence[str]) -> None:
        self._pools = pools
        self._journal = cluster.follow(POOL_JOURNAL.name)
        self._seen: dict[str, list[tuple[float, float]]] = defaultdict(list)
        """Pool → (when its cause was appended, how much later a reader had the entry), s."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="pool-waits", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._journal.close()

    def settle(self) -> None:
        """Return when every pool's journal tells of a record that came `_SETTLED_S` from now, or later."""
        until_s = time.time() + _SETTLED_S
        wait_until(
            lambda: all(self._newest(pool) >= until_s for pool in self._pools), "every pool to go on", _TIMEOUT_S
        )

    def longest_since(self, since_s: float) -> dict[str, float]:
        """Pool → the longest that a record that came since then, or lay there then, has waited."""
        return {pool: max(wait for at, wait in list(self._seen[pool]) if at + wait >= since_s) for pool in self._pools}

    def _newest(self, pool: str) -> float:
        seen = self._seen.get(pool)
        return seen[-1][0] if seen else 0.0

    def _read(self) -> None:
        while not self._stop.is_set():
            message = self._journal.poll(_LOOK_S)
            if message is None or not is_record(message):
                continue
            now_s = time.time()
            for entry in read_page(message.value()):
                at_s = entry.appended_at_ms / 1000
                self._seen[entry.pool].append((at_s, now_s - at_s))


def check_each_once(cluster: Cluster, sent: int) -> None:
    """Every sale is in the journal, once, and positions have no gap. Raises BenchError."""
    problems: list[str] = []
    sales: Counter[str] = Counter()
    for entry in numbered_entries(cluster, POOL_JOURNAL.name, problems):
        if entry.fact[0] == "commonshelf.SaleRecorded":
            sales[entry.fact[1]["event"]["id"]] += 1
    problems += [f"sale {name} is there {times} times" for name, times in sales.items() if times > 1]
    if len(sales) != sent:
        problems.append(f"{len(sales)} sales are in the journal, and {sent} were published")
    fail_on("the check of the moves", problems)
