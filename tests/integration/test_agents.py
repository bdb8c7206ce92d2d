"""The agents worker as a process of its own, on a real Kafka."""

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import closing

import httpx
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from schemas.codec import topic_codec
from schemas.models.config import ConfigChange, PoolSettings
from schemas.partition import partition_of
from schemas.topics import POOL_CONFIG, POOL_TICKS
from tests.proof.faults.topic_log import patiently
from tests.support.waiting import PATIENCE_S, until

PARTITIONS = 4
RUN = """
import json, sys
from pathlib import Path
from streams.agents.settings import AgentsSettings
from streams.agents import worker
from messaging.logs import log_to_stderr
log_to_stderr()
given = json.loads(sys.argv[1])
overrides, make_app = given.pop("faust_options"), worker.faust.App
worker.faust.App = lambda *told, **options: make_app(*told, **(options | overrides))
given |= {"data_dir": Path(given["data_dir"]), "data_clock_pools": frozenset(given["data_clock_pools"])}
worker.run_agents(AgentsSettings(**given))
"""
SESSION_S = 1_500
"""Longer than a test waits for anything."""


class Worker:
    """An agents worker process and what it says."""

    def __init__(self, bootstrap_servers, folder, **options):
        given = {
            "tick_interval_ms": 100,
            "partitions": PARTITIONS,
            "data_clock_pools": ["demo"],
            "faust_options": {},
        } | options
        given = {"faust_options": {}, "bootstrap_servers": bootstrap_servers} | given
        given |= {"data_dir": str(folder / "faust")}
        self.log = folder / f"worker-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-c", RUN, json.dumps(given)], stderr=log, stdout=log)

    def url(self):
        found = until(lambda: re.search(r"pages at (http://\S+)/health", self.log.read_text()))
        return found.group(1)

    def is_ready(self):
        return httpx.get(f"{self.url()}/ready").status_code == 200

    def end(self, by):
        """Send the signal; return the exit status."""
        self.process.send_signal(by)
        return self.process.wait(PATIENCE_S)


def create_topics(kafka, *topics, partitions=PARTITIONS):
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    wanted = [NewTopic(topic.name, partitions, 1, config=topic.kafka_config()) for topic in topics]
    for created in admin.create_topics(wanted).values():
        created.result(PATIENCE_S)


def declare(kafka, pool, *, taken_back=False):
    change = ConfigChange(pool=pool, recorded_at_ms=1, origin="test", change=PoolSettings(name=pool))
    value = None if taken_back else topic_codec(POOL_CONFIG.name).encode(change.to_avro())
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce(POOL_CONFIG.name, key=change.key, value=value, partition=partition_of(pool, PARTITIONS))
    assert producer.flush(PATIENCE_S) == 0


