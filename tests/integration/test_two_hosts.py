"""Two hosts that run one connector of one store: the one that began last writes, the other leaves it alone."""

import threading

import pytest

from commonshelf.desks.connector_positions import stored_positions, stored_write_backs
from connectors.positions import Positions
from connectors.vendor.write_back import write_back_log
from connectors.writers import Superseded, Writers
from schemas.models.connectors import ChannelReservation
from tests.support.waiting import until
from tests.unit.connectors.conftest import FakePublisher
from tests.unit.connectors.test_vendor_frame import FakeVendor, FeedPage, Translated, connector_of, sold


@pytest.fixture
def publisher():
    return FakePublisher()


def host(kafka, topics, pool):
    """Positions as a host keeps them."""
    writers = Writers(kafka.options, topics)

    def stored():
        writers.claim([(pool, "grocer-7", "fake")])
        return stored_positions(kafka.options)

    return Positions(stored, writers)


def test_the_older_host_is_refused_and_the_newer_goes_on_from_where_it_was(kafka, topics, pool_name):
    place = (pool_name, "grocer-7", "fake", "orders")
    older = host(kafka, topics, pool_name)
    assert older.load(*place) is None
    older.save(*place, 100)
    newer = host(kafka, topics, pool_name)
    assert newer.load(*place) == 100
    for _ in range(2):
        with pytest.raises(Superseded, match="another host has begun to run fake of store grocer-7"):
            older.save(*place, 90)
    newer.save(*place, 200)
    assert host(kafka, topics, pool_name).load(*place) == 200


def test_a_host_of_another_store_is_not_in_the_way(kafka, topics, pool_name):
    one, other = Writers(kafka.options, topics), Writers(kafka.options, topics)
    one.claim([(pool_name, "anna", "fake")])
    other.claim([(pool_name, "bert", "fake")])
    positions = Positions(lambda: (), one)
    positions.save(pool_name, "anna", "fake", "orders", 1)
    Positions(lambda: (), other).save(pool_name, "bert", "fake", "orders", 2)
    positions.save(pool_name, "anna", "fake", "orders", 3)


def test_the_older_host_begins_no_call(kafka, topics, pool_name):
    wanted = ChannelReservation(pool=pool_name, store="anna", connector="fake", sku="MILK", sequence=1)
    older, newer = Writers(kafka.options, topics), Writers(kafka.options, topics)
    log = write_back_log(lambda: (), older)
    log.save(wanted)
    newer.claim([(pool_name, "anna", "fake")])
    with pytest.raises(Superseded):
        log.save(wanted.model_copy(update={"sequence": 2, "pending_milli": 1_000}))
    found = [row for row in stored_write_backs(kafka.options) if row["pool"] == pool_name]
    assert [(row["sequence"], row["pending_milli"]) for row in found] == [(1, None)]


def test_a_connector_that_was_superseded_ends_and_says_so(kafka, topics, pool_name, publisher):
    first, second = Writers(kafka.options, topics), Writers(kafka.options, topics)
    vendor = FakeVendor([FeedPage(Translated((sold(1),)), 150)], [FeedPage(Translated((sold(2),)), 160)])
    connector = connector_of(vendor, publisher, Positions(lambda: (), first))
    stop, ended = threading.Event(), []

    def run():
        try:
            connector.run(stop)
        except Superseded as error:
            ended.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: len(publisher.events) == 1, "the first poll")
    second.claim([("north", "grocer-7", "fake")])
    connector.wake()
    thread.join(60)
    assert len(ended) == 1
    assert not thread.is_alive()
    stop.set()
