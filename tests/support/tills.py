"""A till of each connector: an order of two lines as its vendor tells it, and how its connector reads it."""

import csv
import io
from decimal import Decimal
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from connectors.clover import translate as clover
from connectors.contract import Translated
from connectors.drop_folder.formats import read_events
from connectors.drop_folder.settings import DropFolderSpec
from connectors.lightspeed import translate as lightspeed
from connectors.loyverse import translate as loyverse
from connectors.odoo import translate as odoo
from connectors.poslog import translate as poslog
from connectors.shopify import translate as shopify
from connectors.square import translate as square
from connectors.vendor.fields import ReadContext
from connectors.webhook import translate as webhook
from connectors.woocommerce import translate as woocommerce
from schemas.codec import topic_codec
from schemas.models.config import CodeMapping, PoolSettings, StoreSettings
from schemas.topics import POS_SALES
from tests.support.connectors import GROCER
from tests.support.pool import PoolBench

AT_MS = 1_772_374_440_000
READING = ReadContext(AT_MS + 600_000)
FIRST, SECOND = "2026-03-01T14:14:00Z", "2026-03-01T14:15:00Z"
NULLED, RENAMED, REFUSED = "its ids nulled", "its SKU renamed", "the line refused"
SKIPPED, GONE = "the line skipped for another reason", "line gone after a refund"
CELLS = (NULLED, RENAMED, REFUSED, SKIPPED, GONE)
"""What a revision may lack of what was told first."""


class Till:
    """A vendor's order of two lines, and how its connector reads it.

    names: of the fields of a line that name its item; emptied, the line names none. matters: fields of the order and
    of a line that say what was sold, how much, when, and whether: nothing else may cost a line. nothing: what
    stands for a name that is gone. skips_lines: whether the connector ever leaves out single lines.
    """

    system = ""
    lines_at = "line_items"
    names: tuple[str, ...] = ()
    sku: str | None = None
    quantity = "quantity"
    matters_in_order: tuple[str, ...] = ()
    matters_in_line: tuple[str, ...] = ()
    nothing: object = None
    skips_lines = True

    def renamed(self):
        """What stands where the line names its item once that has another name."""
        return "NEW"

    def order(self, version=1):
        raise NotImplementedError

    def read(self, order):
        raise NotImplementedError

    def lines(self, order):
        return order[self.lines_at]


class Shopify(Till):
    system, names, sku = "shopify", ("variant_id", "sku"), "sku"
    matters_in_order = (
        "id", "line_items", "created_at", "processed_at", "updated_at", "financial_status", "cancelled_at",
        "fulfillment_status", "test", "source_identifier", "location_id", "refunds", "edited",
    )  # fmt: skip
    matters_in_line = (
        "variant_id", "sku", "quantity", "gift_card", "requires_shipping", "current_quantity", "id",
        "variant_inventory_management",
    )  # fmt: skip

    def order(self, version=1):
        line = {"price": "1.99", "discount_allocations": [], "title": "x", "tax_lines": [], "name": "x", "grams": 5}
        return {
            "id": 1, "created_at": FIRST, "processed_at": FIRST, "updated_at": SECOND if version > 1 else FIRST,
            "financial_status": "paid", "currency": "EUR", "device_id": 3, "note": "x", "total_price": "3.98",
            "customer": {}, "tags": "", "source_name": "pos",
            "line_items": [
                {"id": 11, "variant_id": 1, "sku": "A", "quantity": 2, **line},
                {"id": 12, "variant_id": 2, "sku": "B", "quantity": 3, **line},
            ],
        }  # fmt: skip

    def read(self, order):
        return shopify.translate_order(order, shopify.ShopifyShop(GROCER), READING)


