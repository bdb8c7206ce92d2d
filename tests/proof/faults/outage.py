"""An outage: the worker was away for hours while tills, customers and the clock went on, and then it catches up.

`python -m tests.proof.faults.outage --hours 3` plays it in full, `--json` for the figures alone. Records wait as they
would have come, compressed in time: each has the hour of its own, the broker stamps them as they are written. Ends with
status 1 when a batch was begun twice, when `/health` ever said no, or when something is missing in the books.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from confluent_kafka import Producer

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.stack.parent_watch import WATCH_STDIN_VARIABLE
from messaging.topic_admin import ensure_topics
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import Change, ConfigChange, PoolSettings, StoreSettings
from schemas.topics import CATALOG_ITEMS, ORDERS_REQUESTS, POOL_CONFIG, POOL_TICKS, POS_SALES, POS_STOCK
from tests.proof.faults.stage import INPUTS
from tests.proof.faults.topic_log import GroupView
from tests.proof.faults.worker import GROUP
from tests.support.pool import POOL, line, order_request, sale, stock, wanted
from tests.support.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]
STORES = [f"s{n}" for n in range(20)]
SKUS = [f"I{n}" for n in range(10)]
_OPENING_MILLI = 900_000_000
_LOOK_S = 0.2


@dataclass(frozen=True)
class Plan:
    """What came while the worker was away."""

    hours: float
    sales_per_s: int = 10
    orders_per_minute: int = 20
    lines_per_order: int = 5


@dataclass
class Outcome:
    """What the catching up showed."""

    sales: int = 0
    orders: int = 0
    ticks: int = 0
    took_s: float = 0.0
    batches: int = 0
    longest_silence_s: float = 0.0
    """The longest that `/health` was told of between two signs of life."""
    unhealthy: int = 0
    """How often `/health` said no."""
    begun_twice: int = 0
    """Batches that were lost with the worker's place."""
    sales_counted: int = 0
    orders_decided: int = 0

    @property
    def is_sound(self) -> bool:
        is_whole = (self.sales_counted, self.orders_decided) == (self.sales, self.orders)
        return is_whole and not self.unhealthy and not self.begun_twice


def play(plan: Plan, folder: Path) -> Outcome:
    """On an embedded Kafka. Raises TimeoutError when the worker does not catch up."""
    outcome = Outcome()
    with EmbeddedKafka() as kafka:
        ensure_topics({"bootstrap.servers": kafka.bootstrap_servers}, 1)
        _write(plan, kafka.bootstrap_servers, outcome)
        _catch_up(kafka.bootstrap_servers, folder, outcome)
    return outcome


def _write(plan: Plan, servers: str, outcome: Outcome) -> None:
    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 5})

    def say(topic: str, value: bytes) -> None:
        while True:
            try:
                producer.produce(topic, value, POOL, 0)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)

    seconds = int(plan.hours * 3_600)
    began_ms = time.time_ns() // 1_000_000 - seconds * 1_000
    _furnish(say, began_ms)
    if producer.flush(PATIENCE_S):
        raise TimeoutError("Kafka did not take the settings")
    lines = [wanted(1_000, sku) for sku in SKUS[: plan.lines_per_order]]
    for second in range(seconds):
        at_ms = began_ms + second * 1_000
        for n in range(plan.sales_per_s):
            sold = line(1_000, SKUS[n % len(SKUS)], kind="sale")
            store = STORES[(second + n) % len(STORES)]
            say(POS_SALES.name, sale(f"{second}-{n}", sold, store=store, occurred_at_ms=at_ms, recorded_at_ms=at_ms))
        if second * plan.orders_per_minute // 60 != (second + 1) * plan.orders_per_minute // 60:
            name = f"o{second}"
            say(ORDERS_REQUESTS.name, order_request("placed", name, *lines, preferred_store="s0", recorded_at_ms=at_ms))
            outcome.orders += 1
        say(POOL_TICKS.name, topic_codec(POOL_TICKS.name).encode({"pool": POOL, "at_ms": at_ms, "origin": "outage"}))
    outcome.sales, outcome.ticks = seconds * plan.sales_per_s, seconds
    if producer.flush(PATIENCE_S):
        raise TimeoutError("Kafka did not take what came while the worker was away")


