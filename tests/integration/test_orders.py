"""Orders through a real Kafka and a worker that is killed: races for the last unit, a backlog, the command line."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Producer

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from messaging.topic_admin import ensure_topics
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange, PoolSettings, StoreSettings
from schemas.models.pos import StockReport
from schemas.models.requests import OrderRequest
from schemas.models.ticks import Tick
from schemas.partition import partition_of
from schemas.topics import (
    CATALOG_ITEMS,
    ORDERS_EVENTS,
    ORDERS_REQUESTS,
    POOL_CONFIG,
    POOL_JOURNAL,
    POOL_TICKS,
    POS_STOCK,
)
from tests.proof.faults.topic_log import read_topics
from tests.support.ledger_process import LedgerProcess
from tests.support.waiting import PATIENCE_S, until

PARTITIONS = 2
ROOT = Path(__file__).resolve().parents[2]
CONTESTS = 1_000
KILLS = ("after_fold", "after_produce", "after_offsets_sent", "before_commit")
"""The failpoints at which the worker is killed, each while it works off a fifth of the orders."""
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def bootstrap_servers():
    with EmbeddedKafka() as kafka:
        ensure_topics({"bootstrap.servers": kafka.bootstrap_servers}, PARTITIONS)
        yield kafka.bootstrap_servers


class Side:
    """The customers' and the shops' side: publishes as they would. `pool` has one store, `mill`."""

    def __init__(self, bootstrap_servers, pool):
        self.pool, self.home = pool, partition_of(pool, PARTITIONS)
        self._servers = bootstrap_servers
        self._producer = Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 1})
        self.now_ms = time.time_ns() // 1_000_000
        for change in (PoolSettings(name=pool), StoreSettings(store="mill", name="Mill", orders_at_once_max=9_999,
                                                              orders_per_day_max=9_999)):  # fmt: skip
            event = ConfigChange(pool=pool, recorded_at_ms=self.now_ms, origin="test", change=change)
            self.send(POOL_CONFIG.name, event, event.key)

    def send(self, topic, event, key=None):
        self._producer.produce(topic, topic_codec(topic).encode(event.to_avro()), key or self.pool, self.home)
        self._producer.poll(0)

    def stock(self, *skus):
        for sku in skus:
            item = CatalogItem(pool=self.pool, sku=sku, name=sku, recorded_at_ms=self.now_ms)
            self.send(CATALOG_ITEMS.name, item, item.key)
        for at in range(0, len(skus), 100):
            lines = [{"line_id": sku, "code": f"sku:{sku}", "quantity_milli": 1000} for sku in skus[at : at + 100]]
            told = {"source": {"system": "test", "id": f"opening-{at}"}, "pool": self.pool, "store": "mill"}
            times = {"occurred_at_ms": self.now_ms, "recorded_at_ms": self.now_ms}
            report = StockReport.model_validate({**told, **times, "kind": "opening", "lines": lines})
            self.send(POS_STOCK.name, report)
        self.flush()

    def ask(self, kind, order, sku=None, at_ms=None):
        at_ms = at_ms or time.time_ns() // 1_000_000
        terms = None if sku is None else {
            "mode": "pickup", "preferred_store": "mill", "deadline_ms": at_ms + 3 * HOUR_MS,
            "lines": [{"line_id": "1", "sku": sku, "quantity_milli": 1000}],
        }  # fmt: skip
        told = {"pool": self.pool, "order": order, "kind": kind, "key": f"{order}-{kind}", "recorded_at_ms": at_ms}
        self.send(ORDERS_REQUESTS.name, OrderRequest.model_validate({**told, "origin": "test", "terms": terms}))

    def tick(self, at_ms):
        self.send(POOL_TICKS.name, Tick(pool=self.pool, at_ms=at_ms, origin="test"))

    def flush(self):
        assert self._producer.flush(PATIENCE_S) == 0

    def events(self):
        decode = topic_codec(ORDERS_EVENTS.name).decode
        found = [decode(record.value) for record in read_topics(self._servers, [ORDERS_EVENTS.name], PARTITIONS)]
        return [event for event in found if event["pool"] == self.pool]

    def wait_for(self, answers):
        """The events, once that many requests are answered."""
        events = []

        def are_answered():
            events[:] = self.events()
            return sum(event["key"] is not None for event in events) >= answers

        until(are_answered, lambda: Counter(event["kind"] for event in events), 0.3)
        return events


def test_of_two_orders_that_race_for_the_last_unit_exactly_one_gets_it_across_kills(bootstrap_servers, tmp_path):
    side, chance = Side(bootstrap_servers, "contest"), random.Random(1)
    skus = [f"last-{n:04}" for n in range(CONTESTS)]
    side.stock(*skus)
    in_flight = []
    worker = LedgerProcess(bootstrap_servers, tmp_path, PARTITIONS)
    try:
        for part in range(len(KILLS) + 1):
            rivals = [(f"{sku}-{who}", sku) for sku in skus[part :: len(KILLS) + 1] for who in "ab"]
            chance.shuffle(rivals)
            for order, sku in rivals:
                side.ask("placed", order, sku)
            side.flush()
            if part < len(KILLS):
                in_flight.append(worker.die_at(f"{KILLS[part]}=kill:{chance.randint(2, 5)}"))
        worker.start()
        events = side.wait_for(2 * CONTESTS)
    finally:
        worker.kill()
    assert min(in_flight) > 0, "a kill landed while no order was in flight"
    assert Counter(event["kind"] for event in events) == {"allocated": CONTESTS, "unfilled": CONTESTS}
    winners = Counter(hold["sku"] for event in events for hold in event["holds"])
    assert winners == dict.fromkeys(skus, 1)
    assert len({event["order"] for event in events}) == 2 * CONTESTS
    numbers = [event["position"] for event in events]
    assert numbers == sorted(set(numbers)), "each answer once, in order"


def test_after_an_hour_s_backlog_nothing_has_expired_that_was_confirmed_in_time(bootstrap_servers, tmp_path):
    """Orders, confirmations and the ticks of an hour queue up while no worker runs."""
    side = Side(bootstrap_servers, "backlog")
    skus = [f"kept-{n}" for n in range(40)]
    side.stock(*skus)
    start_ms = side.now_ms - HOUR_MS
    for minute in range(60):
        at_ms = start_ms + minute * 60_000
        if minute < len(skus):
            side.ask("placed", f"o{minute}", skus[minute], at_ms)
        if 5 <= minute < len(skus) + 5 and minute % 2:
            side.ask("confirmed", f"o{minute - 5}", None, at_ms)
        side.flush()
        time.sleep(0.01)
        side.tick(at_ms)
        side.flush()
    confirmed = {f"o{minute - 5}" for minute in range(5, len(skus) + 5) if minute % 2}
    with LedgerProcess(bootstrap_servers, tmp_path, PARTITIONS):
        events = side.wait_for(len(skus) + len(confirmed))
    assert {event["order"] for event in events if event["kind"] == "confirmed"} == confirmed
    expired = {event["order"] for event in events if event["kind"] == "expired"}
    assert expired == {f"o{n}" for n in range(len(skus))} - confirmed
    assert not [event for event in events if event["kind"] == "refused"]


def shelf(bootstrap_servers, *words, told=None):
    command = [str(Path(sys.executable).with_name("commonshelf")), *words, "--bootstrap", bootstrap_servers]
    settings = {"COMMONSHELF_PARTITIONS": str(PARTITIONS), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, cwd=ROOT, env=settings, input=told, capture_output=True, text=True, timeout=PATIENCE_S,
        check=False,
    )  # fmt: skip


def test_an_order_is_placed_confirmed_picked_and_shown_by_hand(bootstrap_servers, tmp_path):
    side = Side(bootstrap_servers, "by-hand")
    side.stock("tea")
    deadline_ms = time.time_ns() // 1_000_000 + HOUR_MS
    lines = [{"line_id": "1", "sku": "tea", "quantity_milli": 1000}]
    terms = {"mode": "pickup", "preferred_store": "mill", "deadline_ms": deadline_ms, "lines": lines}
    request = {"pool": "by-hand", "order": "R-1", "kind": "placed", "terms": terms}
    with LedgerProcess(bootstrap_servers, tmp_path, PARTITIONS):
        placed = shelf(bootstrap_servers, "order", "send", told=json.dumps(request))
        said = ["order R-1 allocated, now tentative", "  line 1: 1 tea at mill, tentative"]
        assert placed.stdout.splitlines() == said, placed.stderr
        assert shelf(bootstrap_servers, "order", "confirm", "by-hand", "R-1").returncode == 0
        [task] = json.loads(shelf(bootstrap_servers, "tasks", "mill", "--pool", "by-hand", "--json").stdout)
        assert (task["kind"], task["order"]) == ("pick", "R-1")
        done = shelf(bootstrap_servers, "tasks", "done", task["task"], "--pool", "by-hand")
        assert done.returncode == 0, done.stderr
        refused = shelf(bootstrap_servers, "tasks", "done", task["task"], "--pool", "by-hand")
        assert (refused.returncode, "task_ended" in refused.stderr) == (1, True)
        again = shelf(bootstrap_servers, "order", "cancel", "by-hand", "R-9")
        assert (again.returncode, "unknown_order" in again.stdout) == (1, True)
        shown = shelf(bootstrap_servers, "order", "show", "by-hand", "R-1")
    assert [line.split(",")[0] for line in shown.stdout.splitlines() if line.startswith("order")] == [
        "order R-1 allocated", "order R-1 confirmed", "order R-1 picked",
    ]  # fmt: skip
    assert read_topics(bootstrap_servers, [POOL_JOURNAL.name], PARTITIONS)


def test_a_transfer_and_a_quota_by_hand(bootstrap_servers, tmp_path):
    pool = "transfers-by-hand"
    side = Side(bootstrap_servers, pool)
    event = ConfigChange(
        pool=pool, recorded_at_ms=side.now_ms, origin="test", change=StoreSettings(store="corner", name="Corner")
    )
    side.send(POOL_CONFIG.name, event, event.key)
    side.stock("tea")
    with LedgerProcess(bootstrap_servers, tmp_path, PARTITIONS):
        asked = shelf(bootstrap_servers, "transfer", "ask", pool, "T-1", "mill", "corner", "tea=1")
        said = ["transfer T-1 mill → corner: open", "  tea: asked 1, held 1"]
        assert asked.stdout.splitlines() == said, asked.stderr
        shown = shelf(bootstrap_servers, "tasks", "mill", "--pool", pool)
        assert "transfer-out" in shown.stdout
        assert "T-1" in shown.stdout
        report = ("transfer", "report", pool, "T-1")
        assert shelf(bootstrap_servers, *report, "shipped", "mill", "tea=1").returncode == 0
        twice = shelf(bootstrap_servers, *report, "shipped", "mill", "tea=1")
        assert (twice.returncode, "already_shipped" in twice.stderr) == (1, True)
        came = shelf(bootstrap_servers, *report, "received", "corner", "tea=1")
        assert came.stdout.splitlines()[0] == "transfer T-1 mill → corner: received", came.stderr
        day = ("--from", "2020-01-01", "--until", "2099-01-01")
        limited = shelf(bootstrap_servers, "quota", pool, "tea", *day, "--per-customer", "1")
        assert limited.stdout.splitlines() == [f"quota of tea in pool {pool} published"], limited.stderr
        terms = {
            "mode": "pickup", "preferred_store": "mill", "deadline_ms": time.time_ns() // 1_000_000 + HOUR_MS,
            "lines": [{"line_id": "1", "sku": "tea", "quantity_milli": 1000}],
        }  # fmt: skip
        request = {"pool": pool, "order": "R-1", "kind": "placed", "terms": terms}
        refused = shelf(bootstrap_servers, "order", "send", told=json.dumps(request))
        assert (refused.returncode, "customer_needed" in refused.stdout) == (1, True)