class Square(Till):
    system, names = "square", ("catalog_object_id",)
    matters_in_order = ("id", "location_id", "state", "version", "created_at", "closed_at", "line_items", "returns")
    matters_in_line = ("catalog_object_id", "quantity", "quantity_unit", "item_type", "uid", "total_money")

    def order(self, version=1):
        line = {"total_money": {"amount": 199, "currency": "EUR"}, "name": "x", "base_price_money": {}}
        return {
            "id": "O1", "location_id": "L1", "state": "COMPLETED", "version": version, "created_at": FIRST,
            "closed_at": FIRST, "updated_at": FIRST, "total_money": {"amount": 5, "currency": "EUR"}, "tenders": [],
            "service_charges": [], "total_tip_money": None, "refunds": [], "reference_id": "x", "fulfillments": [],
            "net_amount_due_money": None,
            "line_items": [
                {"uid": "a", "catalog_object_id": "A", "quantity": "2", **line},
                {"uid": "b", "catalog_object_id": "B", "quantity": "3", **line},
            ],
        }  # fmt: skip

    def read(self, order):
        return square.orders([order], square.SquareShop(GROCER, "L1"), READING)


class Clover(Till):
    system, lines_at, quantity = "clover", "lineItems", "unitQty"
    names = ("item",)
    matters_in_order = (
        "id", "paymentState", "payments", "voids", "createdTime", "clientCreatedTime", "modifiedTime", "testMode",
        "deletedTimestamp", "lineItems", "externalReferenceId", "credits", "refunds",
    )  # fmt: skip
    matters_in_line = (
        "item", "unitQty", "unitName", "refunded", "exchanged", "refund", "isOrderFee", "isPlatformOrderFee",
        "orderFeeType", "isRevenue", "id", "price",
    )  # fmt: skip

    def order(self, version=1):
        return {
            "id": "O1", "currency": "EUR", "createdTime": AT_MS, "modifiedTime": AT_MS + version,
            "paymentState": "PAID",
            "total": 5, "serviceCharge": None, "note": "x", "title": "x", "device": {}, "payType": "FULL",
            "payments": {"elements": [{"id": "P", "result": "SUCCESS", "amount": 5, "createdTime": AT_MS}]},
            "lineItems": [
                {"id": "a", "item": {"id": "A"}, "price": 199, "unitQty": 2000, "unitName": "", "name": "x"},
                {"id": "b", "item": {"id": "B"}, "price": 199, "unitQty": 3000, "unitName": "", "name": "x"},
            ],
        }  # fmt: skip

    def renamed(self):
        return {"id": "NEW"}

    def read(self, order):
        return clover.orders([order], clover.CloverShop(GROCER), READING)


class Lightspeed(Till):
    system, names = "lightspeed", ("product_id",)
    matters_in_order = (
        "id", "state", "status", "date", "sale_date", "updated_at", "line_items", "source_id", "deleted_at",
        "attributes", "source", "created_at", "register_sale_attributes", "outlet_id", "register_id",
    )  # fmt: skip
    matters_in_line = (
        "product_id", "product", "quantity", "is_return", "return", "gift_card_number", "handle", "sku", "id",
        "price_total", "total_price", "price",
    )  # fmt: skip

    def order(self, version=1):
        line = {"price_total": 3.98, "tax_total": Decimal("0.5"), "pricing": {}, "tax": {}, "note": "x", "name": "x"}
        return {
            "id": "s1", "state": "closed", "date": FIRST, "updated_at": SECOND if version > 1 else FIRST,
            "adjustments": [], "ecom_custom_charges": [], "note": "x", "total_price": 5, "customer": {}, "user_id": "u",
            "line_items": [
                {"id": "a", "product_id": "A", "quantity": 2, **line},
                {"id": "b", "product_id": "B", "quantity": 3, **line},
            ],
        }  # fmt: skip

    def read(self, order):
        return lightspeed.translate_sale(order, lightspeed.Outlet(GROCER), READING)


