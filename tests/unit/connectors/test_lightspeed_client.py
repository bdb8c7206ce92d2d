"""Lightspeed's client against an API that answers by its documentation."""

import pytest

from connectors.contract import AccessRefused, Delivery, SkipReason
from connectors.http.payload import PayloadRefused
from connectors.http.signature import SignatureRefused
from connectors.lightspeed.client import OVERLAP_VERSIONS, LightspeedVendor
from connectors.lightspeed.spec import LightspeedOptions
from tests.support.connectors import GROCER, delivery
from tests.support.rigs.lightspeed import OUTLET, LightspeedRig
from tests.support.rigs.rig import NOW_MS, Order
from tests.support.translated import moved, skips


@pytest.fixture
def rig():
    return LightspeedRig()


@pytest.fixture
def vendor(rig, server, tmp_path):
    return vendor_of(rig, server, tmp_path, outlet_id=OUTLET)


def vendor_of(rig, server, tmp_path, **changes):
    (tmp_path / "token").write_text(rig.token)
    (tmp_path / "secret").write_bytes(rig.secret)
    options = LightspeedOptions(
        domain_prefix="grocer", token_file=tmp_path / "token", secret_file=tmp_path / "secret", base_url=server.url,
        **changes,
    )  # fmt: skip
    return LightspeedVendor(options, GROCER, lambda: NOW_MS)


def feed(vendor, name):
    return next(each for each in vendor.feeds() if each.name == name)


def test_a_webhook_and_the_poll_tell_one_sale(rig, vendor):
    order = Order("A1", (("milk", "2"), ("bread", "2")))
    rig.record(order)
    told = vendor.receive(delivery(rig.notice(order)))
    polled = [event for page in feed(vendor, "sales").read(rig.version) for event in page.translated.events]
    assert polled == list(told.events)


def test_a_sale_without_the_time_of_its_change_is_asked_for(rig, vendor):
    rig.record(Order("A1"))
    bare = {"id": "A1", "register_sale_products": []}
    assert moved(vendor.receive(delivery(rig.delivered(bare)))) == [("A1-0", "sale", "item:milk", 2000)]
    assert skips(vendor.receive(delivery(rig.delivered(bare | {"id": "gone"})))) == [("", SkipReason.no_content)]


def test_the_outlet_of_a_register_is_asked_for_once(rig, vendor, server):
    for number in range(3):
        order = Order(f"A{number}")
        rig.record(order)
        assert len(vendor.receive(delivery(rig.notice(order))).events) == 1
    assert [request.path for request in server.requests] == ["/api/2026-07/registers"] * 2  # one page, and its end


@pytest.mark.parametrize("version", [0, 1, 7, 1_639_940, 3_630_064_802, 2**40])
def test_the_newest_sale_is_found_by_halves(rig, vendor, server, version):
    rig.version = version
    assert feed(vendor, "sales").start() == 1
    server.requests.clear()
    rig.record(Order("A1"))
    start = feed(vendor, "sales").start()
    assert rig.version <= start <= rig.version + OVERLAP_VERSIONS // 2 + 1
    assert len(server.requests) <= 60


def test_sales_are_read_by_version_and_each_page_is_marked(rig, vendor):
    rig.record(*(Order(f"A{n}", at_ms=NOW_MS + n * 1000) for n in range(450)))
    pages = list(feed(vendor, "sales").read(0))
    assert [len(page.translated.events) for page in pages] == [200, 200, 50]
    assert pages[-1].cursor == rig.version
    assert [len(page.translated.events) for page in feed(vendor, "sales").read(rig.version)] == [1]


def test_a_list_that_is_read_from_its_beginning_tells_old_sales_too(rig, vendor):
    rig.record(Order("A1", at_ms=NOW_MS - 90 * 86_400_000, updated_at_ms=NOW_MS))
    told = [page.translated for cursor in (0, rig.version) for page in feed(vendor, "sales").read(cursor)]
    assert [len(each.events) for each in told] == [1, 0]


def test_inventory_is_read_by_version_and_begins_at_the_newest(rig, vendor):
    rig.inventory = [
        {
            "id": f"r-{n}",
            "outlet_id": OUTLET,
            "product_id": f"item-{n}",
            "current_inventory_level": n,
            "version": 100 + n,
        }
        for n in range(250)
    ]
    assert feed(vendor, "inventory").start() == 349
    pages = list(feed(vendor, "inventory").read(100))
    assert sum(len(page.translated.events) for page in pages) == 250
    assert [page.cursor for page in pages] == [299, 349, None]


def test_an_inventory_webhook_is_a_level(rig, vendor):
    record = {"id": "r-1", "outlet_id": OUTLET, "product_id": "milk", "count": "6.5"}
    assert moved(vendor.receive(delivery(rig.delivered(record)))) == [("1", "level", "item:milk", 6500)]
    other = vendor.receive(delivery(rig.delivered({"id": "c-1", "customer_code": "X"})))
    assert skips(other) == [("", SkipReason.no_content)]


@pytest.mark.parametrize(
    "body", [b"payload=%7B", b"payload=%7B%7D&payload=%7B%7D", b"x=1", b"\xff", b"a&" * 100, b"payload=5"]
)
def test_a_form_without_one_object_is_refused(vendor, body):
    with pytest.raises(PayloadRefused):
        vendor.receive(Delivery((), body, NOW_MS))


@pytest.mark.parametrize("bend", [lambda value: value.replace("SHA256", "SHA1"), lambda value: value + ",x", str.upper])
def test_a_signature_of_another_form_is_refused(rig, vendor, bend):
    headers, body = rig.notice(Order("A1"))
    vendor.verify(delivery((headers, body)))
    vendor.verify(delivery(({"X-Signature": headers["X-Signature"].replace(",", ", ")}, body)))
    with pytest.raises(SignatureRefused):
        vendor.verify(delivery(({"X-Signature": bend(headers["X-Signature"])}, body)))


def test_an_outlet_of_another_retailer_is_told_with_those_there_are(rig, server, tmp_path):
    assert f"outlet {OUTLET} (Grocer)" in vendor_of(rig, server, tmp_path).check()
    with pytest.raises(AccessRefused, match=OUTLET):
        vendor_of(rig, server, tmp_path, outlet_id="outlet-9").check()


def test_products_are_discovered_by_the_code_of_their_lines(vendor):
    found = [(each.kind, each.id, each.name, each.barcode) for each in vendor.discover()]
    assert found == [("outlet", OUTLET, "Grocer", ""), ("item", "milk", "Milk", "4006381333931")]
