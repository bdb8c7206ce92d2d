"""Shopify's client against an API that answers by Shopify's own schema."""

import json

import pytest

from connectors.contract import AccessRefused, SkipReason, Unavailable
from connectors.http.payload import BODY_MAX_BYTES
from connectors.http.signature import SignatureRefused
from connectors.shopify.client import ShopifyVendor
from connectors.shopify.spec import ShopifyOptions
from connectors.vendor.connector import WEBHOOK_MAX_BYTES
from tests.support.connectors import GROCER, delivery
from tests.support.rigs.rig import NOW_MS, Order
from tests.support.rigs.shopify import LOCATION, SHOP, ShopifyRig, money, rfc3339
from tests.support.translated import moved, skips
from tests.support.vendor_server import Answer


@pytest.fixture
def rig():
    return ShopifyRig()


@pytest.fixture
def naps():
    return []


@pytest.fixture
def vendor(rig, server, tmp_path, naps):
    return vendor_of(rig, server, tmp_path, naps, location_id=LOCATION)


def vendor_of(rig, server, tmp_path, naps, **changes):
    (tmp_path / "token").write_text(rig.token)
    (tmp_path / "secret").write_bytes(rig.secret)
    options = ShopifyOptions(
        shop=SHOP, token_file=tmp_path / "token", secret_file=tmp_path / "secret", base_url=server.url, **changes
    )
    return ShopifyVendor(options, GROCER, lambda: NOW_MS, naps.append)


def feed(vendor, name):
    return next(each for each in vendor.feeds() if each.name == name)


def read(vendor, name, cursor=NOW_MS):
    return [page.translated for page in feed(vendor, name).read(cursor)]


def refund(order, *lines):
    return {
        "id": f"gid://shopify/Refund/R-{order.id}", "createdAt": rfc3339(NOW_MS), "lines": [
            {
                "id": f"gid://shopify/RefundLineItem/{at}", "quantity": quantity, "restockType": kind,
                "location": {"id": f"gid://shopify/Location/{LOCATION}"}, "subtotalSet": money("1.99"),
                "lineItem": {"id": f"gid://shopify/LineItem/{order.id}-{at}"},
            }
            for at, (quantity, kind) in enumerate(lines)
        ],
    }  # fmt: skip


def test_an_order_of_two_hundred_lines_is_read_whole(rig, vendor):
    order = Order("A1", tuple((f"item-{n}", "1") for n in range(200)))
    rig.record(order)
    (polled,) = read(vendor, "orders")
    assert len(polled.events[0].lines) == 200
    assert polled.events == vendor.receive(delivery(rig.notice(order))).events


def test_a_webhook_of_two_hundred_lines_is_within_the_page_of_vendors():
    order = Order("A1", tuple((f"item-{n}", "1") for n in range(200)))
    whole = {"product": "x" * 1_500}  # what Shopify tells of a line beyond what is read
    payload = ShopifyRig().webhook_order(order)
    payload["line_items"] = [line | whole for line in payload["line_items"]]
    assert BODY_MAX_BYTES < len(json.dumps(payload)) < WEBHOOK_MAX_BYTES


def test_refunds_are_read_with_the_order_and_say_what_the_webhook_says(rig, vendor):
    order = Order("A1", (("milk", "3"), ("bread", "2")))
    rig.refunds["A1"] = [refund(order, ("2", "RETURN"), ("1", "NO_RESTOCK"))]
    rig.record(order)
    (polled,) = read(vendor, "orders")
    assert moved(polled)[:2] == [
        ("0", "return", "sku:milk", 2000), ("1", "return_not_restocked", "sku:bread", 1000),
    ]  # fmt: skip
    told = {
        "id": "R-A1", "order_id": "A1", "created_at": rfc3339(NOW_MS),
        "refund_line_items": [
            {
                "id": at, "line_item_id": f"A1-{at}", "quantity": quantity, "restock_type": kind, "subtotal": 1.99,
                "location_id": int(LOCATION), "line_item": rig.webhook_order(order)["line_items"][at],
            }
            for at, (quantity, kind) in enumerate([(2, "return"), (1, "no_restock")])
        ],
    }  # fmt: skip
    alone = vendor.receive(delivery(rig.delivered("refunds/create", json.dumps(told).encode())))
    assert alone.events == (polled.events[0],)


def test_a_query_that_has_no_points_left_is_tried_later(rig, vendor):
    rig.throttled = 1
    rig.available_points = 100.0
    with pytest.raises(Unavailable) as told:
        read(vendor, "orders")
    assert told.value.retry_after_s == 6


