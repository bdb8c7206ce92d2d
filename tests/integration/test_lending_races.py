"""A thousand last units, each wanted in two pools while its loan is called back and workers are killed."""

import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from commonshelf.config.publishing import current
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.stack.parent_watch import WATCH_STDIN_VARIABLE
from messaging.journal import read_page
from messaging.topic_admin import ensure_topics
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange, LentQuota, PoolSettings, StoreSettings
from schemas.models.pos import Source, StockLine, StockReport, StockReportKind
from schemas.models.requests import OrderLine, OrderRequest, OrderTerms
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, ORDERS_REQUESTS, POOL_AVAILABILITY, POOL_CONFIG, POOL_JOURNAL, POS_STOCK
from streams.pool.journal.facts import LENDING_CHANGED
from tests.proof.faults.topic_log import read_topics

PARTITIONS = 2
HOME, AWAY = "north", "south"
SHOP, FAR_SHOP = "corner", "hill"
CONTESTS = 1_000
KILLS = 5
CHUNK = 20
LATER, PACE_S = 15, 0.4
"""The own pool orders again so many steps later, and steps keep to a pace: else all is decided before it begins."""
DEADLINE_S = 180
ROOT = Path(__file__).resolve().parents[2]
SKUS = [f"last-{n}" for n in range(CONTESTS)]


@pytest.fixture(scope="module")
def bootstrap_servers():
    with EmbeddedKafka() as kafka:
        ensure_topics({"bootstrap.servers": kafka.bootstrap_servers}, PARTITIONS)
        yield kafka.bootstrap_servers


class Crew:
    """Two workers, each started again under its name when it is killed."""

    def __init__(self, bootstrap_servers: str, folder: Path) -> None:
        self._servers, self._folder = bootstrap_servers, folder
        self._workers = {name: self._start(name) for name in ("one", "two")}

    def _start(self, name: str) -> Any:
        command = [
            sys.executable, "-m", "tests.proof.faults.worker", "--bootstrap-servers", self._servers, "--instance", name,
            "--state-dir", str(self._folder / name), "--partitions", str(PARTITIONS), "--batch-records", "50",
        ]  # fmt: skip
        with (self._folder / f"{name}.txt").open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env={WATCH_STDIN_VARIABLE: "1"}, stdin=subprocess.PIPE, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        self.end(name)
        self._workers[name] = self._start(name)

    def end(self, name: str) -> None:
        self._workers[name].kill()
        self._workers[name].communicate()

    def end_all(self) -> None:
        for name in self._workers:
            self.end(name)


class Speaker:
    """Publishes what both pools hear."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 0})
        self.now_ms = time.time_ns() // 1_000_000

    def say(self, topic: str, event: Any, key: str | None = None) -> None:
        home = partition_of(event.pool, PARTITIONS)
        self._producer.produce(topic, topic_codec(topic).encode(event.to_avro()), key or event.pool, home)

    def set(self, pool: str, change: Any) -> None:
        event = ConfigChange(pool=pool, recorded_at_ms=self.now_ms, origin="test", change=change)
        self.say(POOL_CONFIG.name, event, event.key)

    def lend(self, sku: str, milli: int) -> None:
        self.set(HOME, LentQuota(store=SHOP, sku=sku, to_pool=AWAY, quantity_milli=milli))

    def order(self, pool: str, order: str, sku: str) -> None:
        terms = OrderTerms(
            mode="pickup", preferred_store=SHOP if pool == HOME else FAR_SHOP, deadline_ms=self.now_ms + 7_200_000,
            lines=(OrderLine(line_id="1", sku=sku, quantity_milli=1_000),),
        )  # fmt: skip
        for kind in ("placed", "confirmed"):
            request = OrderRequest(
                pool=pool, order=order, kind=kind, key=kind, recorded_at_ms=self.now_ms, origin="test",
                terms=terms if kind == "placed" else None,
            )  # fmt: skip
            self.say(ORDERS_REQUESTS.name, request)

    def flush(self) -> None:
        assert self._producer.flush(DEADLINE_S) == 0


def furnish(speaker: Speaker) -> None:
    for pool, store in ((HOME, SHOP), (AWAY, FAR_SHOP)):
        speaker.set(pool, PoolSettings(name=pool))
        speaker.set(pool, StoreSettings(store=store, name=store, orders_at_once_max=10_000, orders_per_day_max=10_000))
        for sku in SKUS:
            item = CatalogItem(pool=pool, sku=sku, name=sku, recorded_at_ms=speaker.now_ms)
            speaker.say(CATALOG_ITEMS.name, item, item.key)
    lines = tuple(StockLine(line_id=sku, code=f"sku:{sku}", quantity_milli=1_000) for sku in SKUS)
    speaker.flush()
    report = StockReport(
        pool=HOME, store=SHOP, source=Source(system="test", id="opening"), occurred_at_ms=speaker.now_ms,
        recorded_at_ms=speaker.now_ms, kind=StockReportKind.received, lines=lines,
    )  # fmt: skip
    speaker.say(POS_STOCK.name, report)
    speaker.flush()


def wait_for(what, enough) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while (found := what()) < enough:
        assert time.monotonic() < deadline, found
        time.sleep(0.3)


def available(bootstrap_servers: str, pool: str) -> int:
    rows = current({"bootstrap.servers": bootstrap_servers}, POOL_AVAILABILITY.name)
    return sum(row["available_milli"] == 1_000 for row in rows if row["pool"] == pool)


def journals(bootstrap_servers: str) -> list[Any]:
    pages = read_topics(bootstrap_servers, [POOL_JOURNAL.name], PARTITIONS)
    return [(page, entry) for page in pages for entry in read_page(page.value)]


def orders_of(entries: list[Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The last row of every order, by pool."""
    found = {}
    for _, entry in entries:
        order = entry.fact[1].get("order")
        if isinstance(order, dict):
            found[order["pool"], order["order"]] = order
    return found


