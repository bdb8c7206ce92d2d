"""Lightspeed X-Series over the network: webhooks as forms, and lists that are read by version."""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, quote

from connectors.context import ConnectorContext
from connectors.contract import AccessRefused, Delivery, SkipReason, StoreContext, Translated, Unavailable
from connectors.http.client import NotFound, TokenAuth, api_client, call
from connectors.http.payload import PayloadRefused, parse
from connectors.http.secrets import Secrets
from connectors.http.signature import SignatureRefused
from connectors.http.tokens import TokenEndpoint
from connectors.lightspeed.spec import LightspeedOptions
from connectors.lightspeed.translate import Outlet, outlet_of, register_of, translate_inventory, translate_sale
from connectors.vendor.connector import VendorConnector
from connectors.vendor.contract import Feed, FeedPage, VendorObject
from connectors.vendor.fields import Json, ReadContext, inner, joined, left_out
from connectors.vendor.renewal import api_token
from messaging.clock import wall_clock_ms

API = "/api/2026-07"
SIGNATURE = "X-Signature"
RENEW_AFTER_S = 12 * 3_600
"""Of a token's days (Lightspeed's examples say one or seven): a renewal that failed is seen while it serves."""
ADVICE = "connect the application to the retailer anew, and put both its tokens into their files"
RECORDS_A_PAGE = 200
OVERLAP_VERSIONS = 10_000
"""Versions are counted through all retailers of a shard, some dozens a second: minutes, for what is listed late."""
_SIGNATURE = re.compile(rb"signature=([0-9a-f]{64}), ?algorithm=HMAC-SHA256")
_VERSION_MAX = 2**62