class Loyverse(Till):
    system, names = "loyverse", ("variant_id",)
    matters_in_order = (
        "receipt_number", "receipt_type", "receipt_date", "created_at", "updated_at", "cancelled_at", "line_items",
        "store_id", "order",
    )  # fmt: skip
    matters_in_line = ("id", "variant_id", "quantity", "total_money")

    def order(self, version=1):
        line = {"total_money": 3.98, "price": 1.99, "line_taxes": [], "line_note": "x", "item_name": "x", "sku": "1"}
        return {
            "receipt_number": "2-1008", "receipt_type": "SALE", "receipt_date": FIRST, "created_at": FIRST,
            "updated_at": SECOND if version > 1 else FIRST, "cancelled_at": None, "store_id": "S", "tip": 0,
            "surcharge": 0, "pos_device_id": "d", "note": "x", "source": "x", "payments": [], "refund_for": None,
            "line_items": [
                {"id": "a", "variant_id": "A", "quantity": 2, **line},
                {"id": "b", "variant_id": "B", "quantity": 3, **line},
            ],
        }  # fmt: skip

    def read(self, order):
        return loyverse.receipts([order], loyverse.LoyverseShop(GROCER, "S"), READING)


class WooCommerce(Till):
    system, names, sku = "woocommerce", ("product_id", "sku"), "sku"
    matters_in_order = (
        "id", "status", "date_created_gmt", "date_created", "date_paid_gmt", "date_paid", "date_modified_gmt",
        "date_modified", "line_items", "meta_data", "refunds", "payment_method",
    )  # fmt: skip
    matters_in_line = ("id", "product_id", "variation_id", "sku", "quantity", "meta_data", "total")

    def order(self, version=1):
        line = {"total": "3.98", "total_tax": "0.50", "meta_data": [], "name": "x", "subtotal": "1", "taxes": []}
        return {
            "id": 1, "status": "processing", "currency": "EUR", "date_created_gmt": FIRST[:-1],
            "date_paid_gmt": FIRST[:-1], "date_modified_gmt": (SECOND if version > 1 else FIRST)[:-1],
            "fee_lines": [], "shipping_lines": [], "billing": {}, "total": "5", "coupon_lines": [],
            "customer_note": "x",
            "line_items": [
                {"id": 11, "product_id": 1, "sku": "A", "quantity": 2, **line},
                {"id": 12, "product_id": 2, "sku": "B", "quantity": 3, **line},
            ],
        }  # fmt: skip

    def read(self, order):
        return woocommerce.translate_order(order, (), GROCER, READING)


class Odoo(Till):
    system, names, quantity = "odoo", ("product_id",), "qty"
    lines_at = "lines"
    matters_in_order = ("id", "state", "date_order", "write_date", "lines", "pos_reference", "create_date")
    matters_in_line = ("id", "product_id", "qty", "product_uom_id", "write_date", "price_subtotal_incl")

    def order(self, version=1):
        line = {"price_subtotal_incl": 3.98, "product_uom_id": [1, "Units"], "name": "x", "discount": 0}
        return {
            "id": 1, "state": "paid", "date_order": "2026-03-01 14:14:00",
            "write_date": "2026-03-01 14:15:00" if version > 1 else "2026-03-01 14:14:00", "config_id": [3, "x"],
            "currency_id": [1, "EUR"], "amount_total": 5, "note": "x", "partner_id": [1, "x"],
            "lines": [
                {"id": 11, "product_id": [1, "x"], "qty": 2, **line},
                {"id": 12, "product_id": [2, "x"], "qty": 3, **line},
            ],
        }  # fmt: skip

    def renamed(self):
        return [77, "x"]

    def read(self, order):
        return odoo.orders([order], {order["id"]: order["lines"]}, {}, odoo.OdooShop(GROCER), READING)


class Webhook(Till):
    system, names, sku, lines_at = "webhook", ("sku",), "sku", "lines"
    skips_lines = False
    matters_in_order = ("id", "occurred_at", "recorded_at", "version", "lines", "store", "pool")
    matters_in_line = ("sku", "gtin", "plu", "item", "quantity", "unit", "kind", "line_id")

    def order(self, version=1):
        return {
            "id": "1", "occurred_at": FIRST, "version": version, "register": "1", "currency": "EUR", "order_ref": None,
            "note": "x", "customer": {},
            "lines": [
                {"line_id": "a", "sku": "A", "quantity": 2, "price": "1.99", "unit_price": None, "name": "x"},
                {"line_id": "b", "sku": "B", "quantity": 3, "price": "1.99", "unit_price": None, "name": "x"},
            ],
        }  # fmt: skip

    def read(self, order):
        return webhook.translate({"sales": [order]}, GROCER, READING.received_at_ms)


