"""What real tills send, in small: shapes of the vendors' documentation and of public samples, with invented values."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.clover import translate as clover
from connectors.http.payload import parse
from connectors.lightspeed import translate as lightspeed
from connectors.odoo import translate as odoo
from connectors.shopify import translate as shopify
from connectors.square import translate as square
from connectors.vendor.fields import ReadContext
from connectors.webhook import translate as webhook
from connectors.woocommerce import translate as woocommerce
from schemas.codec import topic_codec
from schemas.models.config import CodeMapping, PieceMeasure, PoolSettings, StoreSettings
from schemas.models.pos import Sale
from schemas.topics import POS_SALES
from tests.support.connectors import GROCER
from tests.support.pool import PoolBench

FOLDER = Path(__file__).parents[2] / "payloads" / "real_tills"
FILES = Path(__file__).with_name("handed")
NOW_MS = 1_796_000_000_000
READING = ReadContext(NOW_MS)
HERE = lightspeed.Outlet(GROCER, "o1")
AT_77 = shopify.ShopifyShop(GROCER, location_id="77", online_orders=True)
AT_L1 = square.SquareShop(GROCER, "L1")


def given(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"), parse_float=Decimal)


def lines(translated, source=None):
    """(kind, code, thousandths, unit, price) of each line of the sales, or of the one of that source id."""
    return [
        (line.kind.value, line.code, line.quantity_milli, line.unit.value, line.price_minor)
        for event in translated.events
        if source in (None, event.source.id)
        for line in event.lines
    ]


def reasons(translated):
    return [(skip.where, skip.reason.value) for skip in translated.skipped]


def on_hand(*translated):
    """What the pool makes of them one after the other: on hand by code, but for what is nothing."""
    bench = PoolBench()
    bench.configure(PoolSettings(name="North", late_limit_ms=90 * 86_400_000))
    bench.configure(StoreSettings(store=GROCER.id, name="Grocer"))
    events = [event for each in translated for event in each.events]
    codes = {line.code: line.unit for event in events for line in event.lines}
    for code, unit in codes.items():
        bench.stock_item(code, unit=unit.value)
        bench.configure(CodeMapping(code=code, sku=code))
    for event in events:
        assert isinstance(event, Sale)
        bench.put(POS_SALES.name, topic_codec(POS_SALES.name).encode(event.to_avro()), NOW_MS)
    assert bench.reasons() == []
    return {code: milli for code in codes if (milli := bench.on_hand(code, GROCER.id))}


INPUTS = {
    "numbers": "dropfolder-counts-german-thousands.csv dropfolder-sales-french-grouping.csv "
    "dropfolder-sales-price-with-currency-mark.csv lightspeed-free-item.json lightspeed-inventory-noise.json",
    "codes": "dropfolder-sales-bad-barcode-beside-good-sku.csv dropfolder-sales-protected-barcode.csv "
    "dropfolder-sales-scientific-barcode-in-sku.csv guard-dropfolder-lost-zero.csv",
    "states": "dropfolder-loyverse-receipts-cancelled.csv dropfolder-shopify-export-cancelled-pending.csv "
    "guard-poslog-voided-line.xml square-paid-pickup-order.json woocommerce-cod-custom-status.json",
    "layouts": "dropfolder-report-with-title-rows.csv dropfolder-shopify-orders-export.csv "
    "dropfolder-square-items-detail.csv dropfolder-vend-sales-ledger.csv guard-dropfolder-cp1252-semicolon.csv",
    "times": "dropfolder-loyverse-us-clock.csv poslog-message-time-first.xml",
    "revisions": "guard-shopify-cancel-and-return-in-one-refund.json guard-shopify-pos-refund.json "
    "guard-square-exchange.json guard-woocommerce-refund-not-restocked.json "
    "lightspeed-revision-with-refused-line.json shopify-variant-deleted-after-sale.json "
    "woocommerce-line-removed-after-refund.json",
    "goods": "odoo-kit.json poslog-bottle-refund.xml woocommerce-bundle.json",
    "units": "clover-custom-unit.json odoo-sold-in-dozens.json square-sold-by-pound.json "
    "woocommerce-weighed-goods.json",
    "messages": "webhook-utf8-bom.json",
}
"""Each input by the kind of fault that it shows."""


def test_every_input_is_there_and_used():
    names = sorted(name for of_kind in INPUTS.values() for name in of_kind.split())
    assert len(names) == 36
    assert sorted(path.name for folder in (FOLDER, FILES) for path in folder.iterdir()) == names
    below = Path(__file__).read_text(encoding="utf-8").partition("\n# --- ")[2]
    used = below + Path(__file__).with_name("test_handed_files.py").read_text(encoding="utf-8")
    assert [name for name in names if f'"{name}"' not in used and f'"{name.partition(".")[0]}"' not in used] == []


# --- a revision that does not say of a line what became of it -------------------------------------------------


def test_a_line_of_a_revision_with_the_noise_of_a_double_is_read():
    first, second = (
        lightspeed.translate_sale(each, HERE, READING) for each in given("lightspeed-revision-with-refused-line")
    )
    assert lines(second) == lines(first) == [
        ("sale", "item:p1", 1000, "each", 400), ("sale", "item:p2", 300, "each", 300),
    ]  # fmt: skip
    assert on_hand(first, second) == {"item:p1": -1000, "item:p2": -300}


def test_what_was_sold_stays_sold_once_its_product_is_deleted():
    first, second = (
        shopify.translate_webhook("orders/updated", each, AT_77, NOW_MS, {})
        for each in given("shopify-variant-deleted-after-sale")
    )
    sold = {"item:variant-1001": -1000, "item:variant-1002": -1000}
    assert on_hand(first) == on_hand(first, second) == sold
    assert second.events[0].unread_lines == ("2",)


def test_what_was_refunded_and_then_taken_off_the_order_was_sold_and_came_back():
    told = [
        woocommerce.translate_order(each["order"], each.get("refunds", ()), GROCER, READING)
        for each in given("woocommerce-line-removed-after-refund")
    ]
    assert on_hand(*told) == {"sku:SKU-2": -1000}
    assert on_hand(*told, *reversed(told)) == {"sku:SKU-2": -1000}
    assert on_hand(told[-1]) == {"sku:SKU-2": -1000}, "seen by the poll alone"


def test_what_was_not_restocked_does_not_come_back_when_its_line_is_removed():
    first, second, third = given("woocommerce-line-removed-after-refund")
    for each in second["order"]["line_items"][0]["meta_data"]:
        each["value"] = "0"
    told = [
        woocommerce.translate_order(each["order"], each.get("refunds", ()), GROCER, READING)
        for each in (first, second, third)
    ]
    assert on_hand(*told[:2]) == on_hand(*told) == {"sku:SKU-1": -1000, "sku:SKU-2": -1000}


# --- units ----------------------------------------------------------------------------------------------------


def test_goods_sold_by_the_pound_are_counted_to_the_nearest_gram_and_it_is_noted():
    translated = square.orders([given("square-sold-by-pound")], AT_L1, READING)
    assert lines(translated) == [("sale", "item:APPLES", 567, "kg", 499), ("sale", "item:MILK", 2000, "each", 500)]
    assert [note.text for note in translated.notes] == ["1.25 lb is counted as 0.567 kg, the nearest thousandth"]


def test_a_merchants_own_unit_is_a_piece():
    translated = clover.orders([given("clover-custom-unit")], clover.CloverShop(GROCER), READING)
    assert [line[1:4] for line in lines(translated)] == [("item:ITa", 2000, "each"), ("item:ITb", 3000, "each")]


def test_dozens_are_twelve_each():
    found = given("odoo-sold-in-dozens")
    translated = odoo.orders([found["order"]], {1: found["lines"]}, {}, odoo.OdooShop(GROCER), READING)
    assert [line[1:4] for line in lines(translated)] == [("item:101", 24_000, "each")]


def test_weighed_goods_of_a_till_that_names_no_unit_are_told_as_they_are():
    translated = woocommerce.translate_order(given("woocommerce-weighed-goods")["order"], (), GROCER, READING)
    assert [line[1:4] for line in lines(translated)] == [("sku:CHEESE", 485, "each")]


def test_weighed_goods_of_a_till_that_names_no_unit_reach_a_shelf_that_is_kept_in_kilograms():
    (event,) = woocommerce.translate_order(given("woocommerce-weighed-goods")["order"], (), GROCER, READING).events
    bench = PoolBench()
    bench.configure(PoolSettings(name="North", late_limit_ms=90 * 86_400_000))
    bench.configure(StoreSettings(store=GROCER.id, name="Grocer"))
    bench.stock_item("CHEESE", unit="kg")
    piece = PieceMeasure(unit="kg", numerator=1)
    bench.configure(CodeMapping(store=GROCER.id, code="sku:CHEESE", sku="CHEESE", piece=piece))
    bench.put(POS_SALES.name, topic_codec(POS_SALES.name).encode(event.to_avro()), NOW_MS)
    assert (bench.on_hand("CHEESE", GROCER.id), bench.reasons()) == (-485, [])


# --- bundles and kits -----------------------------------------------------------------------------------------


def test_of_a_bundle_the_parts_are_sold():
    translated = woocommerce.translate_order(given("woocommerce-bundle")["order"], (), GROCER, READING)
    assert [line[1:3] for line in lines(translated)] == [("sku:SKU-2", 1000), ("sku:SKU-3", 2000)]
    assert reasons(translated) == [("/line_items/0", "non_stock")]


def test_a_bundle_that_is_stocked_itself_is_sold_with_its_parts():
    order = given("woocommerce-bundle")["order"]
    order["line_items"][0]["meta_data"].append({"key": "_reduced_stock", "value": "1"})
    assert len(lines(woocommerce.translate_order(order, (), GROCER, READING))) == 3


@pytest.mark.parametrize(
    ("container", "part"),
    [
        ({"composite_children": [2]}, {"composite_parent": 1}), ({}, {}),
        (
            {"meta_data": [{"key": "_woosb_ids", "value": "5/1"}]},
            {"meta_data": [{"key": "_woosb_parent_id", "value": 9}]},
        ),
    ],
)  # fmt: skip
def test_composites_and_bundles_of_other_plugins_are_known_by_their_marks(container, part):
    line = {"product_id": 5, "sku": "A", "quantity": 1}
    order = {"id": 1, "status": "processing", "date_created_gmt": "2026-11-20T10:00:00"}
    found = order | {"line_items": [{"id": 1, **line, **container}, {"id": 2, **line, **part}]}
    assert len(lines(woocommerce.translate_order(found, (), GROCER, READING))) == (1 if container else 2)


def test_of_a_kit_the_components_leave_the_shelf():
    found = given("odoo-kit")
    moves = found["moves of its picking, which the connector leaves out"]
    parts = [odoo.KitPart(move["product_id"][0], move["quantity"], move["product_uom"]) for move in moves]
    shop = odoo.OdooShop(GROCER, kits={101: parts})
    translated = odoo.orders([found["order"]], {1: found["lines"]}, {}, shop, READING)
    assert [line[1:4] for line in lines(translated)] == [("item:102", 1000, "each"), ("item:103", 2000, "each")]
    assert [line.line_id for line in translated.events[0].lines] == ["11/102", "11/103"]


# --- noise, zero, price ---------------------------------------------------------------------------------------


def test_a_level_with_the_noise_of_a_double_is_read():
    (report,) = lightspeed.translate_inventory(given("lightspeed-inventory-noise"), HERE, READING).events
    assert report.lines[0].quantity_milli == 12_300


def test_what_costs_nothing_has_a_price_of_zero():
    assert lines(lightspeed.translate_sale(given("lightspeed-free-item"), HERE, READING))[0][-1] == 0


# --- paid, not told -------------------------------------------------------------------------------------------


def test_a_paid_order_that_waits_for_its_pickup_is_sold_and_moves_nothing_more_when_it_is_handed_over():
    paid = given("square-paid-pickup-order")
    first = square.orders([paid], AT_L1, READING)
    assert lines(first) == [("sale", "item:MILK", 2000, "each", 500)]
    done = {**paid, "state": "COMPLETED", "version": 5, "closed_at": "2026-11-04T15:10:00Z"}
    second = square.orders([done], AT_L1, READING)
    assert second.events[0].occurred_at_ms == first.events[0].occurred_at_ms
    assert on_hand(first, second) == {"item:MILK": -2000}
    called_off = square.orders([{**paid, "state": "CANCELED", "version": 5}], AT_L1, READING)
    assert on_hand(first, called_off) == {}


@pytest.mark.parametrize(
    "changes",
    [{"net_amount_due_money": {"amount": 5, "currency": "USD"}}, {"tenders": []}, {"net_amount_due_money": None},
     {"tenders": [{"card_details": {"status": "AUTHORIZED"}}]}],
)  # fmt: skip
def test_an_open_order_on_which_something_is_due_is_unpaid(changes):
    translated = square.orders([given("square-paid-pickup-order") | changes], AT_L1, READING)
    assert (translated.events, reasons(translated)) == ((), [("order O2", "unpaid")])


def test_what_woocommerce_took_off_its_stock_is_sold_whatever_a_plugin_calls_its_status():
    found = given("woocommerce-cod-custom-status")["order"]
    assert [line[1:3] for line in lines(woocommerce.translate_order(found, (), GROCER, READING))] == [
        ("sku:SKU-1", 1000)
    ]
    found["line_items"][0]["meta_data"] = []
    assert reasons(woocommerce.translate_order(found, (), GROCER, READING)) == [("", "unpaid")]


@pytest.mark.parametrize(("ends", "kind", "milli"), [("L1", "received", 5000), ("L2", "adjusted", -5000)])
def test_goods_transferred_between_two_locations_come_or_go(ends, kind, milli):
    other = "L2" if ends == "L1" else "L1"
    transfer = {
        "id": "T1", "catalog_object_id": "MILK", "quantity": "5", "from_location_id": other, "to_location_id": ends,
        "state": "IN_STOCK", "occurred_at": "2026-11-01T15:10:00Z", "created_at": "2026-11-01T15:10:00Z",
    }  # fmt: skip
    (report,) = square.changes([{"type": "TRANSFER", "transfer": transfer}], AT_L1, READING).events
    assert (report.kind.value, report.lines[0].quantity_milli) == (kind, milli)


# --- the clock that runs ahead, the exchange told twice, the byte order mark ------------------------------------


def test_a_device_clock_that_runs_ahead_is_not_believed():
    order = given("clover-custom-unit")
    payment = order["payments"]["elements"][0]
    payment["clientCreatedTime"] = payment["createdTime"] + 86_400_000
    translated = clover.orders([order], clover.CloverShop(GROCER), READING)
    assert translated.events[0].occurred_at_ms == payment["createdTime"]
    assert "runs ahead" in translated.notes[0].text


def test_an_exchange_at_clover_counts_once_although_its_refund_is_named_later():
    order = given("clover-custom-unit")
    item = order["lineItems"]["elements"][0]
    item["exchanged"] = True
    first = clover.orders([order], clover.CloverShop(GROCER), READING)
    item["refund"] = {"id": "R1", "createdTime": order["modifiedTime"] + 1000}
    second = clover.orders([order | {"modifiedTime": order["modifiedTime"] + 5}], clover.CloverShop(GROCER), READING)
    assert on_hand(first, second) == {"item:ITb": -3000}


def test_a_body_with_a_byte_order_mark_is_read():
    body = (FOLDER / "webhook-utf8-bom.json").read_bytes()
    assert body.startswith(b"\xef\xbb\xbf"), "webhook-utf8-bom"
    assert lines(webhook.translate(parse(body), GROCER, NOW_MS)) == [("sale", "sku:TEA", 1000, "each", None)]


# --- right before, right still ----------------------------------------------------------------------------------


def test_one_line_that_is_canceled_and_returned_in_one_refund_counts_each_once():
    order = given("guard-shopify-cancel-and-return-in-one-refund")
    translated = shopify.translate_order(order, AT_77, READING)
    assert [line[:3] for line in lines(translated)] == [
        ("void", "sku:FRAME", 1000), ("return", "sku:FRAME", 1000), ("sale", "sku:FRAME", 2000),
    ]  # fmt: skip


def test_a_refund_at_the_till_brings_its_goods_back():
    translated = shopify.translate_refund(given("guard-shopify-pos-refund"), AT_77, READING)
    assert lines(translated) == [("return", "sku:SALT-18", 4000, "each", 14_397)]


def test_an_exchange_in_one_order_sells_and_takes_back():
    translated = square.orders([given("guard-square-exchange")], AT_L1, READING)
    assert [line[:3] for line in lines(translated)] == [("sale", "item:NEW", 1000), ("return", "item:OLD", 1000)]


def test_a_refund_that_was_not_restocked_is_told_so():
    found = given("guard-woocommerce-refund-not-restocked")
    translated = woocommerce.translate_order(found["order"], found["refunds"], GROCER, READING)
    assert [line[:3] for line in lines(translated)] == [
        ("return_not_restocked", "sku:SKU-1", 1000), ("sale", "sku:SKU-1", 3000),
    ]  # fmt: skip