def test_the_client_waits_before_the_points_run_out(rig, vendor, naps):
    read(vendor, "orders")
    assert naps == []
    rig.available_points = 200.0
    read(vendor, "orders")
    assert naps == [5.0]


def test_what_the_app_may_not_read_is_told_with_what_it_needs(vendor, server):
    denied = {"errors": [{"message": "secret things", "extensions": {"code": "ACCESS_DENIED"}}]}
    server.faults.append(Answer(denied))
    with pytest.raises(AccessRefused, match="read_orders") as told:
        read(vendor, "orders")
    assert "secret things" not in str(told.value)


def test_a_shop_that_is_not_there_is_the_operators_to_mend(vendor, server):
    server.faults.append(Answer({"errors": "Not Found"}, 404))
    with pytest.raises(AccessRefused, match=SHOP):
        vendor.check()


def test_a_location_of_another_shop_is_told_with_those_there_are(rig, server, tmp_path, naps):
    assert "location 16 (Grocer)" in vendor_of(rig, server, tmp_path, naps).check()
    with pytest.raises(AccessRefused, match=r"16 \(Grocer\)"):
        vendor_of(rig, server, tmp_path, naps, location_id="17").check()


def level(number, available):
    return {
        "updatedAt": rfc3339(NOW_MS + number * 1000), "quantities": [{"name": "available", "quantity": available}],
        "item": {
            "id": f"gid://shopify/InventoryItem/{number}", "sku": f"item-{number}", "tracked": True,
            "variant": {"id": "gid://shopify/ProductVariant/808"},
        },
    }  # fmt: skip


def test_levels_are_read_to_their_end_and_marked_there_alone(rig, vendor):
    rig.levels = [level(number, number) for number in range(1, 121)]
    pages = list(feed(vendor, "levels").read(NOW_MS))
    told = [
        (line.code, line.quantity_milli) for page in pages for event in page.translated.events for line in event.lines
    ]
    assert told == [(f"sku:item-{number}", number * 1000) for number in range(1, 121)]
    assert [page.cursor for page in pages] == [None, None, None, (NOW_MS // 1000 + 120) * 1000]


def webhook_level():
    told = {"inventory_item_id": 5, "location_id": int(LOCATION), "available": 6, "updated_at": rfc3339(NOW_MS)}
    return "inventory_levels/update", json.dumps(told).encode()


def test_a_level_is_named_as_the_lines_of_orders_are_and_its_item_is_asked_for_once(rig, vendor, server):
    for _ in range(3):
        (report,) = vendor.receive(delivery(rig.delivered(*webhook_level()))).events
        assert report.lines[0].code == "sku:milk"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("triggered_at", "within_second"), [("{}.123456789Z", 123), ("soon", 0), ("", 0), ("{}.000Z", 0)]
)
def test_a_levels_place_within_its_second_is_that_of_its_webhook(rig, vendor, triggered_at, within_second):
    headers, body = rig.delivered(*webhook_level())
    headers["X-Shopify-Triggered-At"] = triggered_at.format(rfc3339(NOW_MS).removesuffix("Z"))
    (report,) = vendor.receive(delivery((headers, body))).events
    assert report.source.version == NOW_MS // 1000 * 1000 + within_second


def test_a_level_whose_item_cannot_be_asked_for_is_left_to_the_poll(rig, vendor, server):
    server.faults.append(Answer({}, 503, {"Retry-After": "30"}))
    assert skips(vendor.receive(delivery(rig.delivered(*webhook_level())))) == [("", SkipReason.already_reported)]


def test_the_webhook_of_another_shop_with_the_same_app_is_refused(rig, vendor):
    headers, body = rig.notice(Order("A1"))
    vendor.verify(delivery((headers, body)))
    with pytest.raises(SignatureRefused, match="another shop"):
        vendor.verify(delivery((headers | {"X-Shopify-Shop-Domain": "other.myshopify.com"}, body)))


@pytest.mark.parametrize("answer", [[], {"data": None}, {"data": {"orders": {"nodes": [None, {}]}}}, "x"])
def test_an_answer_that_is_no_answer_breaks_nothing(vendor, server, answer):
    server.faults.append(Answer(answer))
    try:
        told = read(vendor, "orders")
    except Unavailable:
        return
    assert [each.events for each in told] == [()]


def test_variants_are_discovered_by_the_code_of_their_lines(vendor):
    found = [(each.kind, each.id, each.name, each.barcode) for each in vendor.discover()]
    assert found == [("location", LOCATION, "Grocer", ""), ("sku", "milk", "Milk", "4006381333931")]
