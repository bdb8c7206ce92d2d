"""Shopify over the network: webhooks that carry what changed, and the GraphQL Admin API that lists it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from connectors.context import ConnectorContext
from connectors.contract import AccessRefused, Delivery, Refused, SkipReason, StoreContext, Translated, Unavailable
from connectors.http.client import ApiToken, NotFound, Token, TokenAuth, api_client, call
from connectors.http.payload import parse
from connectors.http.secrets import Secrets
from connectors.http.signature import SignatureRefused
from connectors.http.tokens import GrantedToken, TokenEndpoint
from connectors.parsing.times import instant_ms
from connectors.shopify import graphql
from connectors.shopify.reserve import ReservedStock
from connectors.shopify.spec import ShopifyOptions
from connectors.shopify.translate import ShopifyShop, translate_level, translate_order, translate_webhook, variant_code
from connectors.vendor.connector import VendorConnector
from connectors.vendor.contract import Feed, FeedPage, VendorObject
from connectors.vendor.fields import UTC_ZONE, Json, ReadContext, inner, joined, left_out, newest_ms, rfc3339
from connectors.vendor.signature import hmac_sha256_base64, require
from messaging.clock import wall_clock_ms

API_VERSION = "2026-10"
SIGNATURE = "X-Shopify-Hmac-Sha256"
RIGHTS = "read_orders, read_inventory, read_products and read_locations; with write_back write_inventory, too"
CODES_MAX = 100_000
_PACE_POINTS = 700
"""Points that the largest query may cost: it is not sent before so many are there."""
_PACE_MAX_S = 10.0


class ShopifyVendor:
    """A Shopify shop as one store uses it. Raises SecretUnusable. now_ms: the clock; sleep: for the rate limit."""

    media_types = frozenset({"application/json"})

    def __init__(
        self,
        options: ShopifyOptions,
        store: StoreContext,
        now_ms: Callable[[], int] = wall_clock_ms,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._options = options
        self._shop = ShopifyShop(store, options.location_id, options.online_orders)
        self._now_ms = now_ms
        self._sleep = sleep
        self._secrets = Secrets(options.webhook_secrets())
        base_url = options.base_url or f"https://{options.shop}"
        auth = TokenAuth(self._token(base_url), "X-Shopify-Access-Token", prefix="")
        self._http = api_client(base_url, auth, timeout_s=options.request_timeout_s)
        self._codes: dict[str, Mapping[str, str]] = {}
        # What we reserve is on the shelf: with it, a level does not change when we write.
        self._found_location_id: str | None = None
        self._level_names = ["available", "reserved"] if options.write_back else ["available"]

    def _token(self, base_url: str) -> ApiToken:
        client_id = self._options.client_id
        if client_id is None:
            return Token(self._options.token_source(), "Shopify access token")
        endpoint = TokenEndpoint(
            "Shopify", base_url, "/admin/oauth/access_token", self._options.request_timeout_s,
            f"compare client_id and the client secret with the app's settings in the Dev Dashboard, and see that it is "
            f"installed in {self._options.shop}, of the same organization",
        )  # fmt: skip
        asked = {"grant_type": "client_credentials", "client_id": client_id}
        secrets = self._secrets.current
        return GrantedToken(endpoint, lambda: [{**asked, "client_secret": each.decode()} for each in secrets()])

    def verify(self, delivery: Delivery) -> None:
        """Shopify signs the raw body with the secret of the app, which all its shops share."""
        require(delivery, SIGNATURE, self._secrets.current(), hmac_sha256_base64)
        if delivery.header("X-Shopify-Shop-Domain") not in ([], [self._options.shop.encode()]):
            raise SignatureRefused("the webhook is of another shop")

    def receive(self, delivery: Delivery) -> Translated:
        payload = parse(delivery.body)
        topic = b"".join(delivery.header("X-Shopify-Topic")).decode(errors="replace")
        codes: Mapping[str, Mapping[str, str]] = {}
        if topic.startswith("inventory_levels/"):
            try:
                if self._options.write_back and topic == "inventory_levels/update":
                    return self._level_now(payload, delivery.received_at_ms)
                codes = self._codes_of([str(payload.get("inventory_item_id"))])
            except Unavailable:  # a webhook that fails too often is taken away; the poll tells the level
                return left_out("", SkipReason.already_reported)
        return translate_webhook(
            topic, payload, self._shop, delivery.received_at_ms, codes, _triggered_at_ms(delivery)
        )  # fmt: skip

    def feeds(self) -> Sequence[Feed]:
        overlap_ms = self._options.poll_overlap_s * 1000
        return (
            Feed("orders", self._read_orders, self._now_ms, overlap_ms),
            Feed("levels", self._read_levels, self._now_ms, overlap_ms),
        )

    def check(self) -> str:
        location_id = self._location_id()
        name = next(found.name for found in self._locations() if found.id == location_id)
        return f"shop {self._options.shop}, location {location_id} ({name})"

    def discover(self) -> Iterator[VendorObject]:
        yield from self._locations()
        for variant in self._all(graphql.VARIANTS, {}, "productVariants"):
            sku, barcode = str(variant.get("sku") or ""), str(variant.get("barcode") or "")
            ((scheme, code),) = variant_code(graphql.plain_id(variant), sku).items()
            yield VendorObject(scheme, code, str(variant.get("displayName")), barcode, sku)

    def close(self) -> None:
        self._http.close()

    def _read_orders(self, from_ms: int) -> Iterator[FeedPage]:
        """Listed by the time of their update."""
        reading = ReadContext(self._now_ms(), from_ms)
        for nodes in self._pages(graphql.ORDERS, {"query": f"updated_at:>='{rfc3339(from_ms)}'"}, "orders"):
            orders = [self._order_of(node) for node in nodes]
            parts = [(f"order/{order['id']}", translate_order(order, self._shop, reading)) for order in orders]
            yield FeedPage(joined(parts), newest_ms(nodes, "updatedAt", self._shop.store.zone))

    def _read_levels(self, from_ms: int) -> Iterator[FeedPage]:
        """Listed in no order of time: the cursor is known at the end alone."""
        location_id = self._location_id()
        latest_ms: int | None = None
        asked = {
            "location": graphql.gid("Location", location_id), "names": self._level_names,
            "query": f"updated_at:>='{rfc3339(from_ms)}'",
        }  # fmt: skip
        for nodes in self._pages(graphql.LEVELS, asked, "location", "inventoryLevels"):
            reading = ReadContext(self._now_ms(), from_ms)
            parts = [
                (f"level/{graphql.plain_id(inner(node, 'item'))}", self._level_of(node, location_id, reading))
                for node in nodes
            ]
            latest_ms = max(
                filter(None, (latest_ms, newest_ms(nodes, "updatedAt", self._shop.store.zone))), default=None
            )
            yield FeedPage(joined(parts), None)
        yield FeedPage(Translated(), latest_ms)

    def _level_of(self, node: Json, location_id: str, reading: ReadContext) -> Translated:
        item = inner(node, "item")
        codes = {graphql.plain_id(item): _code_of(item)}
        return translate_level(graphql.level_of(node, location_id), self._shop, reading, codes)

    def _level_now(self, level: Json, received_at_ms: int) -> Translated:
        """Fetch the level that a webhook names: its `available` lacks what we have reserved.

        Raises Unavailable, AccessRefused.
        """
        location_id, item_id = str(level.get("location_id")), str(level.get("inventory_item_id"))
        if location_id != self.store_location_id():
            return left_out("", SkipReason.other_store)
        node = self.level_node(item_id, self._level_names)
        if not node:
            return left_out("", SkipReason.non_stock)
        return self._level_of(node, location_id, ReadContext(received_at_ms))

    def level_node(self, item_id: str, names: Sequence[str]) -> Json:
        """An inventory item's level at the store; empty where it has none. Raises Unavailable, AccessRefused."""
        if not item_id.isdecimal():
            return {}
        location = graphql.gid("Location", self.store_location_id())
        asked = {"id": graphql.gid("InventoryItem", item_id), "location": location, "names": names}
        return inner(inner(self.ask(graphql.LEVEL, asked), "inventoryItem"), "inventoryLevel")

    def store_location_id(self) -> str:
        """The store's location, asked for once. Raises Unavailable, AccessRefused."""
        if self._found_location_id is None:
            self._found_location_id = self._location_id()
        return self._found_location_id

    def _order_of(self, node: Json) -> dict[str, Any]:
        """An order with all its lines and refunds."""
        lines = inner(node, "lineItems")
        found = list(lines.get("nodes") or ())
        cursor = inner(lines, "pageInfo")
        if cursor.get("hasNextPage"):
            asked = {"id": node.get("id"), "after": cursor.get("endCursor")}
            found += self._all(graphql.ORDER_LINES, asked, "order", "lineItems")
        refunds = [
            graphql.refund_of(
                refund, list(self._all(graphql.REFUND_LINES, {"id": refund.get("id")}, "refund", "refundLineItems"))
            )
            for refund in node.get("refunds") or ()
        ]
        return graphql.order_of(node, found, refunds)

    def _codes_of(self, item_ids: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """The codes of inventory items, as in the lines of orders. Raises Unavailable, AccessRefused."""
        for item_id in item_ids:
            if item_id.isdecimal() and item_id not in self._codes:
                if len(self._codes) >= CODES_MAX:
                    self._codes.clear()
                answer = self.ask(graphql.ITEM, {"id": graphql.gid("InventoryItem", item_id)})
                self._codes[item_id] = _code_of(inner(answer, "inventoryItem"))
        return {item_id: self._codes.get(item_id, {}) for item_id in item_ids}

    def _location_id(self) -> str:
        """The store's location. Raises AccessRefused when it is not one of those the token reaches."""
        locations = list(self._locations())
        ids = [found.id for found in locations]
        if self._options.location_id is None and len(ids) == 1:
            return ids[0]
        if self._options.location_id not in ids:
            listed = ", ".join(f"{found.id} ({found.name})" for found in locations)
            raise AccessRefused(f"set location_id to the store's location at Shopify, one of: {listed}")
        return self._options.location_id

    def _locations(self) -> Iterator[VendorObject]:
        answer = self.ask(graphql.LOCATIONS, {})
        for node in inner(answer, "locations").get("nodes") or ():
            yield VendorObject("location", graphql.plain_id(node), str(node.get("name")))

    def _all(self, query: str, asked: Json, *path: str) -> Iterator[Json]:
        for nodes in self._pages(query, asked, *path):
            yield from nodes

    def _pages(self, query: str, asked: Json, *path: str) -> Iterator[Sequence[Json]]:
        """The pages of the connection at `path` of the answers."""
        after = asked.get("after")
        while True:
            found: Json = self.ask(query, {**asked, "after": after})
            for name in path:
                found = inner(found, name)
            yield [node for node in found.get("nodes") or () if isinstance(node, Mapping)]
            cursor = inner(found, "pageInfo")
            if not cursor.get("hasNextPage"):
                return
            after = cursor.get("endCursor")

    def ask(self, query: str, variables: Json) -> Json:
        """The data of an answer. Raises Unavailable, AccessRefused."""
        body = {"query": query, "variables": {name: value for name, value in variables.items() if value is not None}}
        try:
            answer = call(self._http, "POST", f"/admin/api/{API_VERSION}/graphql.json", json=body)
        except NotFound as error:
            raise AccessRefused(f"there is no shop {self._options.shop} at Shopify, or not this API version") from error
        if not isinstance(answer, Mapping):
            raise Unavailable("Shopify's answer is no object", 60)
        bucket = inner(inner(inner(answer, "extensions"), "cost"), "throttleStatus")
        missing_s = _seconds_until(bucket, _PACE_POINTS)
        errors = answer.get("errors")
        if errors:
            raise _failure(errors, missing_s)
        if missing_s > 0:
            self._sleep(min(missing_s, _PACE_MAX_S))
        return inner(answer, "data")


def make(options: ShopifyOptions, store: StoreContext, context: ConnectorContext) -> VendorConnector:
    """The factory that the entry point names."""
    vendor = ShopifyVendor(options, store)
    channel = ReservedStock(vendor) if options.write_back else None
    return VendorConnector(vendor, options, store, context, channel=channel)


def _triggered_at_ms(delivery: Delivery) -> int:
    """The time at which Shopify made the webhook; 0 when it does not say. Retries keep it."""
    with suppress(Refused):
        return instant_ms(b"".join(delivery.header("X-Shopify-Triggered-At")).decode(errors="replace"), UTC_ZONE)
    return 0


def _code_of(item: Json) -> Mapping[str, str]:
    """Of an inventory item; empty when it is gone."""
    variant_id, sku = graphql.plain_id(inner(item, "variant")), str(item.get("sku") or "")
    return variant_code(variant_id, sku) if variant_id or sku else {}


def _seconds_until(bucket: Json, points: int) -> float:
    """The wait until the shop's rate limit allows a query of so many points."""
    there, rate = bucket.get("currentlyAvailable"), bucket.get("restoreRate")
    return max(0.0, (points - float(there)) / float(rate)) if there is not None and rate else 0.0


def _failure(errors: object, missing_s: float) -> Exception:
    """The failure that GraphQL reports beside an HTTP status of 200. Its messages quote what was sent: only codes."""
    listed = [each for each in errors if isinstance(each, Mapping)] if isinstance(errors, list) else []
    codes = sorted({str(inner(each, "extensions").get("code")) for each in listed})
    if codes == ["THROTTLED"]:
        return Unavailable("Shopify's rate limit is used up", max(1, round(missing_s)))
    if "ACCESS_DENIED" in codes:
        return AccessRefused(f"Shopify denies a part of the query; give the app {RIGHTS}")
    return Unavailable(f"Shopify answers with errors: {', '.join(codes) or 'unnamed'}", 60)
