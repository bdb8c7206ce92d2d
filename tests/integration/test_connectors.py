"""Connectors against a real Kafka: where events land, and what kills and silences cost (nothing)."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from connectors.http.signature import HEADER, sign
from messaging.publisher import Publisher, PublishFailed, TopicMismatch
from messaging.topic_admin import ensure_topics
from schemas.codec import topic_codec
from schemas.models.pos import Sale, SaleLine, Source, StockLine, StockReport
from schemas.partition import partition_of
from schemas.topics import POS_SALES, POS_STOCK
from tests.support.waiting import PATIENCE_S, until

SECRET = "a-secret-of-the-store-grocer-7"
GTIN = "4006381333931"
WEBHOOK = {"kind": "webhook", "secret_env": "GROCER_SECRET"}
ROOT = Path(__file__).parents[2]

HOST = """
import json, os, signal, sys
from pathlib import Path
from zoneinfo import ZoneInfo
from commonshelf.desks.connector_positions import stored_positions
from connectors.contract import StoreContext
from connectors.host import run_connectors
from connectors.installed import installed
from connectors.positions import Positions
from messaging.publisher import Publisher
from connectors.specs import ConnectorSpec
told = json.loads(sys.argv[1])
class Doomed(Publisher):
    # Ends between Kafka's acknowledgement and the answer, at the request of that number.
    taken = 0
    async def publish_acked(self, events):
        await super().publish_acked(events)
        self.taken += 1
        if self.taken == told["dies_at"]:
            os.kill(os.getpid(), signal.SIGKILL)
store = StoreContext(told["pool"], "grocer-7", ZoneInfo("UTC"), "EUR")
options = installed()[0][told["options"]["kind"]].options.model_validate(told["options"])
kafka = {"bootstrap.servers": told["bootstrap"]}
with Doomed(kafka, told["partitions"]) as publisher:
    positions = Positions(lambda: stored_positions(kafka), publisher)
    specs = [ConnectorSpec(store, options)]
    run_connectors(specs, publisher, positions, "127.0.0.1", told["port"], Path(told["state_dir"]))
"""


class HostProcess:
    """The connectors in a process of their own, as the supervisor runs them."""

    def __init__(self, pool, options, bootstrap, partitions, port, state_dir, dies_at=0):
        told = {
            "dies_at": dies_at,
            "pool": pool,
            "options": options,
            "bootstrap": bootstrap,
            "partitions": partitions,
            "port": port,
            "state_dir": str(state_dir),
        }
        self._command = [sys.executable, "-c", HOST, json.dumps(told)]
        self.url = f"http://127.0.0.1:{port}"
        self._process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.kill()

    def start(self):
        environment = os.environ | {"GROCER_SECRET": SECRET, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            self._command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def wait_until_ready(self):
        until(lambda: self._status("/health") == 200)

    def kill(self):
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def terminate(self):
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE_S)

    def _status(self, path):
        try:
            return httpx.get(self.url + path, timeout=10).status_code
        except httpx.TransportError:
            return None


def read_all(bootstrap, topic, pool, partitions):
    """(partition, key, event) of every record of `pool` on any partition of `topic`, up to its end now."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    codec = topic_codec(topic)
    found = []
    with closing(consumer):
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
        ended = set()
        while len(ended) < partitions:
            message = consumer.poll(PATIENCE_S)
            assert message is not None, "Kafka went silent"
            if message.error():
                assert message.error().code() == KafkaError._PARTITION_EOF
                ended.add(message.partition())
            elif message.key() == pool.encode():
                found.append((message.partition(), message.key(), codec.decode(message.value())))
    return found


def lines_of(records):
    return Counter(
        (event["source"]["id"], line["line_id"], line["quantity_milli"])
        for _, _, event in records
        for line in event["lines"]
    )


def sale(pool, number=1):
    return Sale(
        pool=pool,
        store="grocer-7",
        source=Source(system="webhook", id=f"1/{number}"),
        occurred_at_ms=1_772_352_900_000,
        recorded_at_ms=1_772_352_901_000,
        lines=(SaleLine(line_id="1", code="plu:4011", quantity_milli=485, unit="kg"),),
    )


