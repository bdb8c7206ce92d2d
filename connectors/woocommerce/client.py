"""WooCommerce over the network: webhooks that carry what changed, and the REST API that lists it."""

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
import structlog

from connectors.context import ConnectorContext
from connectors.contract import AccessRefused, Delivery, SkipReason, StoreContext, Translated, Unavailable
from connectors.http.client import SENT_ONCE, NotFound, Token, TokenAuth, answer_of, api_client, call
from connectors.http.payload import parse
from connectors.http.secrets import Secrets
from connectors.outbound.contract import CallRefused
from connectors.vendor.connector import VendorConnector
from connectors.vendor.contract import Feed, FeedPage, VendorObject
from connectors.vendor.fields import UTC_ZONE, Json, ReadContext, joined, left_out, newest_ms, rfc3339
from connectors.vendor.signature import hmac_sha256_base64, require
from connectors.woocommerce.reserve import OrderOnHold
from connectors.woocommerce.spec import WooCommerceOptions
from connectors.woocommerce.translate import product_code, product_ids, translate_order, translate_product
from messaging.clock import wall_clock_ms

SIGNATURE = "X-WC-Webhook-Signature"
API = "/wp-json/wc/v3"
ORDERS_A_PAGE = 100
PRODUCTS_MAX = 100_000
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
"""The body that WooCommerce sends, unsigned, when a webhook is made: it must be answered 200, and says nothing."""
_log = structlog.get_logger()


