"""Clover, by its REST API reference (v3) and "Use webhooks"."""

import json
import re
from decimal import Decimal

from tests.support.rigs.rig import CANARY, Notice, Order, VendorRig
from tests.support.vendor_server import Answer, Received

MERCHANT = "RCTSTAVI0010002"
_FILTER = re.compile(r"modifiedTime(>=|<)([0-9]{13})")


class CloverRig(VendorRig):
    kind = "clover"

    def __init__(self, **fields: object) -> None:
        super().__init__(**fields)
        self.items: list[dict[str, object]] = []
        self.ours: list[dict[str, object]] = []

    def options(self):
        return {"merchant_id": MERCHANT}

    def answer(self, request: Received) -> Answer | None:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Answer({"message": "401 Unauthorized", "details": CANARY}, 401)
        if not request.headers.get("user-agent") or request.method != "GET":
            return None
        expand = request.query.get("expand", [""])[0].split(",")
        match request.path.split("/")[1:]:
            case ["v3", "merchants", merchant] if merchant == MERCHANT:
                return Answer({"id": MERCHANT, "name": "Grocer", "owner": {"name": CANARY, "email": CANARY}})
            case ["v3", "merchants", merchant, "orders"] if merchant == MERCHANT and "lineItems" in expand:
                return _listed(request, [self.order(order) for order in self.orders.values()] + self.ours)
            case ["v3", "merchants", merchant, "orders", order_id] if merchant == MERCHANT and "lineItems" in expand:
                found = [self.order(order) for order in self.orders.values() if order.id == order_id]
                return Answer(found[0]) if found else Answer({"message": "Not Found"}, 404)
            case ["v3", "merchants", merchant, "payments", payment_id] if merchant == MERCHANT:
                order_id = payment_id.removeprefix("PAY")
                known = order_id in self.orders
                return Answer({"id": payment_id, "order": {"id": order_id}}) if known else _not_found()
            case ["v3", "merchants", merchant, "items"] if merchant == MERCHANT:
                if "filter" in request.query:
                    return _listed(request, self.items) if expand == ["itemStock"] else None
                return Answer({"elements": [{"id": "milk", "name": "Milk", "sku": "SKU-1", "code": "4006381333931"}]})
            case ["v3", "merchants", merchant, "items", item_id] if merchant == MERCHANT and expand == ["itemStock"]:
                found = [item for item in self.items if item["id"] == item_id]
                return Answer(found[0]) if found else _not_found()
        return None

    def notice(self, order: Order) -> Notice:
        named = [{"objectId": f"O:{order.id}", "type": "UPDATE", "ts": order.changed_at_ms}]
        elsewhere = [{"objectId": "O:ELSEWHERE", "type": "CREATE", "ts": order.changed_at_ms}]
        merchants = {MERCHANT: named, "OTHERMERCHANT": elsewhere}
        body = json.dumps({"appId": "DRKVJT2ZRRRSC", "merchants": merchants}).encode()
        return {"Content-Type": "application/json", **self.signed(body)}, body

    def signed(self, body: bytes) -> dict[str, str]:
        return {"X-Clover-Auth": self.secret.decode()}

    def write_back(self) -> Notice | None:
        order = self.order(Order("OURS", at_ms=self.now_ms))
        self.ours.append(order | {"externalReferenceId": "commonshelf:grocer-7/1"})
        return None

    def order(self, order: Order) -> dict[str, object]:
        """The order as the API gives it."""
        return {
            "id": order.id, "currency": "EUR", "total": 398, "paymentState": "PAID", "state": "locked",
            "testMode": False, "manualTransaction": False, "groupLineItems": True, "payType": "FULL",
            "createdTime": order.at_ms, "clientCreatedTime": order.at_ms, "modifiedTime": order.changed_at_ms,
            "title": CANARY, "note": CANARY, "employee": {"id": "E1", "name": CANARY},
            "customers": {"elements": [{"firstName": CANARY, "phoneNumbers": {"elements": [{"phoneNumber": CANARY}]}}]},
            "a_field_of_next_year": {"x": 1},
            "payments": {"elements": [{
                "id": f"PAY{order.id}", "amount": 398, "result": "SUCCESS", "createdTime": order.at_ms,
                "cardTransaction": {"cardholderName": CANARY, "last4": "1111"}, "note": CANARY,
            }]},
            "lineItems": {"elements": [
                {
                    "id": f"{order.id}-{at}", "item": {"id": item}, "name": CANARY, "note": CANARY, "price": 199,
                    "unitQty": _json_number(Decimal(quantity) * 1000), "isRevenue": True, "refunded": False,
                    "modifications": {"elements": [{"name": CANARY}]},
                }
                for at, (item, quantity) in enumerate(order.lines)
            ]},
        }  # fmt: skip


def _json_number(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)


def _not_found() -> Answer:
    return Answer({"message": "Not Found"}, 404)


def _listed(request: Received, found: list[dict[str, object]]) -> Answer | None:
    """The newest first, as nothing is promised; None for a filter that Clover does not have."""
    for text in request.query.get("filter", []):
        bound = _FILTER.fullmatch(text)
        if bound is None:
            return None
        wanted = (lambda at, edge: at >= edge) if bound[1] == ">=" else (lambda at, edge: at < edge)
        found = [each for each in found if wanted(each["modifiedTime"], int(bound[2]))]
    found = sorted(found, key=lambda each: each["modifiedTime"], reverse=True)
    offset, limit = int(request.query["offset"][0]), int(request.query["limit"][0])
    return Answer({"elements": found[offset : offset + limit], "href": "https://api.clover.com/"})
