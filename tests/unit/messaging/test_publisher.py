"""The publisher without Kafka: what it says when nothing is there, and where events would go."""

import asyncio

import pytest

from messaging.publisher import TOPIC_OF, EventTooLarge, Publisher, PublisherBusy, PublishFailed
from schemas.codec import RECORD_MAX_BYTES
from schemas.models.access import AccessSetting
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange, PoolSettings
from schemas.models.connectors import ChannelReservation, ConnectorPosition, ConnectorRefusal
from schemas.models.pos import PastSale, Sale, SaleLine, Source, StockReport
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.models.restock import RestockAnswer
from schemas.models.ticks import Tick
from schemas.models.webhooks import WebhookProgress, WebhookSubscription
from schemas.topics import TOPICS

NOBODY = {
    "bootstrap.servers": "127.0.0.1:1",
    "delivery.timeout.ms": "200",
    "message.timeout.ms": "200",
    "log_level": "0",
}


def sale(lines=1, text="1"):
    return Sale(
        pool="north", store="grocer-7", source=Source(system="webhook", id="1/17"), occurred_at_ms=1, recorded_at_ms=2,
        lines=tuple(SaleLine(line_id=f"{n}{text}", code="plu:4011", quantity_milli=1) for n in range(lines)),
    )  # fmt: skip


@pytest.fixture
def publisher():
    one = Publisher(NOBODY, 12)
    yield one
    one._closed.set()
    one._poller.join()


def test_every_kind_of_event_has_a_topic_that_is_declared():
    assert set(TOPIC_OF) == {
        Sale, StockReport, ConfigChange, CatalogItem, Tick, ConnectorPosition, PastSale, OrderRequest, FulfilmentReport,
        ChannelReservation, ConnectorRefusal, RestockAnswer, AccessSetting, WebhookSubscription, WebhookProgress,
    }  # fmt: skip
    assert set(TOPIC_OF.values()) <= set(TOPICS)


def test_an_event_that_kafka_does_not_confirm_is_a_failure_to_publish_again(publisher):
    with pytest.raises(PublishFailed):
        publisher.publish_all([sale(), sale()])
    with pytest.raises(PublishFailed):
        publisher.publish(sale()).result()
    with pytest.raises(PublishFailed):
        asyncio.run(publisher.publish_acked([sale()]))


def test_flush_tells_of_what_was_published_and_failed_since(publisher):
    publisher.publish(sale())
    with pytest.raises(PublishFailed):
        publisher.flush(10)
    publisher.flush(10)


def test_flush_does_not_wait_for_ever(publisher):
    publisher.publish(sale())
    with pytest.raises(PublishFailed, match="1 events are not confirmed"):
        publisher.flush(0)


def test_no_events_are_confirmed_at_once(publisher):
    publisher.publish_all([])
    asyncio.run(publisher.publish_acked([]))


def test_a_full_queue_is_busy():
    publisher = Publisher(NOBODY | {"queue.buffering.max.messages": "2"}, 12)
    with pytest.raises(PublisherBusy):
        publisher.publish_all([sale()] * 3)
    publisher._closed.set()
    publisher._poller.join()


def test_an_event_that_no_reader_takes_is_refused_before_it_is_sent(publisher):
    with pytest.raises(EventTooLarge, match=str(RECORD_MAX_BYTES)):
        publisher.publish(sale(lines=5_000, text="€" * 90))


def test_what_exactness_needs_cannot_be_switched_off():
    publisher = Publisher(NOBODY | {"acks": "0", "enable.idempotence": "false"}, 12)
    publisher._closed.set()
    publisher._poller.join()


def test_a_publisher_that_cannot_confirm_says_so_when_it_closes():
    with pytest.raises(PublishFailed), Publisher(NOBODY, 12) as publisher:
        publisher.publish(
            ConfigChange(pool="north", recorded_at_ms=1, origin="test", change=PoolSettings(name="North"))
        )


def test_topics_are_not_ready_while_nobody_answers(publisher):
    with pytest.raises(PublishFailed, match="does not answer"):
        publisher.check_topics(["pos.sales.v1"], 0.2)


def test_there_is_at_least_one_partition():
    with pytest.raises(ValueError, match="partitions"):
        Publisher(NOBODY, 0)
