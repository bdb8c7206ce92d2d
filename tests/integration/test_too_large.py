"""An event that Kafka does not take is set aside alone: its neighbours and what follows it are published."""

import asyncio
import threading

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from connectors.contract import Translated
from connectors.vendor.contract import FeedPage
from messaging import publisher as publishing
from messaging.publisher import EventTooLarge, Publisher
from schemas.codec import topic_codec
from schemas.models.pos import Sale, SaleLine, Source
from schemas.topics import POS_SALES
from tests.integration.test_connectors import read_all
from tests.support.connectors import MemoryPositions
from tests.support.waiting import PATIENCE_S
from tests.unit.connectors.test_vendor_frame import FakeVendor, connector_of


def sale(pool, name, lines=1, code="sku:MILK", order_ref=None):
    return Sale(
        pool=pool, store="grocer-7", source=Source(system="fake", id=name), occurred_at_ms=1, recorded_at_ms=2,
        order_ref=order_ref,
        lines=tuple(SaleLine(line_id=f"{n:0>90}", code=code, quantity_milli=1_000) for n in range(lines)),
    )  # fmt: skip


def large(pool, name="large"):
    return sale(pool, name, 5_000, "item:" + "ü" * 100)


def stored(kafka, topics, pool, topic=POS_SALES.name):
    return [event["source"]["id"] for _, _, event in read_all(kafka.bootstrap_servers, topic, pool, topics)]


def test_what_stands_behind_it_on_a_vendor_s_page_is_published(kafka, topics, pool_name, capsys):
    events = (sale(pool_name, "first"), large(pool_name), sale(pool_name, "behind-1"), sale(pool_name, "behind-2"))
    positions = MemoryPositions()
    pages = [FeedPage(Translated(events), 150), FeedPage(Translated((sale(pool_name, "next page"),)), 160)]
    with Publisher(kafka.options, topics) as publisher:
        connector_of(FakeVendor(pages), publisher, positions).poll(threading.Event())
    assert stored(kafka, topics, pool_name) == ["first", "behind-1", "behind-2", "next page"]
    assert positions.saved[-1] == ("orders", 160)
    assert "Sale grocer-7/fake/large@1" in capsys.readouterr().out


def test_the_error_names_those_that_are_too_large_and_no_others(kafka, topics, pool_name):
    events = [large(pool_name, "a"), sale(pool_name, "b"), large(pool_name, "c"), sale(pool_name, "d")]
    with Publisher(kafka.options, topics) as publisher:
        for publish in (publisher.publish_all, lambda events: asyncio.run(publisher.publish_acked(events))):
            with pytest.raises(EventTooLarge) as refused:
                publish(events)
            assert [event.source.id for event in refused.value.events] == ["a", "c"]
            with pytest.raises(EventTooLarge):
                publish([large(pool_name)])
    assert stored(kafka, topics, pool_name) == ["b", "d"] * 2


def test_a_topic_that_takes_less_refuses_the_large_one_and_not_the_batch_it_was_in(
    kafka, topics, pool_name, monkeypatch
):
    topic = f"narrow-{pool_name}"
    monkeypatch.setitem(publishing.TOPIC_OF, Sale, topic)
    monkeypatch.setattr(publishing, "topic_codec", lambda _: topic_codec(POS_SALES.name))
    admin = AdminClient(kafka.options)
    narrow = NewTopic(topic, topics, 1, config={"max.message.bytes": "20000"})
    admin.create_topics([narrow])[topic].result(PATIENCE_S)
    events = [sale(pool_name, f"{n}", 40) for n in range(10)] + [sale(pool_name, "large", 1_000, "item:" + "é" * 90)]
    with Publisher(kafka.options | {"linger.ms": "200", "compression.type": "none"}, topics) as publisher:
        with pytest.raises(EventTooLarge) as refused:
            publisher.publish_all(events)
        assert [event.source.id for event in refused.value.events] == ["large"]
        wide = ConfigEntry("max.message.bytes", "2000000", incremental_operation=AlterConfigOpType.SET)
        widened = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[wide])
        admin.incremental_alter_configs([widened])[widened].result(PATIENCE_S)
        publisher.publish_all(refused.value.events)
