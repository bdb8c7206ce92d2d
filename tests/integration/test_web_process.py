"""The process of our HTTP server comes back by itself: killed, without its tables, and when Kafka was away."""

import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import httpx
import pytest

from commonshelf.config.publishing import publish_settings
from commonshelf.desks.access import list_store, make_key
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.stack.connection import connect
from commonshelf.stack.parent_watch import WATCH_STDIN_VARIABLE
from messaging.topic_admin import ensure_topics
from schemas.models.access import PublicListing
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange, PoolSettings, StoreSettings
from tests.support.waiting import PATIENCE_S, until

PARTITIONS, POOL, STREAMS = 2, "riverside", 10


@pytest.fixture(scope="module")
def kafka():
    with EmbeddedKafka() as kafka:
        ensure_topics({"bootstrap.servers": kafka.bootstrap_servers}, PARTITIONS)
        yield kafka


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Web:
    """The process, as `up` starts it, and what a caller sees of it."""

    def __init__(self, kafka, folder):
        self.folder, self.port, self.pages_port = folder, free_port(), free_port()
        self.file = folder / "shelf.toml"
        self.file.write_text(
            f'data_dir = "data"\npartitions = {PARTITIONS}\n[kafka]\nbootstrap_servers = "{kafka.bootstrap_servers}"\n'
            f"[http]\nport = {self.port}\nweb_port = {self.pages_port}\n"
        )
        self.connection = connect(self.file, None)
        self.process = None

    def start(self):
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "commonshelf", "worker", "http", "--config", str(self.file)],
                env={WATCH_STDIN_VARIABLE: "1"}, stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        until(self.is_ready, (self.folder / "log.txt").read_text)

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def is_ready(self):
        assert self.process.poll() is None, (self.folder / "log.txt").read_text()
        try:
            return httpx.get(f"http://127.0.0.1:{self.pages_port}/ready", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def ask(self, method, path, **more):
        return httpx.request(
            method, f"http://127.0.0.1:{self.port}/v1{path}", trust_env=False, timeout=PATIENCE_S, **more
        )

    def stores(self):
        return [one["store"] for one in self.ask("GET", f"/pools/{POOL}/directory").json()["stores"]]

    def add_store(self, store):
        now_ms = time.time_ns() // 1_000_000
        changes = (PoolSettings(name="Riverside"), StoreSettings(store=store, name=store.title()))
        records = [ConfigChange(pool=POOL, recorded_at_ms=now_ms, origin="test", change=one) for one in changes]
        records.append(CatalogItem(pool=POOL, sku="MILK", name="Milk", recorded_at_ms=now_ms))
        publish_settings(self.connection.kafka_options, PARTITIONS, records)
        list_store(self.connection, POOL, PublicListing(store=store))


@pytest.fixture(scope="module")
def web(kafka, tmp_path_factory):
    made = Web(kafka, tmp_path_factory.mktemp("web"))
    made.add_store("anna")
    made.start()
    until(lambda: made.stores() == ["anna"])
    yield made
    made.kill()


def test_killed_it_comes_back_with_what_it_had_and_what_came_since(web):
    web.kill()
    web.add_store("bert")
    web.start()
    assert web.stores() == ["anna", "bert"]


def test_its_tables_are_read_again_when_they_are_gone(web):
    web.kill()
    shutil.rmtree(web.connection.settings.state_dir("http"))
    web.start()
    assert web.stores() == ["anna", "bert"]


def test_while_kafka_is_away_it_shows_what_it_has_and_takes_nothing(web, kafka):
    key = make_key(web.connection, POOL, "a test", ["orders:write"])
    headers = {"Authorization": f"Bearer {key.token}", "Idempotency-Key": "one"}
    until(lambda: web.ask("GET", "/key", headers=headers).status_code == 200)
    kafka.pause()
    try:
        assert web.stores() == ["anna", "bert"]
        terms = {
            "mode": "pickup", "preferred_store": "anna", "deadline_ms": time.time_ns() // 1_000_000 + 3_600_000,
            "lines": [{"line_id": "1", "sku": "MILK", "quantity_milli": 1000}],
        }  # fmt: skip
        answer = web.ask("POST", f"/pools/{POOL}/orders", json=terms, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "unconfirmed")
    finally:
        kafka.resume()
    again = web.ask("POST", f"/pools/{POOL}/orders", json=terms, headers=headers, params={"wait_ms": 0})
    assert again.status_code == 202  # no worker decides here; Kafka has it
    web.add_store("cleo")
    until(lambda: web.stores() == ["anna", "bert", "cleo"])


def test_live_streams_end_when_it_is_stopped(web):
    with ExitStack() as streams:
        client = streams.enter_context(httpx.Client(trust_env=False, timeout=PATIENCE_S))
        url = f"http://127.0.0.1:{web.port}/v1/pools/{POOL}/events"
        told = [streams.enter_context(client.stream("GET", url)).iter_text() for _ in range(STREAMS)]
        assert {next(one) for one in told} == {": listening\n\n"}
        web.process.terminate()
        for one in told:
            list(one)  # one that is cut off is an error
        assert web.process.wait(PATIENCE_S) == 0
    web.start()


def test_its_metrics_are_not_where_the_world_asks(web):
    assert httpx.get(f"http://127.0.0.1:{web.port}/metrics", trust_env=False).status_code == 404
    assert httpx.get(f"http://127.0.0.1:{web.pages_port}/metrics", trust_env=False).status_code == 200
