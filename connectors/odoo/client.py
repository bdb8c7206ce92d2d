"""Odoo over the network: lists of what was written since."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.context import ConnectorContext
from connectors.contract import AccessRefused, Delivery, Refused, StoreContext, Translated
from connectors.http.client import Token
from connectors.http.payload import PayloadRefused
from connectors.http.signature import SignatureRefused
from connectors.odoo import translate
from connectors.odoo.json_2 import Json2, Record
from connectors.odoo.json_rpc import JsonRpc
from connectors.odoo.kits import Kits
from connectors.odoo.spec import OdooOptions
from connectors.parsing.times import instant_ms
from connectors.vendor.connector import VendorConnector
from connectors.vendor.contract import Feed, FeedPage, VendorObject
from connectors.vendor.fields import ReadContext
from messaging.clock import wall_clock_ms

PAGE_SIZE = 200
_ORDER_FIELDS = ("pos_reference", "state", "date_order", "write_date", "config_id", "currency_id")
_LINE_FIELDS = ("order_id", "product_id", "qty", "price_subtotal_incl", "product_uom_id", "write_date")
_MOVE_FIELDS = (
    "state", "date", "write_date", "product_id", "quantity", "product_uom", "location_id", "location_dest_id",
    "location_usage", "location_dest_usage", "origin", "reference",
)  # fmt: skip
_QUANT_FIELDS = ("product_id", "quantity", "product_uom_id", "write_date")
_UTC = ZoneInfo("UTC")


class OdooVendor:
    """Odoo as one store uses it. Raises SecretUnusable. now_ms: the clock."""

    media_types: frozenset[str] = frozenset()

    def __init__(
        self,
        options: OdooOptions,
        store: StoreContext,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._options = options
        self._store = store
        self._now_ms = now_ms
        token = Token(options.token_source(), "Odoo API key")
        self._api: Json2 | JsonRpc = JsonRpc(options, token) if options.login else Json2(options, token)

    def verify(self, delivery: Delivery) -> None:
        raise SignatureRefused("Odoo sends no webhooks")

    def receive(self, delivery: Delivery) -> Translated:
        raise PayloadRefused("Odoo sends no webhooks")

    def feeds(self) -> Sequence[Feed]:
        overlap_ms = self._options.poll_overlap_s * 1000
        feeds = [
            Feed("orders", self._read_orders, self._now_ms, overlap_ms),
            Feed("lines", self._read_lines, self._now_ms, overlap_ms),
        ]
        if self._options.stock_location_id is not None:
            feeds += [
                Feed("moves", self._read_moves, self._now_ms, overlap_ms),
                Feed("levels", self._read_levels, self._now_ms, overlap_ms),
            ]
        return feeds

    def check(self) -> str:
        configs = self._configs()
        missing = sorted(set(self._options.config_ids) - {each.get("id") for each in configs})
        if missing:
            there = self._ask("pos.config", "search_read", domain=[], fields=["name"])
            listed = ", ".join(f"{each.get('id')} ({each.get('name')})" for each in there)
            raise AccessRefused(
                f"no point of sale {', '.join(map(str, missing))}; set config_ids to those of the store, "
                f"of: {listed or 'none that the user may read'}"
            )
        if self._options.stock_location_id is not None and not self._locations():
            raise AccessRefused(
                f"no internal location {self._options.stock_location_id}; `connect discover` lists those for "
                "stock_location_id"
            )
        return f"points of sale: {', '.join(repr(each.get('name')) for each in configs)}"

    def discover(self) -> Iterator[VendorObject]:
        for config in self._ask("pos.config", "search_read", domain=[], fields=["name"]):
            yield VendorObject("point of sale", str(config.get("id")), str(config.get("name")))
        internal = [["usage", "=", "internal"]]
        for location in self._ask("stock.location", "search_read", domain=internal, fields=["complete_name"]):
            yield VendorObject("location", str(location.get("id")), str(location.get("complete_name")))
        fields = ["display_name", "barcode", "default_code"]
        for product in self._ask("product.product", "search_read", domain=[["type", "=", "consu"]], fields=fields):
            name = str(product.get("display_name"))
            barcode, sku = str(product.get("barcode") or ""), str(product.get("default_code") or "")
            yield VendorObject("item", str(product.get("id")), name, barcode, sku)

    def close(self) -> None:
        self._api.close()

    def _read_orders(self, cursor: int) -> Iterator[FeedPage]:
        shop = self._shop()
        for found, upto in self._written("pos.order", _ORDER_FIELDS, self._ours("config_id"), cursor):
            yield FeedPage(self._sales(found, shop, cursor), upto)

    def _read_lines(self, cursor: int) -> Iterator[FeedPage]:
        """Orders of which a line was written, and the order itself was not: else they are in the orders' list."""
        shop = self._shop()
        ours = self._ours("order_id.config_id")
        for found, upto in self._written("pos.order.line", ("order_id", "write_date"), ours, cursor):
            newest: dict[int, str] = {}
            for line in found:
                order = translate.reference(line, "order_id")
                if order is not None:
                    newest[order] = max(newest.get(order, ""), str(line.get("write_date")))
            orders = self._read("pos.order", newest, _ORDER_FIELDS)
            late = [order for order in orders if str(order.get("write_date")) < newest.get(order.get("id", 0), "")]
            yield FeedPage(self._sales(late, shop, cursor), upto)

    def _sales(self, orders: Sequence[Record], shop: translate.OdooShop, cursor: int) -> Translated:
        ids = [order["id"] for order in orders if isinstance(order.get("id"), int)]
        lines: dict[int, list[Record]] = {each: [] for each in ids}
        domain = [["order_id", "in", ids]]
        for line in self._ask("pos.order.line", "search_read", domain=domain, fields=list(_LINE_FIELDS)) if ids else ():
            order = translate.reference(line, "order_id")
            if order in lines:
                lines[order].append(line)
        used = {translate.reference(line, "product_id") for each in lines.values() for line in each}
        fields = ("type", "product_tmpl_id")
        products = self._read("product.product", {each for each in used if each is not None}, fields)
        by_id = {product["id"]: product for product in products if isinstance(product.get("id"), int)}
        shop = replace(shop, kits=Kits(self._ask).of(by_id))
        return translate.orders(orders, lines, by_id, shop, ReadContext(self._now_ms(), cursor))

    def _read_moves(self, cursor: int) -> Iterator[FeedPage]:
        """Moves into the store's stock and out of it, but for what its points of sale handed out."""
        inside = self._locations()
        here = [
            ["state", "=", "done"],
            "|", ["picking_id", "=", False], ["picking_id.pos_session_id", "=", False],
            "|", ["location_id", "in", sorted(inside)], ["location_dest_id", "in", sorted(inside)],
        ]  # fmt: skip
        for found, upto in self._written("stock.move", _MOVE_FIELDS, here, cursor):
            shop, reading = translate.OdooShop(self._store), ReadContext(self._now_ms(), cursor)
            yield FeedPage(translate.moves(found, inside, shop, reading), upto)

    def _read_levels(self, cursor: int) -> Iterator[FeedPage]:
        inside = [["location_id", "in", sorted(self._locations())]]
        for found, upto in self._written("stock.quant", ("product_id", "write_date"), inside, cursor):
            products = {translate.reference(quant, "product_id") for quant in found}
            domain = [*inside, ["product_id", "in", sorted(each for each in products if each is not None)]]
            quants = self._ask("stock.quant", "search_read", domain=domain, fields=list(_QUANT_FIELDS))
            shop, reading = translate.OdooShop(self._store), ReadContext(self._now_ms(), cursor)
            yield FeedPage(translate.levels(quants, shop, reading), upto)

    def _shop(self) -> translate.OdooShop:
        tips = {translate.reference(config, "tip_product_id") for config in self._configs()}
        known = frozenset(each for each in tips if each is not None)
        return translate.OdooShop(self._store, self._options.returns_restocked, known)

    def _configs(self) -> list[Record]:
        return self._read("pos.config", self._options.config_ids, ("name", "tip_product_id"))

    def _locations(self) -> frozenset[int]:
        domain = [["id", "child_of", self._options.stock_location_id], ["usage", "=", "internal"]]
        found = self._ask("stock.location", "search_read", domain=domain, fields=["id"])
        return frozenset(each["id"] for each in found if isinstance(each.get("id"), int))

    def _ours(self, field: str) -> list[Any]:
        return [[field, "in", list(self._options.config_ids)]]

    def _written(
        self, model: str, fields: Sequence[str], domain: list[Any], since_ms: int
    ) -> Iterator[tuple[list[Record], int]]:
        """(records written since, the newest of it), page by page in order of time.

        A page begins at the second where the one before ended, without the records seen of it: offsets would skip
        records when others are written meanwhile, and Odoo tells whole seconds of what it orders more finely.
        """
        since, seen = _text(since_ms), set[int]()
        while True:
            wanted = [*domain, ["write_date", ">=", since], ["id", "not in", sorted(seen)]]
            how = {"fields": list(fields), "limit": PAGE_SIZE, "order": "write_date, id"}
            found = self._ask(model, "search_read", domain=wanted, **how)
            times = [str(each.get("write_date")) for each in found]
            if found:
                yield found, _ms(times[-1])
            if len(found) < PAGE_SIZE:
                return
            if times[-1] != since:
                since, seen = times[-1], set()
            seen |= {each["id"] for each, at in zip(found, times, strict=True) if at == since}

    def _read(self, model: str, ids: Iterable[int], fields: Sequence[str]) -> list[Record]:
        wanted = sorted(set(ids))
        domain = [["id", "in", wanted]]
        return self._ask(model, "search_read", domain=domain, fields=list(fields)) if wanted else []

    def _ask(self, model: str, method: str, **params: Any) -> list[Record]:
        """The records that a method gives. Raises Unavailable, AccessRefused."""
        return self._api.ask(model, method, **params)


def _ms(written: str) -> int:
    """A write_date, or 0 for what is none, which moves no cursor."""
    try:
        return instant_ms(written, _UTC)
    except Refused:
        return 0


def _text(at_ms: int) -> str:
    """The second of an instant, as Odoo writes times."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def make(options: OdooOptions, store: StoreContext, context: ConnectorContext) -> VendorConnector:
    """The factory that the entry point names."""
    return VendorConnector(OdooVendor(options, store), options, store, context)
