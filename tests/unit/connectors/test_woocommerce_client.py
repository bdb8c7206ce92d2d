"""WooCommerce's client against an API that answers by its documentation."""

import json

import pytest

from connectors.contract import Delivery, SkipReason
from connectors.http.signature import SignatureRefused
from connectors.woocommerce.client import WooCommerceVendor
from connectors.woocommerce.spec import WooCommerceOptions
from tests.support.connectors import GROCER, delivery
from tests.support.rigs.rig import NOW_MS, Order
from tests.support.rigs.woocommerce import WooCommerceRig, gmt
from tests.support.translated import moved, skips
from tests.support.vendor_server import Answer


@pytest.fixture
def rig():
    return WooCommerceRig()


@pytest.fixture
def vendor(rig, server, tmp_path):
    (tmp_path / "token").write_text(rig.token)
    (tmp_path / "secret").write_bytes(rig.secret)
    options = WooCommerceOptions(token_file=tmp_path / "token", secret_file=tmp_path / "secret", base_url=server.url)
    return WooCommerceVendor(options, GROCER, lambda: NOW_MS)


def pages(vendor, name, cursor=NOW_MS):
    return list(next(each for each in vendor.feeds() if each.name == name).read(cursor))


def refund(number, line_id, quantity):
    note = {"id": 1, "key": "_refunded_item_id", "value": str(line_id)}
    line = {
        "id": 40 + line_id,
        "product_id": 93,
        "quantity": quantity,
        "sku": "milk",
        "total": "-1.67",
        "meta_data": [note],
    }
    return {"id": number, "date_created_gmt": gmt(NOW_MS), "amount": "1.99", "line_items": [line]}


def test_the_ping_is_answered_though_nobody_signs_it(vendor):
    ping = Delivery((), b"webhook_id=4", NOW_MS)
    vendor.verify(ping)
    assert skips(vendor.receive(ping)) == [("ping", SkipReason.no_content)]
    with pytest.raises(SignatureRefused):
        vendor.verify(Delivery((), b"webhook_id=4&order=5", NOW_MS))


def test_refunds_are_asked_for_and_told_alike_by_webhook_and_poll(rig, vendor):
    order = Order("727", (("milk", "3"),))
    rig.refunds["727"] = [refund(n, 1, -1) for n in range(800, 803)]
    rig.record(order)
    told = vendor.receive(delivery(rig.notice(order)))
    assert sorted(moved(told)) == [("1", "sale", "sku:milk", 3000)] + [("41", "return", "sku:milk", 1000)] * 3
    polled = [event for page in pages(vendor, "orders") for event in page.translated.events]
    assert polled == list(told.events)


def test_what_cannot_be_asked_for_is_left_to_the_poll_and_the_sale_is_told(rig, vendor, server):
    order = Order("727", (("milk", "3"),))
    rig.refunds["727"] = [refund(800, 1, -1)]
    rig.record(order)
    server.faults.append(Answer({}, 503, {"Retry-After": "60"}))
    assert moved(vendor.receive(delivery(rig.notice(order)))) == [("1", "sale", "sku:milk", 3000)]
    assert len([event for page in pages(vendor, "orders") for event in page.translated.events]) == 2


def test_a_virtual_product_is_no_goods_and_each_product_is_asked_for_once(rig, vendor, server):
    payload = rig.order(Order("727", (("milk", "1"), ("service", "1"))))
    payload["line_items"][1]["product_id"] = 666
    for _ in range(3):
        told = vendor.receive(delivery(rig.delivered("order.updated", json.dumps(payload).encode())))
        assert [each[0] for each in moved(told)] == ["1"]
        assert skips(told) == [("/line_items/1", SkipReason.non_stock)]
    assert [request.query["include"] for request in server.requests] == [["666,93"]]


def test_the_list_is_marked_at_its_end_alone_and_begins_again_before_its_mark(rig, vendor, server):
    rig.record(*(Order(str(n), at_ms=NOW_MS + n * 1000) for n in range(1, 251)))
    read = pages(vendor, "orders")
    assert [page.cursor for page in read] == [None, None, None, (NOW_MS // 1000 + 250) * 1000]
    assert sum(len(page.translated.events) for page in read) == 250
    again = pages(vendor, "orders", read[-1].cursor)
    assert [event.source.id for page in again for event in page.translated.events] == ["order/250"]


def test_a_products_stock_is_told_by_webhook_and_poll(rig, vendor):
    product = {
        "id": 93, "type": "simple", "sku": "milk", "manage_stock": True, "stock_quantity": 6,
        "date_modified_gmt": gmt(NOW_MS),
    }  # fmt: skip
    rig.products = [product]
    told = vendor.receive(delivery(rig.delivered("product.updated", json.dumps(product).encode())))
    assert moved(told) == [("1", "level", "sku:milk", 6000)]
    assert [event for page in pages(vendor, "products") for event in page.translated.events] == list(told.events)


def test_a_deleted_order_and_other_topics_carry_nothing(rig, vendor):
    for topic, payload in (("order.deleted", {"id": 5}), ("customer.updated", {"id": 5, "line_items": []})):
        told = vendor.receive(delivery(rig.delivered(topic, json.dumps(payload).encode())))
        assert (told.events, skips(told)) == ((), [("", SkipReason.no_content)])


def test_products_and_their_variations_are_discovered_by_their_codes(rig, vendor):
    rig.products = [
        {"id": 93, "name": "Milk", "sku": "", "type": "simple", "date_modified_gmt": gmt(NOW_MS)},
        {"id": 94, "name": "Juice", "sku": "JUICE", "type": "variable", "date_modified_gmt": gmt(NOW_MS)},
    ]
    found = [(each.kind, each.id, each.name) for each in vendor.discover()]
    assert found == [("item", "product-93", "Milk"), ("sku", "JUICE", "Juice"), ("sku", "MILK-1L", "Juice 1 l")]
