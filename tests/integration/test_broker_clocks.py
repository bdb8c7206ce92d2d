"""What doctor sees of brokers' clocks: how far the stamp of a tick is behind what the tick says."""

import time

from confluent_kafka import Producer

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.stack.broker_clocks import furthest_behind
from messaging.topic_admin import TopicsError, ensure_topics
from schemas.codec import topic_codec
from schemas.topics import POOL_TICKS
from tests.support.waiting import until

_PARTITIONS = 2
_TOLERANCE_MS = 60_000
"""A busy machine may stamp so much later than the tick was made."""


def publish(bootstrap_servers: str, *values: bytes, partition: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap_servers})
    for value in values:
        producer.produce(POOL_TICKS.name, value, "north", partition)
    assert producer.flush(60) == 0


def tick(ahead_s: int) -> bytes:
    at_ms = time.time_ns() // 1_000_000 + 1_000 * ahead_s
    return topic_codec(POOL_TICKS.name).encode({"pool": "north", "at_ms": at_ms, "origin": "test"})


def is_told(kafka: EmbeddedKafka) -> bool:
    try:
        furthest_behind(kafka.client_options)
    except TopicsError:
        return False
    return True


def test_the_newest_tick_of_each_partition_tells_how_far_its_broker_is_behind():
    with EmbeddedKafka() as kafka:
        ensure_topics(kafka.client_options, _PARTITIONS)
        until(lambda: is_told(kafka), "leaders of the new topics")
        assert furthest_behind(kafka.client_options) is None

        publish(kafka.bootstrap_servers, tick(4_000), tick(0), partition=0)
        agreeing = furthest_behind(kafka.client_options)
        publish(kafka.bootstrap_servers, tick(0), tick(600), b"no tick", partition=1)
        behind = furthest_behind(kafka.client_options)

    assert agreeing is not None
    assert -_TOLERANCE_MS <= agreeing.behind_ms <= 0
    assert behind is not None
    assert behind.partition == 1
    assert 600_000 - _TOLERANCE_MS <= behind.behind_ms <= 600_000