def ticks_from_now(kafka):
    """A consumer of every tick that is appended after this call."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "unused"})
    starts = []
    for number in range(PARTITIONS):
        at = TopicPartition(POOL_TICKS.name, number)
        _, end = patiently(lambda at=at: consumer.get_watermark_offsets(at, PATIENCE_S))
        starts.append(TopicPartition(POOL_TICKS.name, number, end))
    consumer.assign(starts)
    return closing(consumer)


def read_ticks(consumer, enough):
    """Ticks until `enough` says so of all that were read, as (key, partition, value)."""
    ticks = []

    def read():
        for message in consumer.consume(100, 0.1):
            assert message.error() is None
            value = topic_codec(POOL_TICKS.name).decode(message.value())
            ticks.append((message.key().decode(), message.partition(), value))
        return enough(ticks)

    until(read)
    return ticks


def each_of(*pools, times=3):
    return lambda ticks: all(sum(key == pool for key, _, _ in ticks) >= times for pool in pools)


@pytest.fixture(scope="module")
def kafka():
    with EmbeddedKafka() as kafka:
        create_topics(kafka, POOL_CONFIG, POOL_TICKS)
        for pool in ("north", "south", "demo"):
            declare(kafka, pool)
        yield kafka


@pytest.fixture
def start(kafka, tmp_path):
    """Starts workers, and kills at the end those that still run."""
    workers = []

    def begin(**options):
        workers.append(Worker(options.pop("bootstrap_servers", kafka.bootstrap_servers), tmp_path, **options))
        return workers[-1]

    yield begin
    for worker in workers:
        if worker.process.poll() is None:
            worker.end(signal.SIGKILL)


def test_every_pool_but_one_on_its_data_s_clock_is_ticked_on_its_partition(kafka, start):
    with ticks_from_now(kafka) as consumer:
        before_ms = time.time_ns() // 1_000_000
        worker = start()
        ticks = read_ticks(consumer, each_of("north", "south", times=10))
        after_ms = time.time_ns() // 1_000_000
        assert {(key, partition) for key, partition, _ in ticks} == {
            (pool, partition_of(pool, PARTITIONS)) for pool in ("north", "south")
        }
        for pool in ("north", "south"):
            times_ms = [value["at_ms"] for key, _, value in ticks if key == pool]
            assert times_ms == sorted(times_ms)
            assert before_ms <= times_ms[0] <= times_ms[-1] <= after_ms
            assert all(value["pool"] == key and value["origin"] == "agents" for key, _, value in ticks)
        until(worker.is_ready)
        assert worker.end(signal.SIGTERM) == 0


def test_a_pool_declared_or_taken_back_while_it_runs_is_followed(kafka, start):
    worker = start()
    until(worker.is_ready)
    with ticks_from_now(kafka) as consumer:
        declare(kafka, "newcomer")
        ticks = read_ticks(consumer, each_of("newcomer"))
        assert {number for key, number, _ in ticks if key == "newcomer"} == {partition_of("newcomer", PARTITIONS)}
    declare(kafka, "newcomer", taken_back=True)
    until(lambda: "commonshelf_clock_ticked_pools 2.0" in httpx.get(f"{worker.url()}/metrics").text)
    assert worker.end(signal.SIGINT) == 0


def test_a_worker_that_is_killed_and_started_again_knows_every_pool(kafka, start):
    """At once, while the session of the one that was killed goes on: a stranger would wait until that is over."""
    session = {"broker_session_timeout": SESSION_S, "broker_request_timeout": SESSION_S + 10}
    options = {"group": "agents-that-are-killed", "faust_options": session}
    for _ in range(2):
        worker = start(**options)
        until(worker.is_ready)
        assert worker.end(signal.SIGKILL) == -signal.SIGKILL
    with ticks_from_now(kafka) as consumer:
        start(**options)
        read_ticks(consumer, each_of("north", "south"))


def test_two_workers_share_the_pools_and_one_takes_over(kafka, start):
    first, second = start(instance_id="agents-1"), start(instance_id="agents-2")
    until(lambda: first.is_ready() and second.is_ready())

    def shares():
        pages = [httpx.get(f"{worker.url()}/metrics").text for worker in (first, second)]
        return [
            float(re.search(r"^commonshelf_clock_ticked_pools (\S+)", page, re.MULTILINE).group(1)) for page in pages
        ]

    until(lambda: sum(shares()) == 2.0)
    second.end(signal.SIGKILL)
    with ticks_from_now(kafka) as consumer:
        read_ticks(consumer, each_of("north", "south", times=20))


def test_the_pages_are_all_that_it_serves(start):
    worker = start()
    until(worker.is_ready)
    assert httpx.get(f"{worker.url()}/health").json() == {"ok": True}
    until(lambda: re.search(r"ticks_sent_total [1-9]", httpx.get(f"{worker.url()}/metrics").text))
    assert httpx.get(f"{worker.url()}/table").status_code == 404


def test_a_missing_topic_and_a_wrong_partition_count_stop_it_with_a_sentence(kafka, start, tmp_path):
    worker = start(partitions=6)
    assert worker.process.wait(PATIENCE_S) == 1
    assert "pool.config.v1" in worker.log.read_text()
    assert "has 4 partitions, but the setting says 6" in worker.log.read_text()
    with EmbeddedKafka() as bare:
        worker = start(bootstrap_servers=bare.bootstrap_servers)
        assert worker.process.wait(PATIENCE_S) == 1
    assert f"topic pool.config.v1 is missing in Kafka at {bare.bootstrap_servers}" in worker.log.read_text()


def test_it_waits_for_a_kafka_that_is_down_and_outlives_one_that_goes_down(tmp_path, start):
    with EmbeddedKafka(tmp_path / "kafka") as kafka:
        create_topics(kafka, POOL_CONFIG, POOL_TICKS)
        declare(kafka, "north")
        kafka.kill()
        worker = start(bootstrap_servers=kafka.bootstrap_servers)
        until(lambda: "does not answer" in httpx.get(f"{worker.url()}/ready").json()["reason"])
        kafka.restart()
        until(worker.is_ready)
        kafka.kill()
        until(lambda: not worker.is_ready())
        kafka.restart()
        with ticks_from_now(kafka) as consumer:
            read_ticks(consumer, each_of("north", times=10))
        kafka.pause()
        try:
            assert worker.end(signal.SIGTERM) == 0, "it ends while Kafka says nothing"
        finally:
            kafka.resume()