def test_events_land_on_their_pools_partition_under_its_key(kafka, topics, pool_name):
    report = StockReport(
        **sale(pool_name).model_dump(include={"pool", "store", "occurred_at_ms", "recorded_at_ms"}),
        source=Source(system="csv", id="level/1"),
        kind="level",
        lines=(StockLine(line_id="1", code="plu:4011", quantity_milli=-2_000),),
    )
    with Publisher(kafka.options, topics) as publisher:
        publisher.publish(sale(pool_name, 1)).result(PATIENCE_S)
        publisher.publish_all([report, sale(pool_name, 2)])
        publisher.publish(sale(pool_name, 3), {"cause": b"test"})
        publisher.flush()
    home = partition_of(pool_name, topics)
    sales = read_all(kafka.bootstrap_servers, POS_SALES.name, pool_name, topics)
    reports = read_all(kafka.bootstrap_servers, POS_STOCK.name, pool_name, topics)
    assert [(partition, event) for partition, _, event in sales] == [
        (home, sale(pool_name, number).to_avro()) for number in (1, 2, 3)
    ]
    assert [(partition, event) for partition, _, event in reports] == [(home, report.to_avro())]


def test_a_publisher_for_another_number_of_partitions_is_told(kafka, topics):
    with Publisher(kafka.options, topics + 1) as publisher, pytest.raises(TopicMismatch, match=f"has {topics} part"):
        publisher.check_topics([POS_SALES.name])
    with Publisher(kafka.options, topics) as publisher:
        publisher.check_topics([POS_SALES.name])


def test_a_drop_folder_that_is_killed_in_the_middle_of_a_file_loses_no_line(kafka, topics, pool_name, tmp_path):
    rows, kills = 60_000, 4
    folder = tmp_path / "in"
    options = {"kind": "drop_folder", "folder": str(folder), "settle_ms": 50}
    host = HostProcess(pool_name, options, kafka.bootstrap_servers, topics, 0, tmp_path / "state")
    folder.mkdir()
    with (folder / ".sales-1.tmp").open("w") as out:
        out.write("register,receipt_no,line_no,sold_at,gtin,qty\n")
        out.writelines(f"1,{n // 12},{n % 12},2026-03-01 09:15,{GTIN},{n % 9 + 1}\n" for n in range(rows))
        out.write("1,9999,1,2026-03-01 09:15,4006381333932,1\n")
    (folder / ".sales-1.tmp").rename(folder / "sales-1.csv")

    def confirmed():
        path = tmp_path / "state" / f"folder-{pool_name}-grocer-7.sqlite"
        if not path.exists():
            return 0
        with closing(sqlite3.connect(path, timeout=PATIENCE_S)) as state:
            try:
                return state.execute("SELECT MAX(rows_confirmed) FROM drops").fetchone()[0] or 0
            except sqlite3.OperationalError:  # the table is not made yet
                return 0

    landed = []
    with host:
        for number in range(kills):
            threshold = rows * (2 * number + 1) // (2 * kills + 1)
            until(lambda threshold=threshold: confirmed() > threshold)
            host.kill()
            landed.append(confirmed())
            host.start()
        until((folder / "rejected" / "sales-1.csv.report.txt").exists)
        until(lambda: not (folder / "sales-1.csv").exists())
    assert all(0 < at < rows for at in landed), "each kill must land while rows are under way"
    found = lines_of(read_all(kafka.bootstrap_servers, POS_SALES.name, pool_name, topics))
    expected = {(f"1/2026-03-01/{n // 12}", str(n % 12), 1000 * (n % 9 + 1)) for n in range(rows)}
    assert set(found) == expected
    assert found.total() - rows <= kills * 2 * 2_012  # what was published and not yet noted, at most
    report = (folder / "rejected" / "sales-1.csv.report.csv").read_text().splitlines()
    assert [row.split(",")[1:3] for row in report[1:]] == [[str(rows + 2), "gtin"]]


