"""What is Shopify's own in writing back, against its API by its own schema; the rest is every vendor's contract."""

import threading
from dataclasses import replace

import pytest

from connectors.context import Held, WriteBackContext
from connectors.contract import SkipReason, Unavailable
from connectors.metrics import ConnectorMetrics
from connectors.outbound.driver import Driver
from connectors.shopify.client import ShopifyVendor, make
from connectors.shopify.reserve import ReservedStock
from connectors.shopify.spec import ShopifyOptions
from connectors.vendor.write_back import WriteBack, write_back_log
from messaging.publisher import PublishFailed
from tests.support.connectors import GROCER, delivery, tools
from tests.support.rigs.rig import NOW_MS
from tests.support.rigs.shopify import LOCATION, SHOP, ShopifyRig
from tests.support.translated import skips

MILK = Held("MILK-1L", 2000, ("gtin:04006381333931", "sku:milk"))


class Topic:
    """The compacted topic."""

    def __init__(self):
        self.rows = {}
        self.is_down = False

    def publish_all(self, events):
        if self.is_down:
            raise PublishFailed("Kafka is down")
        for event in events:
            self.rows[event.key] = event.to_avro()

    def stored(self):
        return list(self.rows.values())


class Holds:
    def __init__(self, *held):
        self.held = list(held)

    def of(self, pool, store):
        assert (pool, store) == (GROCER.pool, GROCER.id)
        return self.held


@pytest.fixture
def rig():
    return ShopifyRig()


@pytest.fixture
def options(rig, server, tmp_path):
    (tmp_path / "token").write_text(rig.token)
    (tmp_path / "secret").write_bytes(rig.secret)
    return ShopifyOptions(
        shop=SHOP, token_file=tmp_path / "token", secret_file=tmp_path / "secret", base_url=server.url,
        location_id=LOCATION, write_back=True,
    )  # fmt: skip


@pytest.fixture
def vendor(options):
    return ShopifyVendor(options, GROCER, lambda: NOW_MS, lambda _s: None)


@pytest.fixture
def topic():
    return Topic()


@pytest.fixture
def metrics():
    return ConnectorMetrics()


@pytest.fixture
def started(vendor, topic, metrics):
    """A process that writes back what is held; one started later knows what the topic has, no more."""

    def start(*held, now_ms=lambda: NOW_MS):
        adapter = WriteBack(ReservedStock(vendor), GROCER, "shopify", Holds(*held))
        count = metrics.of(GROCER.pool, GROCER.id, "shopify").written_back
        return Driver(adapter, write_back_log(topic.stored, topic), 5, count, now_ms)

    return start


def go(write_back):
    for failure in write_back.round(threading.Event()):
        raise failure


def test_what_others_reserved_stays_reserved(rig, started):
    rig.stock = {"available": 7, "reserved": 3}
    go(started(MILK))
    assert rig.stock == {"available": 5, "reserved": 5}
    go(started(replace(MILK, held_milli=0)))
    assert rig.stock == {"available": 7, "reserved": 3}


def test_an_item_that_the_vendor_fails_holds_up_no_other(rig, vendor, started, monkeypatch):
    find = ReservedStock.find

    def fails_for_bread(channel, codes):
        if "sku:bread" in codes:
            raise Unavailable("500", 60)
        return find(channel, codes)

    monkeypatch.setattr(ReservedStock, "find", fails_for_bread)
    write_back = started(Held("BREAD", 1000, ("sku:bread",)), MILK)
    with pytest.raises(Unavailable):
        go(write_back)
    assert rig.stock == {"available": 8, "reserved": 2}


def test_nothing_is_sent_before_it_is_stored(rig, started, topic):
    topic.is_down = True
    with pytest.raises(PublishFailed):
        go(started(MILK))
    assert rig.stock == {"available": 10, "reserved": 0}


@pytest.mark.parametrize("code", ["IDEMPOTENCY_CONCURRENT_REQUEST", "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"])
def test_an_answer_that_does_not_say_whether_it_was_done_leaves_the_write_under_way(rig, started, topic, code):
    rig.refuses_moves = code
    with pytest.raises(Unavailable):
        go(started(MILK))
    (kept,) = topic.stored()
    assert kept["pending_milli"] == 2000


def test_a_variant_is_found_by_its_id_and_one_sku_of_two_items_by_nothing(vendor):
    channel = ReservedStock(vendor)
    assert (channel.find(["item:variant-808"]), channel.find(["sku:milk"])) == ("808", "808")
    assert (channel.find(["plu:4011", "sku:mil"]), channel.find([])) == (None, None)


def test_our_own_reservation_told_back_changes_no_level(rig, vendor, started):
    def told():
        body = b'{"inventory_item_id": 808, "location_id": 16, "available": %d}' % rig.stock["available"]
        (event,) = vendor.receive(delivery(rig.delivered("inventory_levels/update", body))).events
        return event.lines

    before = told()
    go(started(MILK))
    assert (told(), before[0].quantity_milli) == (before, 10_000)


def test_a_level_of_another_location_is_not_asked_for(rig, vendor, server):
    body = b'{"inventory_item_id": 808, "location_id": 17, "available": 4}'
    told = vendor.receive(delivery(rig.delivered("inventory_levels/update", body)))
    assert skips(told) == [("", SkipReason.other_store)]
    assert not [each for each in server.requests if b"inventoryLevel(" in each.body]


def test_the_running_connector_writes_back_only_where_it_is_switched_on(rig, options, topic):
    written = threading.Event()

    class Watched(Topic):
        def publish_all(self, events):
            super().publish_all(events)
            if all(event.pending_milli is None for event in events):
                written.set()

    log = write_back_log(topic.stored, Watched())
    lent = replace(tools(topic), write_back=WriteBackContext(Holds(MILK), log))
    assert make(options.model_copy(update={"write_back": False}), GROCER, lent)._write_back is None
    connector, stop = make(options, GROCER, lent), threading.Event()
    thread = threading.Thread(target=connector.run, args=(stop,))
    thread.start()
    try:
        assert written.wait(30)
    finally:
        stop.set()
        connector.wake()
        thread.join(30)
    assert (thread.is_alive(), rig.stock) == (False, {"available": 8, "reserved": 2})