def _furnish(say: Callable[[str, bytes], None], at_ms: int) -> None:
    def change(what: Change) -> None:
        event = ConfigChange(pool=POOL, recorded_at_ms=at_ms, origin="outage", change=what)
        say(POOL_CONFIG.name, topic_codec(POOL_CONFIG.name).encode(event.to_avro()))

    change(PoolSettings(name="North"))
    for sku in SKUS:
        item = CatalogItem(pool=POOL, sku=sku, name=sku, recorded_at_ms=at_ms)
        say(CATALOG_ITEMS.name, topic_codec(CATALOG_ITEMS.name).encode(item.to_avro()))
    for store in STORES:
        change(StoreSettings(store=store, name=store, orders_at_once_max=1_000_000, orders_per_day_max=1_000_000))
        opening = [line(_OPENING_MILLI, sku) for sku in SKUS]
        say(POS_STOCK.name, stock("counted", f"c-{store}", *opening, store=store, occurred_at_ms=at_ms))


def _catch_up(servers: str, folder: Path, outcome: Outcome) -> None:
    command = [
        sys.executable, "-m", "tests.proof.faults.worker", "--bootstrap-servers", servers, "--instance", "one",
        "--state-dir", str(folder / "state"), "--partitions", "1", "--batch-records", "20000",
    ]  # fmt: skip
    log = folder / "worker.txt"
    with log.open("wb") as out:
        worker = subprocess.Popen(
            command, cwd=ROOT, env={WATCH_STDIN_VARIABLE: "1"}, stdin=subprocess.PIPE, stdout=out, stderr=out
        )
    began_s = time.monotonic()
    group = GroupView(servers, GROUP, INPUTS, 1)
    try:
        ends = group.ends()
        pages = _pages(log)
        with httpx.Client(timeout=60, trust_env=False) as client:
            while group.behind(ends):
                _look(client, pages, outcome)
                if worker.poll() is not None or time.monotonic() - began_s > 10 * PATIENCE_S:
                    raise TimeoutError(f"the worker did not catch up: {log.read_text()[-2_000:]}")
                time.sleep(_LOOK_S)
            outcome.took_s = round(time.monotonic() - began_s, 1)
            _sum_up(client, pages, outcome)
    finally:
        worker.kill()
        worker.communicate()
        group.close()


def _pages(log: Path) -> str:
    deadline_s = time.monotonic() + PATIENCE_S
    while (found := re.search(r"pages on (http://\S+)", log.read_text())) is None:
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"the worker has no pages: {log.read_text()[-2_000:]}")
        time.sleep(0.05)
    return found.group(1)


def _look(client: httpx.Client, pages: str, outcome: Outcome) -> None:
    answer = client.get(f"{pages}/health")
    outcome.unhealthy += answer.status_code != httpx.codes.OK
    outcome.longest_silence_s = max(outcome.longest_silence_s, answer.json()["seconds_since_last_turn"])


def _sum_up(client: httpx.Client, pages: str, outcome: Outcome) -> None:
    metrics = client.get(f"{pages}/metrics").text
    outcome.begun_twice = int(_metric(metrics, "commonshelf_worker_rejoins_total"))
    outcome.batches = int(_metric(metrics, "commonshelf_worker_batch_seconds_count"))
    row = client.get(f"{pages}/tables/pool", params={"pool": POOL}).json()
    outcome.sales_counted = row["lines_applied"] - len(STORES) * len(SKUS)
    outcome.orders_decided = row["requests_accepted"]


def _metric(metrics: str, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", metrics, re.MULTILINE)
    if found is None:
        raise LookupError(f"no {name} among the metrics")
    return float(found.group(1))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        outcome = play(Plan(options.hours), Path(folder))
    if options.json:
        print(json.dumps(asdict(outcome)))
    else:
        print("\n".join(f"{name:18} {value}" for name, value in asdict(outcome).items()))
        print("sound" if outcome.is_sound else "NOT SOUND")
    return 0 if outcome.is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