class LightspeedVendor:
    """A retailer at Lightspeed as one store uses it. Raises SecretUnusable. now_ms: the clock."""

    media_types = frozenset({"application/x-www-form-urlencoded"})

    def __init__(
        self,
        options: LightspeedOptions,
        store: StoreContext,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._options = options
        self._store = store
        self._now_ms = now_ms
        self._secrets = Secrets(options.webhook_secrets())
        base_url = options.base_url or f"https://{options.domain_prefix}.retail.lightspeed.app"
        endpoint = TokenEndpoint("Lightspeed", base_url, "/api/1.0/token", options.request_timeout_s, ADVICE)
        token = api_token(options, "Lightspeed token", endpoint, RENEW_AFTER_S, self._secrets.current)
        self._http = api_client(base_url, TokenAuth(token), timeout_s=options.request_timeout_s)
        self._outlets: dict[str, str] = {}

    def verify(self, delivery: Delivery) -> None:
        """Lightspeed signs the raw body with the client secret of the application that made the webhook."""
        headers = delivery.header(SIGNATURE)
        given = _SIGNATURE.fullmatch(headers[0]) if len(headers) == 1 else None
        if given is None:
            raise SignatureRefused(f"one {SIGNATURE} header is needed: signature=<hex>,algorithm=HMAC-SHA256")
        matches = False
        for secret in self._secrets.current():
            # Each is compared: the time taken says nothing about which secret was close.
            expected = hmac.new(secret, delivery.body, hashlib.sha256).hexdigest().encode()
            matches |= hmac.compare_digest(expected, given[1])
        if not matches:
            raise SignatureRefused("the signature does not match the raw body and the client secret")

    def receive(self, delivery: Delivery) -> Translated:
        try:
            form = parse_qs(delivery.body.decode("ascii"), max_num_fields=20)
        except ValueError as error:
            raise PayloadRefused("the body is no form") from error
        if len(form.get("payload", ())) != 1:
            raise PayloadRefused("the form has no field payload, or several")
        payload = parse(form["payload"][0].encode())
        reading = ReadContext(delivery.received_at_ms)
        if "register_sale_products" in payload or "line_items" in payload:
            return self._sale(payload, reading)
        if "product_id" in payload and "outlet_id" in payload:
            return translate_inventory(payload, Outlet(self._store, self._options.outlet_id), reading)
        return left_out("", SkipReason.no_content)

    def feeds(self) -> Sequence[Feed]:
        return (
            Feed("sales", self._read_sales, self._newest_sale, OVERLAP_VERSIONS, cursors_are_times=False),
            Feed("inventory", self._read_inventory, self._newest_record, OVERLAP_VERSIONS, cursors_are_times=False),
        )

    def check(self) -> str:
        outlets = list(self._found("outlets", "outlet"))
        if self._options.outlet_id is None and len(outlets) == 1:
            return f"outlet {outlets[0].id} ({outlets[0].name}) of {self._options.domain_prefix}"
        chosen = [found for found in outlets if found.id == self._options.outlet_id]
        if not chosen:
            listed = ", ".join(f"{found.id} ({found.name})" for found in outlets)
            raise AccessRefused(f"set outlet_id to the store's outlet at Lightspeed, one of: {listed}")
        return f"outlet {chosen[0].id} ({chosen[0].name}) of {self._options.domain_prefix}"

    def discover(self) -> Iterator[VendorObject]:
        yield from self._found("outlets", "outlet")
        for products in self._listed("/products"):
            for product in products:
                name, sku = str(product.get("name")), str(product.get("sku") or "")
                yield VendorObject("item", str(product.get("id")), name, _barcode(product), sku)

    def close(self) -> None:
        self._http.close()

    def _sale(self, sale: Json, reading: ReadContext) -> Translated:
        if not sale.get("updated_at"):  # the time that orders its revisions: then the sale itself is asked for
            try:
                sale = inner(call(self._http, "GET", f"{API}/sales/{quote(str(sale.get('id')), safe='')}"), "data")
            except NotFound:
                return left_out("", SkipReason.no_content)
        return translate_sale(sale, self._outlet(sale), reading)

    def _outlet(self, sale: Json) -> Outlet:
        """The outlet against which a sale is judged. Asks for the registers when it names none that is known."""
        outlet_id = self._options.outlet_id
        if outlet_id is not None and not outlet_of(sale) and register_of(sale) not in self._outlets:
            for registers in self._listed("/registers"):
                self._outlets |= {str(each.get("id")): str(each.get("outlet_id")) for each in registers}
        return Outlet(self._store, outlet_id, self._outlets)

    def _read_sales(self, from_version: int) -> Iterator[FeedPage]:
        reading = ReadContext(self._now_ms(), None if from_version else 0)
        for sales in self._listed("/sales", from_version - 1):
            parts = [(f"sale/{sale.get('id')}", translate_sale(sale, self._outlet(sale), reading)) for sale in sales]
            yield FeedPage(joined(parts), max(map(_version, sales), default=None))

    def _read_inventory(self, from_version: int) -> Iterator[FeedPage]:
        after = from_version - 1
        outlet = Outlet(self._store, self._options.outlet_id)
        while True:
            records = self._inventory(after=after, size=RECORDS_A_PAGE, sort_direction="asc")
            newest = max(map(_version, records), default=after)
            reading = ReadContext(self._now_ms())
            parts = [
                (f"level/{each.get('product_id')}", translate_inventory(each, outlet, reading)) for each in records
            ]
            yield FeedPage(joined(parts), newest if records else None)
            if newest <= after:
                return
            after = newest

    def _newest_sale(self) -> int:
        """The version of the last sale there is, found by halves: the list begins with the oldest."""
        known, ceiling = 0, 1
        while ceiling < _VERSION_MAX and self._has_sales_after(ceiling):
            known, ceiling = ceiling, ceiling * 4
        while ceiling - known > OVERLAP_VERSIONS // 2:
            middle = (known + ceiling) // 2
            known, ceiling = (middle, ceiling) if self._has_sales_after(middle) else (known, middle)
        return ceiling

    def _has_sales_after(self, version: int) -> bool:
        return bool(_data(self._get("/sales", after=version, page_size=1)))

    def _newest_record(self) -> int:
        return max(map(_version, self._inventory(size=1, sort_direction="desc")), default=0)

    def _inventory(self, **asked: int | str) -> list[Json]:
        return _data(call(self._http, "POST", f"{API}/inventory", json=asked))

    def _found(self, path: str, kind: str) -> Iterator[VendorObject]:
        for records in self._listed(f"/{path}"):
            for record in records:
                yield VendorObject(kind, str(record.get("id")), str(record.get("name")))

    def _listed(self, path: str, after: int = 0) -> Iterator[list[Json]]:
        """The pages of a list, by version, those after `after`."""
        while True:
            answer = self._get(path, after=after, page_size=RECORDS_A_PAGE)
            found = _data(answer)
            newest = max([after, *map(_version, found), _version(inner(answer, "version"), "max")])
            if found:
                yield found
            if not found or newest <= after:
                return
            after = newest

    def _get(self, path: str, **asked: int) -> Any:
        """Raises Unavailable, AccessRefused."""
        try:
            return call(self._http, "GET", API + path, params=asked)
        except NotFound as error:
            raise Unavailable(f"{error}: not found at Lightspeed; check domain_prefix", 60) from error


def make(options: LightspeedOptions, store: StoreContext, context: ConnectorContext) -> VendorConnector:
    """The factory that the entry point names."""
    return VendorConnector(LightspeedVendor(options, store), options, store, context)


def _data(answer: object) -> list[Json]:
    """The records of an answer: a list, or an object whose `data` is one. Raises Unavailable."""
    found = answer.get("data") if isinstance(answer, Mapping) else answer
    if not isinstance(found, list):
        raise Unavailable("Lightspeed's answer is no list", 60)
    return [each for each in found if isinstance(each, Mapping)]


def _barcode(product: Json) -> str:
    """The first of its codes that a manufacturer gave; empty when there is none."""
    codes = product.get("product_codes")
    listed = [each for each in codes if isinstance(each, Mapping)] if isinstance(codes, list) else []
    given = [str(each.get("code")) for each in listed if str(each.get("type")).upper() != "CUSTOM"]
    return next(iter(given), "")


def _version(record: Json, name: str = "version") -> int:
    """A record's version, wherever this kind of record has it; 0 when it has none."""
    found = record.get(name, inner(record, "_metadata").get(name))
    return found if isinstance(found, int) and 0 <= found < _VERSION_MAX else 0
