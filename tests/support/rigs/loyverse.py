"""Loyverse, by its API reference v1.0: receipts, inventory, items and stores, and webhooks of an application."""

import base64
import hashlib
import hmac
import json
from decimal import Decimal

from tests.support.rigs.rig import CANARY, Notice, Order, VendorRig
from tests.support.rigs.square import from_rfc3339, rfc3339
from tests.support.vendor_server import Answer, Received

STORE = "42dc2cec-6f40-11ea-bde9-1269e7c5a22d"
PAGE = 50
"""Of the rig: a client must follow the cursor even where a page has less than it asked for."""
_LISTS = {
    "receipts": {"store_id", "updated_at_min"}, "inventory": {"store_ids", "updated_at_min"},
    "items": {"show_deleted", "updated_at_min"}, "stores": set(),
}  # fmt: skip
"""Parameters that our client may use, of those that the reference lists, by path."""


class LoyverseRig(VendorRig):
    kind = "loyverse"

    def __init__(self, **fields: object) -> None:
        super().__init__(**fields)
        self.levels: list[dict[str, object]] = []
        self.items = [item("milk", barcode="4006381333931"), item("milk2"), item("bread")]
        self.stores: list[dict[str, object]] = [{"id": STORE, "name": "Grocer", "address": CANARY}]
        self.refunds: list[dict[str, object]] = []
        self.ours: list[dict[str, object]] = []

    def options(self):
        return {"store_id": STORE}

    def answer(self, request: Received) -> Answer | None:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            error = {"code": "UNAUTHORIZED", "details": CANARY}
            return Answer({"errors": [error]}, 401)
        match (request.method, request.path.split("/")[1:]):
            case ("GET", ["v1.0", what]) if what in _LISTS:
                return self._list(what, {name: value for name, (value,) in request.query.items()})
        return None

    def notice(self, order: Order) -> Notice:
        return self.delivered("receipts.update", receipts=[self.receipt(order)])

    def delivered(self, kind: str, **listed: object) -> Notice:
        head = {"merchant_id": "d44e1ea9", "type": kind, "created_at": rfc3339(self.now_ms)}
        body = json.dumps(head | listed, default=float).encode()
        return {"Content-Type": "application/json", **self.signed(body)}, body

    def signed(self, body: bytes) -> dict[str, str]:
        return {"X-Loyverse-Signature": base64.b64encode(hmac.digest(self.secret, body, hashlib.sha1)).decode()}

    def write_back(self) -> Notice | None:
        receipt = self.receipt(Order("OURS", at_ms=self.now_ms)) | {"order": "commonshelf:grocer-7/1"}
        self.ours.append(receipt)
        return self.delivered("receipts.update", receipts=[receipt])

    def receipt(self, order: Order) -> dict[str, object]:
        """The receipt as the API gives it."""
        return {
            "receipt_number": order.id, "note": CANARY, "receipt_type": "SALE", "refund_for": None, "order": None,
            "created_at": rfc3339(order.at_ms), "receipt_date": rfc3339(order.at_ms),
            "updated_at": rfc3339(order.changed_at_ms), "source": "point of sale", "cancelled_at": None,
            "total_money": 3.98, "total_tax": 0, "points_earned": 0, "tip": 0, "surcharge": 0, "store_id": STORE,
            "employee_id": CANARY, "customer_id": CANARY, "pos_device_id": "device-1", "dining_option": CANARY,
            "a_field_of_next_year": {"x": 1},
            "line_items": [
                line(f"{order.id}-{at}", variant, quantity) for at, (variant, quantity) in enumerate(order.lines)
            ],
            "payments": [{"payment_type_id": "p1", "name": CANARY, "money_amount": 3.98, "payment_details": CANARY}],
        }  # fmt: skip

    def _list(self, what: str, asked: dict[str, str]) -> Answer | None:
        if not set(asked) <= _LISTS[what] | {"limit", "cursor"} or not 1 <= int(asked.get("limit", "50")) <= 250:
            return None
        name = "inventory_levels" if what == "inventory" else what
        found = {
            "receipts": [self.receipt(order) for order in self.orders.values()] + self.refunds + self.ours,
            "inventory": self.levels, "items": self.items, "stores": self.stores,
        }[what]  # fmt: skip
        if "updated_at_min" in asked:
            since_ms = from_rfc3339(asked["updated_at_min"])
            found = [each for each in found if from_rfc3339(str(each["updated_at"])) >= since_ms]
        if "store_id" in asked or "store_ids" in asked:
            found = [each for each in found if each["store_id"] == asked.get("store_id", asked.get("store_ids"))]
        if what == "receipts":
            found = sorted(found, key=lambda each: str(each["created_at"]), reverse=True)
        begin = int(asked.get("cursor", "0"))
        more = {"cursor": str(begin + PAGE)} if begin + PAGE < len(found) else {}
        return Answer({name: [_plain(each) for each in found[begin : begin + PAGE]], **more})


def line(line_id: str, variant: str, quantity: str = "1", **fields: object) -> dict[str, object]:
    """A line of a receipt."""
    return {
        "id": line_id, "item_id": f"item-{variant}", "variant_id": variant, "item_name": CANARY, "variant_name": None,
        "sku": "10001", "quantity": Decimal(quantity), "price": 1.99, "gross_total_money": 3.98, "total_money": 3.98,
        "cost": 1, "line_note": CANARY, "line_taxes": [], "line_discounts": [], "line_modifiers": [],
    } | fields  # fmt: skip


def item(variant: str, barcode: str | None = None, **fields: object) -> dict[str, object]:
    """An item of one variant, whose stock is tracked."""
    only = {
        "variant_id": variant, "item_id": f"item-{variant}", "sku": f"SKU-{variant}", "barcode": barcode,
        "option1_value": None, "cost": 1, "stores": [],
    }  # fmt: skip
    return {
        "id": f"item-{variant}", "item_name": variant.capitalize(), "description": CANARY, "track_stock": True,
        "sold_by_weight": False, "is_composite": False, "use_production": False, "components": [], "variants": [only],
        "updated_at": rfc3339(0), "deleted_at": None,
    } | fields  # fmt: skip


def composite(variant: str, *components: tuple[str, float], **fields: object) -> dict[str, object]:
    """A composite item."""
    parts = [{"variant_id": part, "quantity": quantity} for part, quantity in components]
    return item(variant, is_composite=True, components=parts, **fields)


def _plain(value: object) -> object:
    return json.loads(json.dumps(value, default=float))