class DropFolder(Till):
    """Rows of one receipt in a CSV file; what bends the order bends its first row."""

    system, names, sku, lines_at = "drop_folder", ("sku",), "sku", "lines"
    nothing = ""
    matters_in_order = ("lines",)
    matters_in_line = ("receipt_no", "occurred_at", "sku", "quantity", "line_no", "version", "status")

    def order(self, version=1):
        line = {"receipt_no": "1", "occurred_at": FIRST, "price": "1.99", "unit_price": "", "currency": "EUR",
                "order_ref": "", "remark": "x", "cashier": "x", "version": str(version), "status": "paid"}  # fmt: skip
        return {"lines": [line | {"line_no": "1", "sku": "A", "quantity": "2"},
                          line | {"line_no": "2", "sku": "B", "quantity": "3"}]}  # fmt: skip

    def read(self, order):
        out = io.StringIO()
        writer = csv.DictWriter(out, list(order["lines"][0]))
        writer.writeheader()
        writer.writerows({name: _one_line(value) for name, value in line.items()} for line in order["lines"])
        spec = DropFolderSpec(pool="north", store=GROCER.id, folder=Path("unused"))
        (batch,) = read_events("sales.csv", out.getvalue().encode(), "sales", spec, READING.received_at_ms)
        return Translated(batch.events)


class PosLog(Till):
    """A POSLog transaction, of which the elements with the names of the fields are bent."""

    system, names, sku, lines_at = "poslog", ("ItemID",), "ItemID", "LineItem"
    matters_in_order = ("LineItem", "SequenceNumber", "EndDateTime", "BusinessDayDate", "WorkstationID")
    matters_in_line = ("ItemID", "Quantity")

    def order(self, version=1):
        line = {"ExtendedAmount": "3.98", "Description": "x", "RegularSalesUnitPrice": "1.99", "Tax": "x"}
        return {
            "SequenceNumber": "1", "EndDateTime": FIRST, "BusinessDayDate": "2026-03-01", "WorkstationID": "1",
            "OperatorID": "x", "CurrencyCode": "EUR", "Customer": "x",
            "LineItem": [line | {"ItemID": "A", "Quantity": "2"}, line | {"ItemID": "B", "Quantity": "3"}],
        }  # fmt: skip

    def read(self, order):
        transaction = Element("Transaction")
        retail = Element("RetailTransaction")
        for name, value in order.items():
            if name != "LineItem":
                SubElement(transaction, name).text = _one_line(value)
        for at, line in enumerate(order["LineItem"], start=1):
            item = SubElement(retail, "LineItem")
            SubElement(item, "SequenceNumber").text = str(at)
            goods = SubElement(item, "Sale")
            for name, value in line.items():
                SubElement(goods, name).text = _one_line(value)
        transaction.append(retail)
        return poslog.translate(transaction, GROCER, READING.received_at_ms)


def _one_line(value):
    """A value as it can stand in a cell or an element: without control characters, not below zero."""
    return "".join(char for char in str(value) if char.isprintable()).lstrip("-")


TILLS = [Shopify(), Square(), Clover(), Lightspeed(), Loyverse(), WooCommerce(), Odoo(), Webhook()]


def on_hand(*translated):
    """On hand of the two items after all that was told; codes that the first message did not have are not mapped."""
    bench = PoolBench()
    bench.configure(PoolSettings(name="North"))
    bench.configure(StoreSettings(store=GROCER.id, name="Grocer"))
    for line in translated[0].events[0].lines:
        bench.stock_item(line.code)
        bench.configure(CodeMapping(code=line.code, sku=line.code))
    for event in (event for each in translated for event in each.events):
        bench.put(POS_SALES.name, topic_codec(POS_SALES.name).encode(event.to_avro()), READING.received_at_ms)
    return [bench.on_hand(line.code, GROCER.id) for line in translated[0].events[0].lines]
