"""Square, by its API reference of 2026-09-16."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

from tests.support.openapi import OpenApi
from tests.support.rigs.rig import CANARY, Notice, Order, VendorRig
from tests.support.vendor_server import Answer, Received

LOCATION = "057P5VYJ4A5X1"
URL = "https://shop.example/webhooks/square/grocer-7"
PAGE = 50
BARCODES = {"milk": "4006381333931"}
SPEC = OpenApi(Path(__file__).parents[2] / "payloads" / "square" / "openapi.json")


def rfc3339(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


class SquareRig(VendorRig):
    kind = "square"

    def __init__(self, **fields: object) -> None:
        super().__init__(**fields)
        self.changes: list[dict[str, object]] = []
        self.counts: list[dict[str, object]] = []
        self.events: list[dict[str, object]] = []
        self.writes: dict[str, dict[str, object]] = {}
        """Idempotency key → the change that was carried out with it."""
        self.measured: set[str] = set()
        """Variations that are sold by weight."""
        self.refuses_writes = ""
        """Code of the error that answers every write."""

    def options(self):
        return {"location_id": LOCATION, "webhook_url": URL}

    def answer(self, request: Received) -> Answer | None:
        """None, too, where Square's own OpenAPI file finds a fault in the request, or in our answer."""
        answer = self._answer(request)
        faults = [] if answer is None else SPEC.faults(request, answer)
        if faults:
            print("not as Square's file says:", *faults, sep="\n  ")
            return None
        return answer

    def _answer(self, request: Received) -> Answer | None:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            error = {"category": "AUTHENTICATION_ERROR", "code": "UNAUTHORIZED", "detail": CANARY}
            return Answer({"errors": [error]}, 401)
        if request.headers.get("square-version") is None:
            return None
        match (request.method, request.path.split("/")[1:]):
            case ("GET", ["v2", "orders", order_id]) if order_id in self.orders:
                return Answer({"order": self.order(self.orders[order_id])})
            case ("GET", ["v2", "orders", _]):
                return Answer({"errors": [{"category": "INVALID_REQUEST_ERROR", "code": "NOT_FOUND"}]}, 404)
            case ("POST", ["v2", "orders", "search"]):
                return self._search(request.json())
            case ("POST", ["v2", "inventory", "changes", "batch-retrieve"]):
                return self._inventory(request.json(), "changes", self.changes)
            case ("POST", ["v2", "inventory", "counts", "batch-retrieve"]):
                return self._inventory(request.json(), "counts", self.counts)
            case ("POST", ["v2", "inventory", "changes", "batch-create"]):
                return self._write(request.json())
            case ("GET", ["v2", "catalog", "object", item]) if item in ("milk", "bread"):
                return Answer({"object": _variation(item, item in self.measured)})
            case ("GET", ["v2", "catalog", "object", _]):
                return Answer({"errors": [{"category": "INVALID_REQUEST_ERROR", "code": "NOT_FOUND"}]}, 404)
            case ("POST", ["v2", "events"]):
                asked = request.json()
                since_ms = from_rfc3339(asked["query"]["filter"]["created_at"]["start_at"])
                found = [each for each in self.events if from_rfc3339(each["created_at"]) >= since_ms]
                return _page("events", found, asked.get("cursor"))
            case ("GET", ["v2", "locations"]):
                return Answer({"locations": [self._location()]})
            case ("GET", ["v2", "locations", location]) if location == LOCATION:
                return Answer({"location": self._location()})
            case ("GET", ["v2", "catalog", "list"]):
                return Answer({"objects": [_item("milk", "Milk"), _item("bread", "Bread")]})
        return None

    def notice(self, order: Order) -> Notice:
        payment = {
            "id": f"pay-{order.id}", "status": "COMPLETED", "order_id": order.id, "location_id": LOCATION,
            "amount_money": {"amount": 100, "currency": "EUR"}, "buyer_email_address": CANARY, "note": CANARY,
            "card_details": {"card": {"cardholder_name": CANARY, "last_4": "1111"}},
            "shipping_address": {"address_line_1": CANARY},
        }  # fmt: skip
        event = {
            "merchant_id": "5S9MXCS9Y99KK", "type": "payment.updated", "event_id": f"e-{order.id}-{order.version}",
            "created_at": rfc3339(order.changed_at_ms),
            "data": {"type": "payment", "id": payment["id"], "object": {"payment": payment}},
        }  # fmt: skip
        body = json.dumps(event).encode()
        return {"Content-Type": "application/json", **self.signed(body)}, body

    def signed(self, body: bytes) -> dict[str, str]:
        digest = hmac.new(self.secret, URL.encode() + body, hashlib.sha256).digest()
        return {"x-square-hmacsha256-signature": base64.b64encode(digest).decode()}

    def write_back(self) -> Notice | None:
        count = {
            "id": "PC1", "reference_id": "commonshelf:grocer-7/milk/1", "catalog_object_id": "milk",
            "state": "IN_STOCK", "catalog_object_type": "ITEM_VARIATION", "location_id": LOCATION, "quantity": "7",
            "occurred_at": rfc3339(self.now_ms), "created_at": rfc3339(self.now_ms),
        }  # fmt: skip
        self.changes.append({"type": "PHYSICAL_COUNT", "physical_count": count})
        return None

    def order(self, order: Order) -> dict[str, object]:
        """The order as the API gives it."""
        return {
            "id": order.id, "location_id": LOCATION, "state": "COMPLETED", "version": order.version,
            "created_at": rfc3339(order.at_ms), "updated_at": rfc3339(order.changed_at_ms),
            "closed_at": rfc3339(order.at_ms), "total_money": {"amount": 398, "currency": "EUR"},
            "customer_id": CANARY, "ticket_name": CANARY, "metadata": {"name": CANARY}, "reference_id": CANARY,
            "fulfillments": [{"pickup_details": {"recipient": {"display_name": CANARY, "email_address": CANARY}}}],
            "tenders": [{"id": "t1", "type": "CARD", "note": CANARY}], "a_field_of_next_year": {"x": 1},
            "line_items": [
                {
                    "uid": f"uid-{at}", "catalog_object_id": item, "item_type": "ITEM", "name": item, "note": CANARY,
                    "quantity": quantity, "base_price_money": {"amount": 199, "currency": "EUR"},
                    "total_money": {"amount": 199, "currency": "EUR"},
                }
                for at, (item, quantity) in enumerate(order.lines)
            ],
        }  # fmt: skip

    def _search(self, asked) -> Answer | None:
        query = asked["query"]
        if (
            asked["location_ids"] != [LOCATION]
            or asked["return_entries"] is not False
            or query["sort"] != {"sort_field": "UPDATED_AT", "sort_order": "ASC"}
            or query["filter"]["state_filter"] != {"states": ["OPEN", "COMPLETED", "CANCELED"]}
        ):
            return None
        since_ms = from_rfc3339(query["filter"]["date_time_filter"]["updated_at"]["start_at"])
        return _page("orders", [self.order(order) for order in self.changed_since(since_ms)], asked.get("cursor"))

    def _inventory(self, asked, name, found) -> Answer | None:
        if asked["location_ids"] != [LOCATION] or "updated_after" not in asked:
            return None
        if name == "changes":
            since_ms, items = from_rfc3339(asked["updated_after"]), asked.get("catalog_object_ids")
            inner = [(each, each[each["type"].lower()]) for each in found if each["type"] in asked["types"]]
            found = [
                each
                for each, change in inner
                if from_rfc3339(change["created_at"]) >= since_ms and items in (None, [change["catalog_object_id"]])
            ]
        return _page(name, found, asked.get("cursor"))

    def in_stock(self, item: str, opening: int) -> int:
        """As Square reckons it: from the last count on, by the times at which the changes occurred."""
        stock = opening
        for each in sorted(self.changes, key=lambda each: from_rfc3339(each[each["type"].lower()]["occurred_at"])):
            change = each[each["type"].lower()]
            if change["catalog_object_id"] == item:
                amount = int(change["quantity"])
                if each["type"] == "PHYSICAL_COUNT":
                    stock = amount
                else:
                    stock += amount if change["to_state"] == "IN_STOCK" else -amount
        return stock

    def count(self, item: str, quantity: str, at_ms: int) -> None:
        """Somebody counts."""
        at = rfc3339(at_ms)
        count = {
            "id": f"PC-{at_ms}", "catalog_object_id": item, "state": "IN_STOCK", "location_id": LOCATION,
            "catalog_object_type": "ITEM_VARIATION", "quantity": quantity, "occurred_at": at, "created_at": at,
        }  # fmt: skip
        self.changes.append({"type": "PHYSICAL_COUNT", "physical_count": count})

    def _write(self, asked) -> Answer | None:
        """As documented: once for each key, and only between the states that the API may write."""
        if self.refuses_writes:
            error = {"category": "INVALID_REQUEST_ERROR", "code": self.refuses_writes, "detail": CANARY}
            return Answer({"errors": [error]}, 400)
        key, (change,) = asked["idempotency_key"], asked["changes"]
        if key in self.writes:
            reused = [{"category": "INVALID_REQUEST_ERROR", "code": "IDEMPOTENCY_KEY_REUSED"}]
            return Answer({}) if self.writes[key] == change else Answer({"errors": reused}, 400)
        adjustment = change["adjustment"]
        states = (adjustment["from_state"], adjustment["to_state"])
        if change["type"] != "ADJUSTMENT" or states not in (("IN_STOCK", "SOLD"), ("UNLINKED_RETURN", "IN_STOCK")):
            return None
        if adjustment["location_id"] != LOCATION or int(adjustment["quantity"]) <= 0:
            return None
        if abs(from_rfc3339(adjustment["occurred_at"]) - self.now_ms) > 86_400_000:
            return None
        self.writes[key] = change
        made = {**adjustment, "id": f"ADJ-{len(self.writes)}", "created_at": rfc3339(self.now_ms)}
        self.changes.append({"type": "ADJUSTMENT", "adjustment": made})
        count = {
            "catalog_object_id": made["catalog_object_id"], "catalog_object_type": "ITEM_VARIATION",
            "state": "IN_STOCK", "location_id": LOCATION, "calculated_at": rfc3339(self.now_ms),
            "quantity": str(self.in_stock(made["catalog_object_id"], 10)),
        }  # fmt: skip
        self.counts.append(count)
        return Answer({"changes": [{"type": "ADJUSTMENT", "adjustment": made}]})

    def _location(self):
        return {"id": LOCATION, "name": "Grocer", "status": "ACTIVE"}


def _page(name, found, cursor) -> Answer:
    """Cursors end where Square's do: none on the last page."""
    begin = int(cursor or 0)
    more = {"cursor": str(begin + PAGE)} if begin + PAGE < len(found) else {}
    return Answer({name: found[begin : begin + PAGE], **more})


def _variation(item, is_measured):
    data = {"item_id": f"item-{item}", "name": "1 l", "sku": f"SKU-{item}", "pricing_type": "FIXED_PRICING"}
    if is_measured:
        data["measurement_unit_id"] = "UNIT-KG"
    return {"type": "ITEM_VARIATION", "id": item, "item_variation_data": data}


def _item(item, name):
    inner = {"item_id": item, "name": "1 l", "sku": f"SKU-{item}", "upc": BARCODES.get(item)}
    data = {"name": name, "variations": [{"type": "ITEM_VARIATION", "id": item, "item_variation_data": inner}]}
    return {"type": "ITEM", "id": f"item-{item}", "item_data": data}
