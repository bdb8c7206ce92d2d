"""Shopify: webhooks by its documentation, and the Admin API by the schema that it publishes."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from graphql import build_schema, get_directive_values, graphql_sync

from tests.support.rigs.rig import CANARY, NOW_MS, Notice, Order, VendorRig
from tests.support.rigs.square import from_rfc3339
from tests.support.vendor_server import Answer, Received

SHOP = "grocer-7.myshopify.com"
LOCATION = "16"
ITEM = "gid://shopify/InventoryItem/808"
SCHEMA = build_schema(Path(__file__).with_name("shopify_admin_2026_10.graphql").read_text())
PATH = "/admin/api/2026-10/graphql.json"


def rfc3339(at_ms: int) -> str:
    """Shopify's times are whole seconds."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def connection(nodes):
    """A field that pages through `nodes`, as GraphQL connections do."""

    def resolve(_info, first=50, after=None, **_filters):
        begin = int(after or 0)
        end = begin + first
        page = {"hasNextPage": end < len(nodes), "endCursor": str(end)}
        return {"nodes": nodes[begin:end], "pageInfo": page}

    return resolve


def money(amount):
    return {"shopMoney": {"amount": amount}}


@dataclass
class ShopifyRig(VendorRig):
    kind = "shopify"
    refunds: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    levels: list[dict[str, object]] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    """Ids of orders that we made."""
    stock: dict[str, int] = field(default_factory=lambda: {"available": 10, "reserved": 0})
    """Of inventory item 808, by quantity name."""
    moves: dict[str, dict[str, object]] = field(default_factory=dict)
    """Idempotency key → the input that was carried out with it."""
    moved_at_ms: int = NOW_MS
    refuses_moves: str = ""
    """Code of the user error that answers every move."""
    throttled: int = 0
    """So many answers say that the rate limit is used up."""
    available_points: float = 2000.0

    def options(self):
        return {"shop": SHOP, "location_id": LOCATION}

    def answer(self, request: Received) -> Answer | None:
        if (request.method, request.path) != ("POST", PATH):
            return None
        if request.headers.get("x-shopify-access-token") != self.token:
            return Answer({"errors": "[API] Invalid API key or access token"}, 401)
        asked = request.json()
        bucket = {"maximumAvailable": 2000.0, "currentlyAvailable": self.available_points, "restoreRate": 100.0}
        cost = {"extensions": {"cost": {"requestedQueryCost": 620, "throttleStatus": bucket}}}
        if self.throttled:
            self.throttled -= 1
            return Answer({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}], **cost})
        result = graphql_sync(SCHEMA, asked["query"], self._root(), variable_values=asked["variables"])
        if result.errors:
            return None
        return Answer({"data": result.data, **cost})

    def notice(self, order: Order) -> Notice:
        body = json.dumps(self.webhook_order(order)).encode()
        return self.delivered("orders/updated", body)

    def write_back(self) -> Notice | None:
        self.written.add("W1")
        self.record(Order("W1"))
        return self.notice(self.orders["W1"])

    def delivered(self, topic: str, body: bytes) -> Notice:
        headers = {
            "Content-Type": "application/json", "X-Shopify-Topic": topic, "X-Shopify-Shop-Domain": SHOP,
            "X-Shopify-Event-Id": "98880550-7158-44d4-b7cd-2c97c8a091b5", "X-Shopify-API-Version": "2026-10",
        }  # fmt: skip
        return {**headers, **self.signed(body)}, body

    def signed(self, body: bytes) -> dict[str, str]:
        return {"X-Shopify-Hmac-Sha256": base64.b64encode(hmac.digest(self.secret, body, hashlib.sha256)).decode()}

    def webhook_order(self, order: Order) -> dict[str, object]:
        """The order as webhooks have it."""
        person = {"first_name": CANARY, "address1": CANARY, "phone": CANARY, "email": CANARY}
        return {
            "id": order.id, "name": CANARY, "email": CANARY, "note": CANARY, "customer": person, "test": False,
            "billing_address": person, "note_attributes": [{"name": CANARY, "value": CANARY}], "currency": "EUR",
            "created_at": rfc3339(order.at_ms), "processed_at": rfc3339(order.at_ms), "cancelled_at": None,
            "updated_at": rfc3339(order.changed_at_ms), "financial_status": "paid", "fulfillment_status": "fulfilled",
            "source_identifier": self._source(order), "source_name": "pos", "location_id": int(LOCATION),
            "a_field_of_next_year": {"x": 1}, "refunds": [],
            "line_items": [
                {
                    "id": f"{order.id}-{at}", "sku": item, "title": CANARY, "quantity": quantity, "price": "1.99",
                    "current_quantity": quantity, "requires_shipping": True, "gift_card": False, "variant_id": 808 + at,
                    "variant_inventory_management": "shopify", "properties": [{"name": CANARY, "value": CANARY}],
                }
                for at, (item, quantity) in enumerate(order.lines)
            ],
        }  # fmt: skip

    def _root(self):
        return {
            "orders": self._orders,
            "order": lambda _info, id: self._order(self.orders[id.rpartition("/")[2]]),  # noqa: A006
            "refund": lambda _info, id: self._refund(id),  # noqa: A006
            "location": lambda _info, **_asked: {"inventoryLevels": connection(self.levels)},
            "locations": connection([{"id": f"gid://shopify/Location/{LOCATION}", "name": "Grocer", "isActive": True}]),
            "inventoryItem": lambda _info, id: self._item(id, "milk"),  # noqa: A006
            "inventoryMoveQuantities": self._move,
            "productVariant": lambda _info, id: {"id": id, "inventoryItem": self._item(ITEM, "milk")},  # noqa: A006
            "productVariants": connection(
                [
                    {
                        "id": "gid://shopify/ProductVariant/808",
                        "sku": "milk",
                        "barcode": "4006381333931",
                        "displayName": "Milk",
                        "inventoryItem": {"id": ITEM},
                    }
                ]
            ),
        }

    def _orders(self, info, query, sortKey, **page):  # noqa: N803  Shopify's name
        since = re.fullmatch(r"updated_at:>='(.*)'", query)
        assert since is not None
        assert sortKey == "UPDATED_AT"
        return connection([self._order(each) for each in self.changed_since(from_rfc3339(since[1]))])(info, **page)

    def _order(self, order: Order):
        """The order as GraphQL has it."""
        return {
            "id": f"gid://shopify/Order/{order.id}", "test": False, "createdAt": rfc3339(order.at_ms),
            "processedAt": rfc3339(order.at_ms), "updatedAt": rfc3339(order.changed_at_ms), "cancelledAt": None,
            "edited": False, "sourceIdentifier": self._source(order), "currencyCode": "EUR",
            "displayFinancialStatus": "PAID",
            "displayFulfillmentStatus": "FULFILLED", "retailLocation": {"id": f"gid://shopify/Location/{LOCATION}"},
            "refunds": self.refunds.get(order.id, []),
            "lineItems": connection([self._line(order, at) for at in range(len(order.lines))]),
        }  # fmt: skip

    def _source(self, order: Order) -> str | None:
        return f"commonshelf:{order.id}" if order.id in self.written else None

    def _line(self, order: Order, at: int):
        item, quantity = order.lines[at]
        return {
            "id": f"gid://shopify/LineItem/{order.id}-{at}", "sku": item, "title": CANARY, "quantity": quantity,
            "currentQuantity": quantity, "requiresShipping": True, "isGiftCard": False, "discountAllocations": [],
            "variant": {"id": f"gid://shopify/ProductVariant/{808 + at}", "inventoryItem": {"tracked": True}},
            "originalUnitPriceSet": money("1.99"),
        }  # fmt: skip

    def _refund(self, refund_id: str):
        found = [each for refunds in self.refunds.values() for each in refunds if each["id"] == refund_id]
        return {**found[0], "refundLineItems": connection(found[0]["lines"])}

    def _item(self, item_id: str, sku: str):
        item = {"id": item_id, "sku": sku, "tracked": True, "variant": {"id": "gid://shopify/ProductVariant/808"}}

        def quantities(_info, names):
            return [{"name": name, "quantity": self.stock[name]} for name in names]

        def level(_info, locationId):  # noqa: N803  Shopify's name
            if (item_id, locationId) != (ITEM, f"gid://shopify/Location/{LOCATION}"):
                return None
            return {"updatedAt": rfc3339(self.moved_at_ms), "quantities": quantities, "item": item}

        return item | {"inventoryLevel": level}

    def _move(self, info, input):  # noqa: A002  Shopify's name
        """As documented: once for each key; what is not `available` needs a ledger, and that is not Shopify's own."""
        directive = get_directive_values(SCHEMA.get_directive("idempotent"), info.field_nodes[0], info.variable_values)
        assert directive is not None, "2026-04 and later refuse it without a key"
        key = directive["key"]
        if self.refuses_moves:
            return {"userErrors": [{"code": self.refuses_moves, "field": ["input", "changes", "0"]}]}
        if key in self.moves:
            same = self.moves[key] == input
            return {"userErrors": [] if same else [{"code": "IDEMPOTENCY_KEY_PARAMETER_MISMATCH", "field": None}]}
        (change,) = input["changes"]
        for end in (change["from"], change["to"]):
            assert "changeFromQuantity" in end, "mandatory, be it null"
            assert end["locationId"] == f"gid://shopify/Location/{LOCATION}"
            assert (end["ledgerDocumentUri"] is None) == (end["name"] == "available")
        assert (change["inventoryItemId"], change["quantity"] > 0) == (ITEM, True)
        assert re.fullmatch(r"[a-z]+://\S+", input["referenceDocumentUri"])
        self.moves[key] = input
        self.stock[change["from"]["name"]] -= change["quantity"]
        self.stock[change["to"]["name"]] += change["quantity"]
        return {"userErrors": []}
