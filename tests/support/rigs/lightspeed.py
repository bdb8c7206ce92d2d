"""Lightspeed X-Series, by its API reference of 2026-07 and its page on webhooks."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

from tests.support.rigs.rig import CANARY, Notice, Order, VendorRig
from tests.support.vendor_server import Answer, Received

API = ["api", "2026-07"]
OUTLET, REGISTER = "outlet-1", "register-1"
VERSIONS_PER_S = 10
"""Versions are counted through all retailers: so many changes a second elsewhere."""


def utc(at_ms: int) -> str:
    """Lightspeed's times are whole seconds."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


@dataclass
class LightspeedRig(VendorRig):
    kind = "lightspeed"
    versions: dict[str, int] = field(default_factory=dict)
    inventory: list[dict[str, object]] = field(default_factory=list)
    version: int = 3_630_064_802
    written: set[str] = field(default_factory=set)
    """Ids of sales that we made."""

    def options(self):
        return {"domain_prefix": "grocer", "outlet_id": OUTLET}

    def record(self, *orders: Order) -> None:
        for order in orders:
            newest_ms = max((each.changed_at_ms for each in self.orders.values()), default=order.changed_at_ms)
            self.version += 1 + max(0, order.changed_at_ms - newest_ms) * VERSIONS_PER_S // 1000
            super().record(order)
            self.versions[order.id] = self.version

    def answer(self, request: Received) -> Answer | None:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Answer({"error": CANARY}, 401)
        if request.path.split("/")[1:3] != API:
            return None
        match (request.method, request.path.split("/")[3:]):
            case ("GET", ["sales"]):
                return listed([self.sale(order) for order in self.orders.values()], request.query)
            case ("GET", ["sales", sale_id]) if sale_id in self.orders:
                return Answer({"data": self.sale(self.orders[sale_id])})
            case ("GET", ["sales", _]):
                return Answer({"error": "not found"}, 404)
            case ("POST", ["inventory"]):
                return self._inventory(request.json())
            case ("GET", ["outlets"]):
                return listed([{"id": OUTLET, "name": "Grocer", "version": 7}], request.query)
            case ("GET", ["registers"]):
                register = {"id": REGISTER, "outlet_id": OUTLET, "name": "Till", "version": 8}
                return listed([register], request.query)
            case ("GET", ["products"]):
                return listed(
                    [
                        {
                            "id": "milk",
                            "name": "Milk",
                            "sku": "10001",
                            "version": 9,
                            "product_codes": [{"type": "EAN", "code": "4006381333931"}],
                        }
                    ],
                    request.query,
                )
        return None

    def notice(self, order: Order) -> Notice:
        sale = {
            "id": order.id, "status": "CLOSED", "sale_date": utc(order.at_ms).replace("T", " ").removesuffix("+00:00"),
            "updated_at": utc(order.changed_at_ms).replace("T", " ").removesuffix("+00:00"), "register_id": REGISTER,
            "customer": {"name": CANARY, "customer_code": CANARY}, "user_name": CANARY, "note": CANARY,
            "source_id": self._source(order),
            "register_sale_products": [
                {
                    "id": f"{order.id}-{at}", "product_id": item, "quantity": quantity, "price": "1.67", "tax": "0.32",
                    "name": CANARY, "attributes": [{"name": "line_note", "value": CANARY}],
                }
                for at, (item, quantity) in enumerate(order.lines)
            ],
        }  # fmt: skip
        return self.delivered(sale)

    def write_back(self) -> Notice | None:
        self.written.add("W1")
        self.record(Order("W1"))
        return self.notice(self.orders["W1"])

    def delivered(self, payload: dict[str, object]) -> Notice:
        body = urlencode({"payload": json.dumps(payload), "domain_prefix": "grocer"}).encode()
        return {"Content-Type": "application/x-www-form-urlencoded", **self.signed(body)}, body

    def signed(self, body: bytes) -> dict[str, str]:
        return {
            "X-Signature": f"signature={hmac.new(self.secret, body, hashlib.sha256).hexdigest()},algorithm=HMAC-SHA256"
        }

    def sale(self, order: Order) -> dict[str, object]:
        """The sale as the API gives it."""
        return {
            "id": order.id, "state": "closed", "attributes": [], "date": utc(order.at_ms), "customer_id": CANARY,
            "source": {"outlet_id": OUTLET, "register_id": REGISTER, "id": self._source(order)},
            "updated_at": utc(order.changed_at_ms),
            "_metadata": {"version": self.versions[order.id]}, "note": CANARY, "a_field_of_next_year": {"x": 1},
            "line_items": [
                {
                    "id": f"{order.id}-{at}", "product": {"id": item}, "quantity": quantity, "status": "CONFIRMED",
                    "pricing": {"price": 1.67, "total": 3.34}, "tax": {"amount": 0.32, "total": 0.64}, "note": CANARY,
                    "return": {"is_return": False, "reason": CANARY}, "customizations": [{"value": CANARY}],
                }
                for at, (item, quantity) in enumerate(order.lines)
            ],
        }  # fmt: skip

    def _source(self, order: Order) -> str | None:
        return f"commonshelf:{order.id}" if order.id in self.written else None

    def _inventory(self, asked) -> Answer | None:
        if not set(asked) <= {"after", "before", "size", "sort_direction", "include_deleted", "product_id", "variants"}:
            return None
        found = [each for each in self.inventory if each["version"] > asked.get("after", 0)]
        found.sort(key=lambda each: each["version"], reverse=asked.get("sort_direction", "desc") == "desc")
        return Answer(found[: asked.get("size", 1000)])


def listed(found, asked) -> Answer:
    """A list by version: those above `after`, oldest first."""
    versions = {id(each): each.get("version") or each["_metadata"]["version"] for each in found}
    after, size = int(asked.get("after", ["0"])[0]), int(asked["page_size"][0])
    part = sorted((each for each in found if versions[id(each)] > after), key=lambda each: versions[id(each)])[:size]
    bounds = [versions[id(each)] for each in part]
    return Answer({"data": part, "version": {"min": min(bounds, default=None), "max": max(bounds, default=None)}})
