"""Inputs that are held back come again on a real Kafka: after the partition was given away, and with their end."""

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from messaging.topic_admin import ensure_topics
from schemas.topics import POOL_TICKS, POS_SALES
from streams.runtime.assigned_partition import AssignedPartition
from streams.runtime.intake import Intake
from streams.runtime.merge import Inbox
from tests.support.waiting import PATIENCE_S, until

TOPICS = (POS_SALES.name, POOL_TICKS.name)
BATCH_BYTES = 10_000
RECORDS = 100


@pytest.fixture(scope="module")
def bootstrap_servers():
    with EmbeddedKafka() as kafka:
        ensure_topics({"bootstrap.servers": kafka.bootstrap_servers}, 1)
        yield kafka.bootstrap_servers


def publish(bootstrap_servers, topic, records):
    producer = Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True})
    for _ in range(records):
        producer.produce(topic, bytes(1_000), "pool", 0)
    assert producer.flush(PATIENCE_S) == 0


class Reader:
    """One partition of both topics, read as a worker reads it."""

    def __init__(self, bootstrap_servers, group):
        self.consumer = Consumer({
            "bootstrap.servers": bootstrap_servers, "group.id": group, "enable.auto.commit": False,
            "isolation.level": "read_committed", "enable.partition.eof": True, "auto.offset.reset": "error",
        })  # fmt: skip
        self.intake = Intake(self.consumer, TOPICS, 1_000, BATCH_BYTES, pytest.fail)
        self.is_given(dict.fromkeys(TOPICS, 0))

    def is_given(self, offsets):
        """The partition, from these offsets on."""
        self.held = {
            0: AssignedPartition(0, None, None, Inbox((), TOPICS), dict(offsets), dict(offsets), dict(offsets))
        }
        self.consumer.assign([TopicPartition(topic, 0, offset) for topic, offset in offsets.items()])

    def read_until(self, has_come):
        def has_come_now():
            if has_come():
                return True
            self.intake.take(self.consumer.consume(50, timeout=0.05), self.held)
            self.intake.mind_backlog(self.held)
            return False

        until(has_come_now, pause_s=0)

    def holds_back(self, topic):
        return (topic, 0) in self.intake._paused

    def fetched(self, topic):
        return self.held[0].fetched_offsets[topic]

    def work_off(self):
        return len(list(self.held[0].inbox.ready()))


@pytest.fixture
def reader(bootstrap_servers, request):
    reader = Reader(bootstrap_servers, request.node.name)
    yield reader
    reader.consumer.close()


def test_a_partition_that_comes_back_is_fetched_though_it_was_held_back_when_it_went(bootstrap_servers, reader):
    publish(bootstrap_servers, POS_SALES.name, RECORDS)
    reader.read_until(lambda: reader.holds_back(POS_SALES.name))

    reader.consumer.unassign()
    reader.is_given(dict.fromkeys(TOPICS, 0))
    reader.read_until(lambda: reader.fetched(POS_SALES.name) > 0)


def test_an_input_that_was_held_back_at_its_end_is_told_to_be_at_its_end_again(bootstrap_servers, reader):
    publish(bootstrap_servers, POS_SALES.name, RECORDS)
    _, end = reader.consumer.get_watermark_offsets(TopicPartition(POS_SALES.name, 0), timeout=PATIENCE_S)
    while reader.fetched(POS_SALES.name) < end or reader.held[0].inbox.starving():
        reader.intake.take(reader.consumer.consume(50, timeout=0.05), reader.held)
    reader.intake.mind_backlog(reader.held)
    assert reader.holds_back(POS_SALES.name)

    assert reader.work_off() == end
    reader.intake.mind_backlog(reader.held)
    assert not reader.holds_back(POS_SALES.name)
    publish(bootstrap_servers, POOL_TICKS.name, 1)
    reader.read_until(lambda: reader.work_off() == 1)
