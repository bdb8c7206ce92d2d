"""From the till to the pool's availability: milliseconds for every line, at a steady rate."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer

from bench.cluster import Cluster
from bench.errors import BenchError
from bench.figures import percentile
from bench.ledger import Ledger
from bench.tills import Tills
from messaging.log_reader import is_record
from schemas.codec import topic_codec
from schemas.topics import POOL_AVAILABILITY, POS_SALES, POS_STOCK
from world.uniform import UniformPools, declarations, opening_stock

Tell = Callable[[str], None]
_GROUP = "latency"
_DRAIN_S = 30.0


def measure_latency(lines_per_second: int, seconds: int, warm_up_s: int, tell: Tell) -> dict[str, Any]:
    """Sell, and time each line from when it was due at the till to when a reader of what is committed has the row.

    Sales of a shelf that one micro-batch takes together are answered by one row; each of them counts.
    Raises BenchError when lines remain unanswered.
    """
    world = UniformPools()
    with Cluster() as cluster, tempfile.TemporaryDirectory(prefix="shelf-bench-") as folder:
        cluster.publish(declarations(world))
        opening_records = cluster.publish(opening_stock(world))
        with Ledger(cluster, Path(folder), _GROUP) as ledger:
            ledger.wait_ready()
            cluster.wait_committed(_GROUP, POS_STOCK.name, opening_records, ledger.check)
            answers = _Answers(cluster.follow(POOL_AVAILABILITY.name), warm_up_s)
            tell(f"selling {lines_per_second} lines/s for {warm_up_s} s, then measuring for {seconds} s")
            with Tills(cluster, world, lines_per_second) as tills:
                answers.read(tills, for_s=warm_up_s + seconds, check=ledger.check)
                tills.stop()
                answers.drain(tills)
    found = answers.latencies_ms
    return {
        "latency_p50_ms": round(percentile(found, 50), 1),
        "latency_p99_ms": round(percentile(found, 99), 1),
        "latency_max_ms": round(max(found), 1),
        "lines_measured": len(found),
        "lines_sent": tills.sent,
        "lines_per_second": lines_per_second,
        "measured_s": seconds,
        "stores": world.stores,
    }


class _Answers:
    """The reader of what the pool promises."""

    def __init__(self, reader: Consumer, warm_up_s: int) -> None:
        self.latencies_ms: list[float] = []
        self._reader = reader
        self._decode = topic_codec(POOL_AVAILABILITY.name).decode
        self._counts_from_ms = (time.time() + warm_up_s) * 1000

    def read(self, tills: Tills, for_s: float, check: Callable[[], None]) -> None:
        """Take answers for so long."""
        end_s = time.monotonic() + for_s
        while time.monotonic() < end_s:
            self._take(tills)
            check()

    def drain(self, tills: Tills) -> None:
        """Take answers until every line has one."""
        deadline_s = time.monotonic() + _DRAIN_S
        while any(tills.waiting.values()):
            self._take(tills)
            if time.monotonic() > deadline_s:
                unanswered = sum(map(len, tills.waiting.values()))
                raise BenchError(
                    f"{unanswered} of {tills.sent} lines had no answer {_DRAIN_S:.0f} s after the last; sell fewer "
                    f"--lines-per-second, for this machine cannot keep up ({POS_SALES.name} has a backlog)"
                )
        self._reader.close()

    def _take(self, tills: Tills) -> None:
        message = self._reader.poll(0.1)
        if message is None or not is_record(message):
            return
        now_ms = time.time() * 1000
        row = self._decode(message.value())
        waiting = tills.waiting.get((row["store"], row["sku"]))
        while waiting and waiting[0] <= row["recorded_at_ms"]:
            due_ms = waiting.popleft()
            if due_ms >= self._counts_from_ms:
                self.latencies_ms.append(now_ms - due_ms)
