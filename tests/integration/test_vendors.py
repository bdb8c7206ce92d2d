"""A vendor's connector on a real Kafka: stored positions, kills, history apart from stock, status."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from typer.testing import CliRunner

from commonshelf.cli import app
from commonshelf.desks.connector_positions import stored_positions
from messaging.log_reader import read_table
from schemas.codec import topic_codec
from schemas.models.config import PoolSettings, StoreSettings
from schemas.topics import POS_HISTORY, POS_SALES
from tests.support.rigs.rig import CANARY, HOUR_MS, Order
from tests.support.rigs.square import LOCATION, URL, SquareRig
from tests.support.shop import PoolWithShop
from tests.support.vendor_server import VendorServer
from tests.support.waiting import PATIENCE_S, until


class SquareStore:
    """A store with Square, and the connectors' process as `up` runs it."""

    def __init__(self, rig, server, kafka, partitions, pool, folder):
        self.rig, self.pool, self._kafka = rig, pool, kafka
        self.now_ms = rig.now_ms = time.time_ns() // 1_000_000
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        (folder / "token").write_text(rig.token)
        (folder / "secret").write_bytes(rig.secret)
        self.config, self.log = folder / "shelf.toml", folder / "log"
        self.config.write_text(
            f"data_dir = 'data'\npartitions = {partitions}\n"
            f"[kafka]\nbootstrap_servers = '{kafka.bootstrap_servers}'\n"
            f"[http]\nwebhook_port = {self.port}\nconnectors_port = 0\n"
            f"[[pools]]\nid = '{pool}'\nname = 'North'\n[[stores]]\nid = 'anna'\nname = 'Anna'\n"
            f"[[stores.connectors]]\nkind = 'square'\nlocation_id = '{LOCATION}'\ntoken_file = 'token'\n"
            f"secret_file = 'secret'\nwebhook_url = '{URL}'\nbase_url = '{server.url}'\npoll_interval_s = 1\n"
            "poll_overlap_s = 60\n"
        )
        self._process = None

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        if self._process is not None:
            self.kill()

    def start(self):
        command = [sys.executable, "-m", "commonshelf", "worker", "connectors", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=os.environ, stdout=log, stderr=log)

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(PATIENCE_S)

    def notify(self, order):
        headers, body = self.rig.notice(order)
        try:
            url = f"http://127.0.0.1:{self.port}/webhooks/square/anna"
            return httpx.post(url, content=body, headers=headers, timeout=PATIENCE_S).status_code
        except httpx.TransportError:
            return None

    def connect(self, *words):
        ran = CliRunner().invoke(app, ["connect", *words, "--config", str(self.config)])
        assert ran.exit_code == 0, ran.output
        return ran.output

    def sales(self):
        """Source ids of all sales of the pool, with their repeats."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer(
            {**self._kafka.options, "group.id": "unused", "enable.auto.commit": False, "enable.partition.eof": True}
        )
        partitions = len(consumer.list_topics(POS_SALES.name, timeout=PATIENCE_S).topics[POS_SALES.name].partitions)
        consumer.assign([TopicPartition(POS_SALES.name, number, 0) for number in range(partitions)])
        found, ended = [], 0
        while ended < partitions:
            message = consumer.poll(PATIENCE_S)
            if message.error():
                ended += 1
            elif message.key() == self.pool.encode():
                found.append(topic_codec(POS_SALES.name).decode(message.value())["source"]["id"])
        consumer.close()
        return found

    def cursors(self):
        found = [each for each in stored_positions(self._kafka.options) if each["pool"] == self.pool]
        return {each["feed"]: each["cursor"] for each in found}


@pytest.fixture
def shop(kafka, topics, pool_name, tmp_path):
    rig = SquareRig()
    with VendorServer(rig.answer) as server, SquareStore(rig, server, kafka, topics, pool_name, tmp_path) as shop:
        yield shop


def test_a_killed_host_reads_on_from_the_position_in_kafka_and_loses_nothing(shop):
    told = []
    for life in range(4):
        shop.start()
        until(lambda: set(shop.cursors()) >= {"orders"})
        for number in range(5):
            order = Order(f"A{life}-{number}", at_ms=shop.now_ms + life * HOUR_MS + number * 1_000)
            shop.rig.record(order)
            told.append(order.id)
        until(lambda: set(shop.sales()) >= set(told))
        until(lambda life=life: shop.cursors()["orders"] >= shop.now_ms + life * HOUR_MS)
        shop.kill()
        if life == 1:
            told_of_the_first = shop.sales().count("A0-0")
    log = shop.log.read_text()
    assert "connectors run" in log
    assert [secret for secret in (shop.rig.token, shop.rig.secret.decode(), CANARY) if secret in log] == []
    found = shop.sales()
    assert set(found) == set(told)
    assert found.count("A0-0") == told_of_the_first, "what lies before the overlap is not read again"


def test_a_webhook_between_kills_is_in_kafka_once_it_was_answered(shop):
    answered = []
    for life in range(4):
        shop.start()
        for number in range(30):
            order = Order(f"W{life}-{number}", at_ms=shop.now_ms)
            shop.rig.record(order)
            until(lambda order=order: shop.notify(order) == 200)
            answered.append(order.id)
        shop.kill()
    assert set(shop.sales()) >= set(answered)


def test_history_is_fed_apart_from_stock_and_a_repeat_changes_nothing(shop, kafka):
    shop.rig.record(*(Order(f"H{day}", at_ms=shop.now_ms - day * 24 * HOUR_MS) for day in range(1, 60)))
    told = shop.connect("backfill", "anna", "--since", "30d")
    assert told.startswith("square: 29 sales with 29 lines are in the history")
    assert shop.connect("backfill", "anna", "--since", "30d") == told
    history = read_table(kafka.options, POS_HISTORY.name)
    mine = {key: value for key, value in history.items() if key.startswith(shop.pool.encode())}
    assert len(mine) == 29
    assert topic_codec(POS_HISTORY.name).decode(mine[f"{shop.pool}/anna/square/H1".encode()])["source"]["id"] == "H1"
    assert shop.sales() == []


def test_read_is_one_poll_published_and_remembered(shop):
    shop.connect("read", "anna")
    before = shop.cursors()
    shop.rig.record(Order("A1", at_ms=shop.now_ms + HOUR_MS))
    assert shop.connect("read", "anna") == "square: read to its end, published\n"
    assert shop.sales() == ["A1"]
    assert shop.cursors() == before | {"orders": shop.now_ms + HOUR_MS}


def test_status_says_how_far_each_connector_has_read(shop):
    shop.connect("read", "anna")
    (status,) = json.loads(shop.connect("status", "--json"))
    assert (status["store"], status["kind"]) == ("anna", "square")
    assert set(status["cursors"]) == {"orders", "changes", "counts"}


def test_what_a_connector_refused_of_an_item_is_told_after_a_kill_until_a_later_version_mends_it(shop, kafka, topics):
    def refused():
        found = json.loads(shop.connect("status", "anna", "--items", "--json"))
        return {each["item"]: each["lines_refused"] for each in found if each["lines_refused"]}

    settings = PoolWithShop(kafka, topics, shop.pool, shop.config)
    settings.configure(PoolSettings(name="North"), StoreSettings(store="anna", name="Anna"))
    shop.start()
    until(lambda: set(shop.cursors()) >= {"orders"})
    order = Order("R1", (("milk", "2"), ("bread", "many")), at_ms=shop.now_ms)
    shop.rig.record(order)
    until(lambda: shop.notify(order) == 200)
    shop.kill()  # maybe while the order was told once more: its sale in Kafka, what was refused of it not yet
    shop.start()
    until(lambda: refused() == {"item:bread": 1})
    mended = order.revised(("milk", "2"), ("bread", "1"))
    shop.rig.record(mended)
    until(lambda: shop.notify(mended) == 200)
    until(lambda: refused() == {})