def test_whatever_a_webhook_answered_202_is_in_kafka_however_often_it_is_killed(
    kafka, topics, pool_name, tmp_path, unused_port
):
    kills, senders = 8, 4
    acknowledged, over = [], threading.Event()

    def send(sender):
        number = 0
        while not over.is_set():
            body = webhook_body(f"{sender}/{number}")
            headers = {"Content-Type": "application/json", HEADER: sign(SECRET.encode(), body, int(time.time()))}
            try:
                answer = httpx.post(f"{host.url}/webhooks/v1/grocer-7", content=body, headers=headers, timeout=10)
            except httpx.TransportError:
                time.sleep(0.02)
                continue
            if answer.status_code == 202:
                acknowledged.append(f"{sender}/{number}")
                number += 1

    with HostProcess(pool_name, WEBHOOK, kafka.bootstrap_servers, topics, unused_port, tmp_path) as host:
        host.wait_until_ready()
        threads = [threading.Thread(target=send, args=(sender,)) for sender in range(senders)]
        for thread in threads:
            thread.start()
        try:
            for number in range(kills):
                seen = len(acknowledged)
                until(lambda seen=seen, number=number: len(acknowledged) > seen + 5 * number)
                host.kill()
                host.start()
            seen = len(acknowledged)
            until(lambda seen=seen: len(acknowledged) > seen + 20)
        finally:
            over.set()
            for thread in threads:
                thread.join(PATIENCE_S)
        assert host.terminate() == 0
    found = lines_of(read_all(kafka.bootstrap_servers, POS_SALES.name, pool_name, topics))
    assert {source_id for source_id, _, _ in found} >= set(acknowledged)
    assert len(acknowledged) == len(set(acknowledged))


def test_a_process_that_ends_between_kafka_and_the_answer_has_told_it_once_for_the_pool(
    kafka, topics, pool_name, tmp_path, unused_port
):
    deaths, at_request = 5, 4
    with HostProcess(pool_name, WEBHOOK, kafka.bootstrap_servers, topics, unused_port, tmp_path, at_request) as host:
        for number in range(deaths * (at_request - 1) + 1):
            body = webhook_body(str(number))
            headers = {"Content-Type": "application/json", HEADER: sign(SECRET.encode(), body, int(time.time()))}
            while True:
                try:
                    answer = httpx.post(f"{host.url}/webhooks/v1/grocer-7", content=body, headers=headers, timeout=30)
                except httpx.TransportError:  # as the sender sees it: it sends again
                    host.kill()
                    host.start()
                    host.wait_until_ready()
                    continue
                assert answer.status_code == 202
                break
    found = lines_of(read_all(kafka.bootstrap_servers, POS_SALES.name, pool_name, topics))
    assert {source_id for source_id, _, _ in found} == {str(n) for n in range(deaths * (at_request - 1) + 1)}
    assert max(found.values()) == 2, "the one that was stored and not answered came again under the same name"


def test_a_frozen_kafka_means_503_and_the_same_request_succeeds_afterwards(tmp_path, unused_port):
    with EmbeddedKafka() as frozen:
        ensure_topics({"bootstrap.servers": frozen.bootstrap_servers}, 2)
        with HostProcess("north", WEBHOOK, frozen.bootstrap_servers, 2, unused_port, tmp_path) as host:
            host.wait_until_ready()

            def post():
                body = webhook_body("1")
                headers = {"Content-Type": "application/json", HEADER: sign(SECRET.encode(), body, int(time.time()))}
                return httpx.post(f"{host.url}/webhooks/v1/grocer-7", content=body, headers=headers, timeout=30)

            assert post().status_code == 202
            frozen.pause()
            unanswered = post()
            frozen.resume()
            assert (unanswered.status_code, "Retry-After" in unanswered.headers) == (503, True)
            until(lambda: post().status_code == 202)
            assert host.terminate() == 0
        found = lines_of(read_all(frozen.bootstrap_servers, POS_SALES.name, "north", 2))
    assert set(found) == {("1", str(n), 2_000) for n in range(12)}


def test_events_that_kafka_cannot_take_are_told_and_not_lost_in_silence(kafka, pool_name):
    def publish_and_flush():
        with Publisher(kafka.options | {"delivery.timeout.ms": "3000"}, 10_000) as publisher:
            publisher.publish(sale(pool_name))  # tells at once when it knows the topic's partitions by then
            publisher.flush()

    with pytest.raises(PublishFailed):
        publish_and_flush()


def webhook_body(source_id):
    lines = [{"line_id": str(n), "gtin": GTIN, "quantity": "2"} for n in range(12)]
    return json.dumps(
        {"sales": [{"id": source_id, "occurred_at": "2026-03-01T09:15:00Z", "register": "1", "lines": lines}]}
    ).encode()


@pytest.fixture
def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
