"""Inputs that queued up while the workers were down are played in the order in which the broker received them."""

import time
from itertools import pairwise

import pytest
from confluent_kafka import Producer

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from messaging.journal import read_page
from messaging.topic_admin import ensure_topics
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange, PoolSettings, StoreSettings
from schemas.models.pos import Sale, SaleLine, Source, StockLine, StockReport, StockReportKind
from schemas.models.ticks import Tick
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, POOL_CONFIG, POOL_JOURNAL, POOL_TICKS, POS_SALES, POS_STOCK
from streams.runtime.assigned_partition import AssignedPartition
from streams.runtime.intake import Intake
from streams.runtime.merge import Inbox
from tests.proof.faults.topic_log import read_topics
from tests.support.ledger_process import LedgerProcess
from tests.support.waiting import PATIENCE_S, until

PARTITIONS = 2
POOL = "backlogged"
ROUNDS, SALES_PER_ROUND, REPORTS_PER_ROUND = 60, 40, 5
RECORDS = ROUNDS * (SALES_PER_ROUND + REPORTS_PER_ROUND + 1) + 3


@pytest.fixture(scope="module")
def bootstrap_servers():
    with EmbeddedKafka() as kafka:
        ensure_topics({"bootstrap.servers": kafka.bootstrap_servers}, PARTITIONS)
        yield kafka.bootstrap_servers


def queue_up(bootstrap_servers):
    """Stock reports, sales of less and ticks in turns, each round later than the last; the settings come last."""
    producer = Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 0})
    home = partition_of(POOL, PARTITIONS)
    now_ms = time.time_ns() // 1_000_000

    def send(topic, event, key=POOL):
        producer.produce(topic, topic_codec(topic).encode(event.to_avro()), key, home)

    def told(kind, number):
        name = Source(system="test", id=f"{kind}-{number}")
        return {"pool": POOL, "store": "mill", "source": name, "occurred_at_ms": now_ms, "recorded_at_ms": now_ms}

    for number in range(ROUNDS):
        for n in range(REPORTS_PER_ROUND):
            line = StockLine(line_id="1", code="sku:milk", quantity_milli=9000)
            report = StockReport(**told("report", f"{number}-{n}"), kind=StockReportKind.received, lines=(line,))
            send(POS_STOCK.name, report)
        producer.flush(PATIENCE_S)
        for n in range(SALES_PER_ROUND):
            line = SaleLine(line_id="1", code="sku:milk", quantity_milli=1000)
            send(POS_SALES.name, Sale(**told("sale", f"{number}-{n}"), lines=(line,)))
        producer.flush(PATIENCE_S)
        send(POOL_TICKS.name, Tick(pool=POOL, at_ms=now_ms + number, origin="test"))
        producer.flush(PATIENCE_S)
    for change in (PoolSettings(name="Backlogged"), StoreSettings(store="mill", name="Mill")):
        event = ConfigChange(pool=POOL, recorded_at_ms=now_ms, origin="test", change=change)
        send(POOL_CONFIG.name, event, event.key)
    item = CatalogItem(pool=POOL, sku="milk", name="Milk", recorded_at_ms=now_ms)
    send(CATALOG_ITEMS.name, item, item.key)
    assert producer.flush(PATIENCE_S) == 0


def journal(bootstrap_servers):
    pages = read_topics(bootstrap_servers, [POOL_JOURNAL.name], PARTITIONS)
    return [entry for page in pages for entry in read_page(page.value)]


def test_a_backlog_is_played_in_the_broker_s_order_with_items_and_settings_first(bootstrap_servers, tmp_path):
    queue_up(bootstrap_servers)
    with LedgerProcess(bootstrap_servers, tmp_path, PARTITIONS, "late-1") as worker:
        until(lambda: len(journal(bootstrap_servers)) >= RECORDS, lambda: worker.said()[-2000:], 0.2)
        entries = journal(bootstrap_servers)

    topics = [entry.cause[0] for entry in entries]
    assert topics[:3] == [CATALOG_ITEMS.name, POOL_CONFIG.name, POOL_CONFIG.name], "other settings name items"
    played = [(entry.appended_at_ms, *entry.cause) for entry in entries[3:]]
    assert played == sorted(played)
    assert len(played) == RECORDS - 3
    ticks = [at for at, topic in enumerate(topics) if topic == POOL_TICKS.name]
    assert all(later - earlier > 1 for earlier, later in pairwise(ticks))


class ConsumerWithOldWatermarks:
    """Knows where the inputs ended when it last held the partition, an hour ago."""

    def __init__(self, high):
        self.high = high

    def get_watermark_offsets(self, at, cached):
        return 0, self.high


class Message:
    def __init__(self, topic, offset, appended_at_ms):
        self._topic, self._offset, self._appended_at_ms = topic, offset, appended_at_ms

    def topic(self):
        return self._topic

    def partition(self):
        return 0

    def offset(self):
        return self._offset

    def timestamp(self):
        return 2, self._appended_at_ms

    def error(self):
        return None

    def key(self):
        return None

    def value(self):
        return b""


def test_a_partition_that_comes_back_does_not_trust_the_ends_that_the_client_remembers():
    inbox = Inbox((), ("sales", "ticks"))
    reached = {"sales": 100, "ticks": 10}
    held = AssignedPartition(0, None, None, inbox, dict(reached), dict(reached), dict(reached))
    consumer = ConsumerWithOldWatermarks(high=100)
    intake = Intake(consumer, ("sales", "ticks"), 500, 1_000_000, pytest.fail)

    intake.take([Message("ticks", 10, 2_000)], {0: held})
    assert list(inbox.ready()) == []

    intake.take([Message("sales", 100, 1_000)], {0: held})
    consumer.high = 101
    intake.take([], {0: held})
    assert [record.topic for record in inbox.ready()] == ["sales"]
    assert inbox.backlog("ticks") == 1