def race(speaker: Speaker, crew: Crew, chance: random.Random) -> None:
    """Of each unit the loan is called back, the other pool orders before, with or after that, the own one twice."""
    steps: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for at, sku in enumerate(chance.sample(SKUS, CONTESTS)):
        begin = 1 + at // CHUNK
        steps[begin].append(("call back", sku))
        steps[begin + chance.choice([-1, 0, 0, 1, 1, 2])].append((AWAY, sku))
        steps[begin + chance.choice([0, 1, 2])].append((HOME, sku))
        steps[begin + LATER].append((HOME, sku))
    for step in sorted(steps):
        chance.shuffle(steps[step])
        for n, (who, sku) in enumerate(steps[step]):
            if who == "call back":
                speaker.lend(sku, 0)
            else:
                speaker.order(who, f"{step}-{n}-{sku}", sku)
        speaker.flush()
        time.sleep(PACE_S)
        if step % (max(steps) // KILLS) == 1:
            crew.kill(chance.choice(["one", "two"]))


def test_a_last_unit_goes_to_one_order_of_one_pool_whatever_is_called_back_and_killed(bootstrap_servers, tmp_path):
    speaker, chance = Speaker(bootstrap_servers), random.Random(7)
    crew = Crew(bootstrap_servers, tmp_path)
    try:
        furnish(speaker)
        wait_for(lambda: available(bootstrap_servers, HOME), CONTESTS)
        for sku in SKUS:
            speaker.lend(sku, 1_000)
        speaker.flush()
        wait_for(lambda: available(bootstrap_servers, AWAY), CONTESTS)
        race(speaker, crew, chance)
        wait_for(lambda: sum("@" not in name for _, name in orders_of(journals(bootstrap_servers))), 3 * CONTESTS)
        entries = journals(bootstrap_servers)
        deadline = time.monotonic() + DEADLINE_S
        while not is_settled(entries):
            assert time.monotonic() < deadline
            time.sleep(0.5)
            entries = journals(bootstrap_servers)
    finally:
        crew.end_all()

    orders = orders_of(entries)
    kept: Counter = Counter()
    for (pool, _), order in orders.items():
        if pool == HOME:
            kept.update(hold["sku"] for hold in order["holds"])
    assert max(kept.values()) == 1
    away = {name for (pool, name), order in orders.items() if pool == AWAY and order["holds"]}
    at_home = {name.removesuffix(f"@{AWAY}") for pool, name in orders if pool == HOME and name.endswith(f"@{AWAY}")}
    assert away == at_home
    own = [name for (pool, name), order in orders.items() if pool == HOME and "@" not in name and order["holds"]]
    print(f"{len(away)} went to the borrower, {len(own)} stayed, {CONTESTS - len(away) - len(own)} nobody took")
    assert len(away) > CONTESTS // 20
    assert len(own) > CONTESTS // 20


def is_settled(entries: list[Any]) -> bool:
    """Every message between the pools was heard."""
    told, heard = Counter(), Counter()
    for _, entry in entries:
        kind, fields = entry.fact
        if "message" in fields:
            message = fields["message"]
            tally = told if kind == LENDING_CHANGED else heard
            tally[message["from_pool"]] = max(tally[message["from_pool"]], message["sequence"])
    return told == heard
