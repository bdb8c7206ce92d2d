"""From the till to the journal: milliseconds for every sale, at a steady rate, of any engine that writes one."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import Consumer

from bench.child import BenchProcess
from bench.cluster import Cluster
from bench.contenders import Contender
from bench.errors import BenchError
from bench.figures import percentile
from bench.runs import RunHost, make_sales
from bench.tills import Tills
from messaging.journal import read_page
from messaging.log_reader import is_record
from schemas.topics import POOL_JOURNAL
from world.uniform import UniformPools

_PRIMING_SALES = 200
_WARM_UP_S = 5.0
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Latency:
    """From when a sale was due at the till until a reader of what is committed had its journal entry."""

    p50_ms: float
    p99_ms: float


def start_and_measure(
    cluster: Cluster, host: RunHost, contender: Contender, lines_per_second: int, seconds: int
) -> Latency:
    """Start the engine on topics made anew, and measure when it is at work."""
    world = UniformPools()
    host.publish(make_sales(world, _PRIMING_SALES, 1))
    job, child = host.start(contender, world)
    journal = job.journal or POOL_JOURNAL.name
    with child:
        primed = _Reader(cluster.follow(journal, from_beginning=True), child.check)
        primed.take_until(lambda: primed.sales == _PRIMING_SALES)
        return measure_latency_of(cluster, world, child, journal, lines_per_second, seconds)


def measure_latency_of(
    cluster: Cluster, world: UniformPools, engine: BenchProcess, journal: str, lines_per_second: int, seconds: int
) -> Latency:
    """Let tills sell to an engine that has nothing else to do. Raises BenchError when sales remain unanswered."""
    reader = _Reader(cluster.follow(journal), engine.check)
    with Tills(cluster, world, lines_per_second) as tills:
        counts_from_s = time.time() + _WARM_UP_S
        reader.counts_from_ms = counts_from_s * 1_000
        reader.take_until(lambda: time.time() >= counts_from_s + seconds, within_s=_WARM_UP_S + seconds + _TIMEOUT_S)
        tills.stop()
        reader.take_until(lambda: reader.sales == tills.sent)
    found = reader.latencies_ms
    return Latency(round(percentile(found, 50), 1), round(percentile(found, 99), 1))


class _Reader:
    """Someone who reads what an engine journals."""

    def __init__(self, consumer: Consumer, check: Callable[[], None]) -> None:
        self.sales = 0
        self.latencies_ms: list[float] = []
        self.counts_from_ms = float("inf")
        """Sales that were due before do not count."""
        self._consumer = consumer
        self._check = check

    def take_until(self, is_done: Callable[[], bool], within_s: float = _TIMEOUT_S) -> None:
        """Read on until it is so."""
        deadline_s = time.monotonic() + within_s
        while not is_done():
            if time.monotonic() > deadline_s:
                raise BenchError(f"after {within_s:.0f} s there were {self.sales} sales in the journal, too few")
            self._check()
            self._take()

    def _take(self) -> None:
        message = self._consumer.poll(0.1)
        if message is None or not is_record(message):
            return
        now_ms = time.time() * 1_000
        for entry in read_page(message.value()):
            fact = entry.fact
            if fact[0] != "commonshelf.SaleRecorded":
                continue
            self.sales += 1
            due_ms = fact[1]["event"]["recorded_at_ms"]
            if due_ms >= self.counts_from_ms:
                self.latencies_ms.append(now_ms - due_ms)
