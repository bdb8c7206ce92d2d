"""The directory on a real Kafka: killed anywhere, it tells everybody each thing once."""

import time
from itertools import groupby

from confluent_kafka import Producer

from messaging.log_reader import read_log
from schemas.partition import partition_of
from schemas.topics import POOL_TICKS, PUBLIC_AGGREGATES
from tests.conftest import PARTITIONS
from tests.support.directory_bench import PUBLIC, DirectoryBench
from tests.support.pool import BREAD, POOL
from tests.support.shop import write_settings
from tests.support.started_worker import start_worker
from tests.support.waiting import until

STORES = ("anna", "bert", "corner", "dora")


def told_by_a_bench():
    """Four stores whose shelves move, and two mornings."""
    bench = DirectoryBench()
    bench.pool()
    bench.item(BREAD)
    for store in STORES:
        bench.store(store)
        bench.shows(store, shows_bands=store != "dora", in_aggregates=True)
    for units in (9, 3, 0, 12, 2):
        for store in STORES:
            bench.shelf(BREAD, store, units)
    bench.tick(0)
    bench.tick(1)
    bench.commit()
    return bench


def publish(bench, options):
    """The bench's records in their order; a clock's tick is of a later moment than the shelves before it."""
    producer = Producer(options)
    partition = partition_of(POOL, PARTITIONS)
    for is_tick, records in groupby(bench.inputs, lambda one: one.topic == POOL_TICKS.name):
        for record in records:
            producer.produce(record.topic, record.value, record.key, partition)
        producer.flush()
        time.sleep(0 if is_tick else 0.01)


def public(options):
    """Topic → (key, value) of the pool, in order."""
    found = {}
    for topic in PUBLIC:
        records = read_log(options, [topic], [partition_of(POOL, PARTITIONS)])
        found[topic] = [(record.key(), record.value()) for record in records]
    return found


def test_a_directory_that_is_killed_tells_everybody_each_thing_once(kafka_alone, tmp_path):
    write_settings(tmp_path, kafka_alone.bootstrap_servers, PARTITIONS)
    bench = told_by_a_bench()
    expected = {
        topic: [(one.key.encode(), one.value) for one in bench.outputs if one.topic == topic] for topic in PUBLIC
    }
    assert len(expected[PUBLIC_AGGREGATES.name]) == 1
    publish(bench, kafka_alone.options)
    for failpoint in ("after_produce=kill:1", "before_commit=kill:1", "after_commit=kill:1", "mid_restore=kill:1"):
        start_worker("directory", tmp_path, failpoint).wait()
    worker = start_worker("directory", tmp_path)
    try:
        until(lambda: public(kafka_alone.options) == expected, (tmp_path / "log.txt").read_text)
    finally:
        worker.kill()
        worker.communicate()
