"""Odoo 19, by "External JSON-2 API" and the fields of its models; Odoo 16 to 18, by "External API"."""

from datetime import UTC, datetime
from typing import Any

from tests.support.rigs.rig import CANARY, Notice, Order, VendorRig
from tests.support.vendor_server import Answer, Received

DATABASE, LOGIN = "anna", "connector@anna.example"
CONFIG, LOCATION, SHELF, SUPPLIER, TIP = 3, 8, 9, 4, 99
PRODUCTS = {"milk": 101, "bread": 102, "milk2": 103}


def written(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


class OdooRig(VendorRig):
    kind = "odoo"
    has_webhooks = False
    token: str = "token-that-is-in-use-now"

    def __init__(self, **fields: object) -> None:
        super().__init__(**fields)
        self.ours: list[dict[str, Any]] = []
        self.late_lines: dict[int, str] = {}
        self.moves: list[dict[str, Any]] = []
        self.quants: list[dict[str, Any]] = []
        self.bills: list[dict[str, Any]] = []
        self.bill_lines: list[dict[str, Any]] = []
        self.asked: list[str] = []

    def options(self):
        return {"config_ids": [CONFIG], "stock_location_id": LOCATION}

    def answer(self, request: Received) -> Answer | None:
        if request.headers.get("authorization") != f"bearer {self.token}":
            return Answer({"name": "werkzeug.exceptions.Unauthorized", "message": CANARY, "arguments": []}, 401)
        match (request.method, request.path.split("/")[1:]):
            case ("POST", ["json", "2", model, "search_read"]) if model in self.tables():
                return self._search_read(self.tables()[model], request.json())
        return None

    def write_back(self) -> Notice | None:
        record = self._record(len(self.orders) + 900, Order("OURS", at_ms=self.now_ms))
        self.ours.append(record | {"pos_reference": "commonshelf:grocer-7/1"})
        return None

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """All records by model, with every field that our client may name, and some that it may not."""
        orders = [self._record(at, order) for at, order in enumerate(self.orders.values(), 1)] + self.ours
        lines = [line for at, order in enumerate(self.orders.values(), 1) for line in self._lines(at, order)]
        return {
            "pos.order": orders,
            "pos.order.line": lines + [self._line(record["id"], 0, "milk", "1", 0) for record in self.ours],
            "pos.config": [{"id": CONFIG, "name": "Counter", "tip_product_id": [TIP, "Tips"]}],
            "product.product": [
                {
                    "id": number,
                    "type": "consu",
                    "display_name": name,
                    "barcode": False,
                    "default_code": f"SKU-{name}",
                    "product_tmpl_id": [number, name],
                }
                for name, number in PRODUCTS.items()
            ],
            "stock.location": [
                {"id": LOCATION, "usage": "internal", "complete_name": "WH/Stock"},
                {"id": SHELF, "usage": "internal", "complete_name": "WH/Stock/Shelf"},
            ],
            "stock.move": self.moves,
            "stock.quant": self.quants,
            "mrp.bom": self.bills,
            "mrp.bom.line": self.bill_lines,
        }

    def _record(self, number: int, order: Order) -> dict[str, Any]:
        return {
            "id": number, "pos_reference": f"Order {number:05}", "state": "paid", "config_id": [CONFIG, "Counter"],
            "date_order": written(order.at_ms), "write_date": written(order.changed_at_ms),
            "currency_id": [1, "EUR"], "partner_id": [7, CANARY], "general_note": CANARY, "email": CANARY,
        }  # fmt: skip

    def _lines(self, number: int, order: Order) -> list[dict[str, Any]]:
        return [
            self._line(number, at, item, quantity, order.changed_at_ms)
            for at, (item, quantity) in enumerate(order.lines)
        ]

    def _line(self, order: int, at: int, item: str, quantity: str, at_ms: int) -> dict[str, Any]:
        return {
            "id": 100 * order + at, "order_id": [order, f"Order {order:05}"], "product_id": [PRODUCTS[item], item],
            "qty": float(quantity), "price_subtotal_incl": 3.98, "product_uom_id": [1, "Units"],
            "write_date": self.late_lines.get(100 * order + at, written(at_ms)), "customer_note": CANARY,
        }  # fmt: skip

    def _search_read(self, records: list[dict[str, Any]], asked: dict[str, Any]) -> Answer | None:
        if asked.get("context", {}).get("lang") != "en_US" or "fields" not in asked:
            return None
        found = [record for record in records if _fits(record, asked["domain"])]
        if asked.get("order") == "write_date, id":
            found.sort(key=lambda record: (record["write_date"], record["id"]))
        names = ["id", *asked["fields"]]
        if any(name not in record for record in found for name in names):
            return Answer({"name": "builtins.ValueError", "message": "Invalid field", "arguments": []}, 422)
        return Answer([{name: record[name] for name in names} for record in found[: asked.get("limit")]])


class OdooRpcRig(OdooRig):
    """An older Odoo. version: 16, 17 or 18."""

    version = 17
    user = 7

    def options(self):
        return {**super().options(), "database": DATABASE, "login": LOGIN}

    def answer(self, request: Received) -> Answer | None:
        if (request.method, request.path) != ("POST", "/jsonrpc"):
            return Answer({}, 404)
        asked = request.json()
        if (asked["jsonrpc"], asked["method"], isinstance(asked["id"], int)) != ("2.0", "call", True):
            return None
        params = asked["params"]
        match (params["service"], params["method"], params["args"]):
            case ("common", "version", []):
                result: Any = {
                    "server_version": f"{self.version}.0",
                    "server_version_info": [self.version, 0, 0, "final"],
                }
            case ("common", "authenticate", [database, login, key, {}]) if database == DATABASE and login == LOGIN:
                result = self.user if key == self.token else False
            case ("object", "execute_kw", [database, user, key, model, "search_read", [], named]) if (
                database == DATABASE
            ):
                if (user, key) != (self.user, self.token):
                    return failed("odoo.exceptions.AccessDenied")
                if model not in self.tables():
                    return failed("odoo.exceptions.UserError")
                answer = self._search_read(self.tables()[model], named)
                if answer is None:
                    return None
                if answer.status != 200:
                    return failed("builtins.ValueError")
                result = answer.body
            case _:
                return None
        return Answer({"jsonrpc": "2.0", "id": asked["id"], "result": result})

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """With the fields that this version has, and none of those that came later."""
        found = super().tables()
        for move in found["stock.move"]:
            move.pop("location_usage", None)
            move.pop("location_dest_usage", None)
            if self.version == 16 and "quantity" in move:
                move["quantity_done"] = move.pop("quantity")
        if self.version < 18:
            for product in found["product.product"]:
                product["detailed_type"] = product["type"] = "product"
        elsewhere = {"id": SUPPLIER, "usage": "supplier", "complete_name": "Partners/Vendors"}
        return {**found, "stock.location": [*found["stock.location"], elsewhere]}


def failed(name: str) -> Answer:
    """An error as JSON-RPC tells it: beside an HTTP status of 200."""
    data = {"name": name, "message": CANARY, "debug": f"Traceback: {CANARY}", "arguments": [CANARY]}
    return Answer({"jsonrpc": "2.0", "id": 1, "error": {"code": 200, "message": "Odoo Server Error", "data": data}})


def _fits(record: dict[str, Any], domain: list[Any]) -> bool:
    """A domain in prefix form: terms are joined by and, "|" joins the next two by or."""
    terms = list(domain)
    results = []
    while terms:
        results.append(_term(record, terms))
    return all(results)


def _term(record: dict[str, Any], terms: list[Any]) -> bool:
    first = terms.pop(0)
    if first == "|":
        one, other = _term(record, terms), _term(record, terms)
        return one or other
    name, operator, wanted = first
    value = _value(record, name)
    match operator:
        case "=":
            return value == wanted
        case "in":
            return value in wanted
        case "not in":
            return value not in wanted
        case ">=":
            return value >= wanted
        case "child_of":
            return value in (LOCATION, SHELF) if wanted == LOCATION else value == wanted
    raise ValueError(f"{operator} is no operator of Odoo's domains")


def _value(record: dict[str, Any], name: str) -> Any:
    if name == "order_id.config_id":
        return CONFIG
    if name == "picking_id.pos_session_id":
        return record.get("pos_session_id", False)
    value = record.get(name, False)
    return value[0] if isinstance(value, list) else value