class WooCommerceVendor:
    """A WooCommerce shop. Raises SecretUnusable. now_ms: the clock."""

    media_types = frozenset({"application/json", "application/x-www-form-urlencoded"})

    def __init__(
        self,
        options: WooCommerceOptions,
        store: StoreContext,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._options = options
        self._store = store
        self._now_ms = now_ms
        self._secrets = Secrets(options.webhook_secrets())
        token = Token(options.token_source(), "WooCommerce consumer key and secret")
        auth = TokenAuth(token, prefix="Basic ", encode=_basic)
        self._http = api_client(str(options.base_url), auth, timeout_s=options.request_timeout_s)
        self._is_virtual: dict[str, bool] = {}
        self._log = _log.bind(connector=options.kind, store=store.id)

    def verify(self, delivery: Delivery) -> None:
        """WooCommerce signs the raw body with the webhook's secret; only its ping is not signed."""
        if not _PING.fullmatch(delivery.body):
            require(delivery, SIGNATURE, self._secrets.current(), hmac_sha256_base64)

    def receive(self, delivery: Delivery) -> Translated:
        if _PING.fullmatch(delivery.body):
            return left_out("ping", SkipReason.no_content)
        payload = parse(delivery.body)
        reading = ReadContext(delivery.received_at_ms)
        topic = b"".join(delivery.header("X-WC-Webhook-Topic")).decode(errors="replace")
        if topic.startswith("order.") and "line_items" in payload:
            return self._order(payload, reading)
        if topic.startswith("product.") and "stock_quantity" in payload:
            return self._level(payload, reading)
        return left_out("", SkipReason.no_content)

    def feeds(self) -> Sequence[Feed]:
        overlap_ms = self._options.poll_overlap_s * 1000
        return (
            Feed("orders", self._read_orders, self._now_ms, overlap_ms),
            Feed("products", self._read_products, self._now_ms, overlap_ms),
        )

    def check(self) -> str:
        self._get("/orders", per_page=1)
        return f"the shop at {self._options.base_url} lists its orders"

    def discover(self) -> Iterator[VendorObject]:
        for products in self._pages("/products"):
            for product in products:
                yield _found(product, "")
                if product.get("type") == "variable":
                    for variations in self._pages(f"/products/{product.get('id')}/variations"):
                        yield from (_found(variation, f"{product.get('name')} ") for variation in variations)

    def close(self) -> None:
        self._http.close()

    def products_of(self, sku: str) -> Sequence[Json]:
        """Raises Unavailable, AccessRefused."""
        return self._get("/products", sku=sku, per_page=ORDERS_A_PAGE)

    def product(self, product_id: str) -> Json | None:
        """A product or variation. Raises Unavailable, AccessRefused."""
        try:
            found: Any = call(self._http, "GET", f"{API}/products/{product_id}")
        except NotFound:
            return None
        return found if isinstance(found, Mapping) else None

    def orders_on_hold(self, product_id: str) -> Sequence[Json]:
        """Raises Unavailable, AccessRefused."""
        pages = self._pages("/orders", status="on-hold", product=product_id, orderby="id", order="asc")
        return [order for page in pages for order in page]

    def create_order(self, order: Json) -> None:
        """Sent once: the shop knows no keys. Raises Unavailable, AccessRefused; CallRefused for nothing changed."""
        response = self._http.post(f"{API}/orders", json=order, extensions={SENT_ONCE: True})
        if response.status_code == httpx.codes.BAD_REQUEST:
            raise CallRefused("the shop refuses an order of the item")
        answer_of(response)

    def cancel_order(self, order_id: str) -> None:
        """Also one that is cancelled or gone. Raises Unavailable, AccessRefused."""
        with suppress(NotFound):
            call(self._http, "PUT", f"{API}/orders/{order_id}", json={"status": "cancelled"})

    def _order(self, order: Json, reading: ReadContext) -> Translated:
        """An order from a webhook, which is not sent again: what cannot be asked now is left to the poll."""
        try:
            return self._whole_order(order, reading)
        except (Unavailable, AccessRefused) as error:
            self._log.warning("an order's refunds cannot be read now; the poll will", reason=str(error))
            return translate_order(order, (), self._store, reading)

    def _whole_order(self, order: Json, reading: ReadContext) -> Translated:
        """An order with its refunds. Raises Unavailable, AccessRefused."""
        refunds: list[Json] = []
        if order.get("refunds"):
            refunds = [
                refund
                for page in self._pages(f"/orders/{quote(str(order.get('id')), safe='')}/refunds")
                for refund in page
            ]
        return translate_order(order, refunds, self._store, reading, self._virtual(product_ids(order)))

    def _virtual(self, ids: set[str]) -> set[str]:
        """Which of the products are no goods: virtual ones. Raises Unavailable, AccessRefused."""
        if len(self._is_virtual) + len(ids) > PRODUCTS_MAX:
            self._is_virtual.clear()
        unknown = sorted(ids - self._is_virtual.keys())
        for begin in range(0, len(unknown), 100):
            part = unknown[begin : begin + 100]
            self._is_virtual |= dict.fromkeys(part, False)
            for product in self._get("/products", include=",".join(part), per_page=100, _fields="id,virtual"):
                self._is_virtual[str(product.get("id"))] = product.get("virtual") is True
        return {each for each in ids if self._is_virtual.get(each)}

    def _read_orders(self, from_ms: int) -> Iterator[FeedPage]:
        reading = ReadContext(self._now_ms(), from_ms)
        yield from self._read("/orders", "order", from_ms, lambda order: self._whole_order(order, reading))

    def _read_products(self, from_ms: int) -> Iterator[FeedPage]:
        """WooCommerce notes no change of a product when a sale moves its stock: the webhook tells these."""
        reading = ReadContext(self._now_ms(), from_ms)
        yield from self._read("/products", "product", from_ms, lambda product: self._level(product, reading))

    def _level(self, product: Json, reading: ReadContext) -> Translated:
        return translate_product(product, self._store, reading, is_level=not self._options.write_back)

    def _read(self, path: str, name: str, from_ms: int, translate: Callable[[Json], Translated]) -> Iterator[FeedPage]:
        """Read changes, by ids: one made meanwhile can shift no page. The cursor is known at the end alone."""
        latest_ms: int | None = None
        after = rfc3339(from_ms - 1000).removesuffix("Z")  # what is asked for is later than it
        asked = {"modified_after": after, "dates_are_gmt": "true", "orderby": "id", "order": "asc"}
        for found in self._pages(path, **asked):
            yield FeedPage(joined((f"{name}/{each.get('id')}", translate(each)) for each in found), None)
            page_ms = newest_ms(found, "date_modified_gmt", UTC_ZONE)
            latest_ms = max(filter(None, (latest_ms, page_ms)), default=None)
        yield FeedPage(Translated(), latest_ms)

    def _pages(self, path: str, **asked: str) -> Iterator[list[Json]]:
        number = 1
        while True:
            found = self._get(path, **asked, per_page=ORDERS_A_PAGE, page=number)
            yield found
            if len(found) < ORDERS_A_PAGE:
                return
            number += 1

    def _get(self, path: str, **asked: str | int) -> list[Json]:
        """A list. Raises Unavailable, AccessRefused."""
        try:
            found: Any = call(self._http, "GET", API + path, params=asked)
        except NotFound as error:
            raise Unavailable(
                f"{self._options.base_url} has no {API}{path}; is WooCommerce's REST API on?", 60
            ) from error
        if not isinstance(found, list):
            raise Unavailable(f"{path}: the answer is no list", 60)
        return [each for each in found if isinstance(each, Mapping)]


def make(options: WooCommerceOptions, store: StoreContext, context: ConnectorContext) -> VendorConnector:
    """The factory that the entry point names."""
    vendor = WooCommerceVendor(options, store)
    channel = OrderOnHold(vendor) if options.write_back else None
    return VendorConnector(vendor, options, store, context, channel=channel)


def _basic(key_and_secret: str) -> str:
    return base64.b64encode(key_and_secret.encode()).decode()


def _found(product: Json, before: str) -> VendorObject:
    sku, barcode = str(product.get("sku") or ""), str(product.get("global_unique_id") or "")
    ((scheme, code),) = product_code(str(product.get("id")), sku).items()
    return VendorObject(scheme, code, f"{before}{product.get('name')}", barcode, sku)
