"""WooCommerce, by the documentation of its REST API v3."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.support.rigs.rig import CANARY, Notice, Order, VendorRig
from tests.support.vendor_server import Answer, Received

API = ["wp-json", "wc", "v3"]


def gmt(at_ms: int) -> str:
    """WooCommerce's times are whole seconds, without an offset."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def from_gmt(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@dataclass
class WooCommerceRig(VendorRig):
    kind = "woocommerce"
    refunds: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    products: list[dict[str, object]] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    """Ids of orders that we made."""
    stock: dict[str, int] = field(default_factory=lambda: {"93/0": 10, "94/95": 10})
    """By product and variation, 0 for none."""
    holds: dict[int, dict[str, object]] = field(default_factory=dict)
    """Orders made through the API, by id."""
    refuses_writes: int = 0
    """Status that answers every write."""

    def answer(self, request: Received) -> Answer | None:
        expected = base64.b64encode(self.token.encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return Answer({"code": "woocommerce_rest_cannot_view", "message": CANARY, "data": {"status": 401}}, 401)
        if request.path.split("/")[1:4] != API:
            return None
        if request.method != "GET":
            return self._write(request)
        match request.path.split("/")[4:]:
            case ["orders"] if "status" in request.query:
                return self._on_hold(request.query)
            case ["orders"]:
                return self._orders(request.query)
            case ["products"] if "sku" in request.query:
                return page_of(
                    [each for each in self._shelf() if each["sku"] == request.query["sku"][0]], request.query
                )
            case ["products", product] if product.isdecimal():
                found = [each for each in self._shelf() if str(each["id"]) == product]
                return Answer(found[0]) if found else Answer({"code": "woocommerce_rest_product_invalid_id"}, 404)
            case ["orders", order_id, "refunds"] if order_id in self.orders:
                return page_of(self.refunds.get(order_id, []), request.query)
            case ["products"] if "include" in request.query:
                asked = request.query["include"][0].split(",")
                return Answer([{"id": int(each), "virtual": each == "666"} for each in asked])
            case ["products"]:
                return self._changed(self.products, request.query)
            case ["products", _, "variations"]:
                return page_of([{"id": 95, "name": "1 l", "sku": "MILK-1L"}], request.query)
        return None

    def notice(self, order: Order) -> Notice:
        return self.delivered("order.updated", json.dumps(self.order(order)).encode())

    def write_back(self) -> Notice | None:
        self.written.add("71")
        self.record(Order("71"))
        return self.notice(self.orders["71"])

    def delivered(self, topic: str, body: bytes) -> Notice:
        headers = {
            "Content-Type": "application/json", "X-WC-Webhook-Topic": topic, "X-WC-Webhook-Source": "https://shop/",
            "X-WC-Webhook-Resource": topic.partition(".")[0], "X-WC-Webhook-Event": topic.partition(".")[2],
            "X-WC-Webhook-ID": "4", "X-WC-Webhook-Delivery-ID": "b2a5a4d0",
        }  # fmt: skip
        return {**headers, **self.signed(body)}, body

    def signed(self, body: bytes) -> dict[str, str]:
        return {"X-WC-Webhook-Signature": base64.b64encode(hmac.digest(self.secret, body, hashlib.sha256)).decode()}

    def order(self, order: Order) -> dict[str, object]:
        """The order as the API gives it."""
        person = {"first_name": CANARY, "address_1": CANARY, "email": CANARY, "phone": CANARY}
        times = {
            name + suffix: gmt(at_ms)
            for name, at_ms in (
                ("date_created", order.at_ms), ("date_paid", order.at_ms), ("date_modified", order.changed_at_ms),
            )
            for suffix in ("", "_gmt")
        }  # fmt: skip
        return {
            "id": order.id, "number": CANARY, "status": "completed", "currency": "EUR", "billing": person, **times,
            "shipping": person, "customer_note": CANARY, "customer_ip_address": CANARY, "a_field_of_next_year": 1,
            "meta_data": [{"id": 1, "key": CANARY, "value": CANARY}, *self._note(order)], "fee_lines": [],
            "shipping_lines": [],
            "refunds": [{"id": each["id"], "reason": CANARY, "total": "-1"} for each in self.refunds.get(order.id, ())],
            "line_items": [
                {
                    "id": at + 1, "name": CANARY, "product_id": 93 + at, "variation_id": 0, "quantity": quantity,
                    "total": "3.34", "total_tax": "0.64", "sku": item, "price": 1.67,
                    "meta_data": [{"id": 2, "key": "engraving", "value": CANARY}],
                }
                for at, (item, quantity) in enumerate(order.lines)
            ],
        }  # fmt: skip

    def _shelf(self) -> list[dict[str, object]]:
        """Products and variations, as the API lists them by SKU: bread has the stock of no one."""
        return [
            {"id": 93, "type": "simple", "parent_id": 0, "sku": "milk", "manage_stock": True},
            {"id": 95, "type": "variation", "parent_id": 94, "sku": "milk2", "manage_stock": True},
            {"id": 96, "type": "simple", "parent_id": 0, "sku": "bread", "manage_stock": False},
        ]

    def _on_hold(self, asked) -> Answer | None:
        if (asked["status"], asked["orderby"], asked["order"]) != (["on-hold"], ["id"], ["asc"]):
            return None
        (product,) = asked["product"]
        found = [
            each
            for each in self.holds.values()
            if each["status"] == "on-hold" and str(each["line_items"][0]["product_id"]) == product
        ]
        return page_of(found, asked)

    def _write(self, request: Received) -> Answer | None:
        """An order on hold takes its goods off the stock; cancelled, it puts them back, once."""
        if self.refuses_writes:
            return Answer({"code": "woocommerce_rest_invalid", "message": CANARY}, self.refuses_writes)
        asked = request.json()
        match (request.method, request.path.split("/")[4:]):
            case ("POST", ["orders"]):
                (line,) = asked["line_items"]
                if asked["status"] != "on-hold" or (line["total"], line["subtotal"]) != ("0", "0"):
                    return None
                times = {f"date_{name}_gmt": gmt(self.now_ms) for name in ("created", "modified")}
                order = {**asked, "id": 700 + len(self.holds), "currency": "EUR", "refunds": [], **times}
                self.holds[order["id"]] = order
                self._move(order, -line["quantity"])
                return Answer(order, 201)
            case ("PUT", ["orders", order_id]) if int(order_id) in self.holds and asked == {"status": "cancelled"}:
                order = self.holds[int(order_id)]
                if order["status"] == "on-hold":
                    self._move(order, order["line_items"][0]["quantity"])
                order["status"] = "cancelled"
                return Answer(order)
        return None

    def _move(self, order, quantity: int) -> None:
        (line,) = order["line_items"]
        place = f"{line['product_id']}/{line.get('variation_id', 0)}"
        self.stock[place] += quantity
        told = {"id": line.get("variation_id", line["product_id"]), "stock_quantity": self.stock[place]}
        self.products.append({**told, "manage_stock": True, "date_modified_gmt": gmt(self.now_ms)})

    def _note(self, order: Order) -> list[dict[str, object]]:
        note = {"id": 2, "key": "commonshelf_reference", "value": f"commonshelf:{order.id}"}
        return [note] if order.id in self.written else []

    def _orders(self, asked) -> Answer | None:
        if "modified_after" not in asked:
            return page_of([self.order(order) for order in self.orders.values()], asked)
        return self._changed([*(self.order(order) for order in self.orders.values()), *self.holds.values()], asked)

    def _changed(self, found, asked) -> Answer | None:
        if "modified_after" in asked:
            if (asked["dates_are_gmt"], asked["orderby"], asked["order"]) != (["true"], ["id"], ["asc"]):
                return None
            after_ms = from_gmt(asked["modified_after"][0])
            found = [each for each in found if from_gmt(each["date_modified_gmt"]) > after_ms]
        return page_of(sorted(found, key=lambda each: str(each["id"])), asked)


def page_of(found, asked) -> Answer:
    size, number = int(asked["per_page"][0]), int(asked.get("page", ["1"])[0])
    return Answer(found[size * (number - 1) : size * number], headers={"X-WP-Total": str(len(found))})
