"""Clover over the network: notices that name an object, which is fetched; lists that are polled."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import structlog

from connectors.clover import translate
from connectors.clover.spec import CloverOptions
from connectors.context import ConnectorContext
from connectors.contract import AccessRefused, Delivery, Skip, SkipReason, StoreContext, Translated, Unavailable
from connectors.http.client import NotFound, TokenAuth, api_client, call
from connectors.http.payload import PayloadRefused, parse
from connectors.http.secrets import Secrets
from connectors.http.tokens import TokenEndpoint
from connectors.vendor.connector import VendorConnector
from connectors.vendor.contract import Feed, FeedPage, VendorObject
from connectors.vendor.fields import ReadContext
from connectors.vendor.renewal import api_token
from connectors.vendor.signature import require, static_code
from messaging.clock import wall_clock_ms

HEADER = "x-clover-auth"
BASE_URL = "https://api.clover.com"
TOKENS = "/oauth/v2/refresh"
ADVICE = "install the app anew, and put both its tokens into their files"
PAGE_SIZE = 100
NOTICES_MAX = 100
"""For one store in one request; more are left to the poll."""
ORDER_PARTS = "lineItems,payments,refunds,credits,serviceCharge"
_CODE = re.compile(rb'\s*\{\s*"verificationCode"\s*:\s*"([A-Za-z0-9-]{1,64})"\s*\}\s*')
_log = structlog.get_logger()


class CloverVendor:
    """Clover as one merchant uses it. Raises SecretUnusable. now_ms: the clock."""

    media_types = frozenset({"application/json"})

    def __init__(
        self,
        options: CloverOptions,
        store: StoreContext,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._options = options
        self._shop = translate.CloverShop(store, options.returns_restocked)
        self._now_ms = now_ms
        self._secrets = Secrets(options.webhook_secrets())
        self._path = f"/v3/merchants/{options.merchant_id}"
        base_url = options.base_url or BASE_URL
        endpoint = TokenEndpoint("Clover", base_url, TOKENS, options.request_timeout_s, ADVICE, is_form=False)
        token = api_token(options, "Clover API token", endpoint, also={})
        self._http = api_client(base_url, TokenAuth(token), timeout_s=options.request_timeout_s)

    def verify(self, delivery: Delivery) -> None:
        """Clover sends a code of the app's, which proves the sender alone; so what is named is fetched.

        When the webhook's address is set, Clover posts another code, unsigned, to be copied into its dashboard.
        """
        code = _CODE.fullmatch(delivery.body)
        if code and not delivery.header(HEADER):
            _log.info("copy this verification code into the Clover app's settings", code=code[1].decode())
            return
        require(delivery, HEADER, self._secrets.current(), static_code)

    def receive(self, delivery: Delivery) -> Translated:
        merchants = parse(delivery.body).get("merchants")
        if merchants is None:
            return _nothing("notice", SkipReason.no_content)
        if not isinstance(merchants, dict):
            raise PayloadRefused("merchants is not an object")
        us = self._options.merchant_id
        found = [_nothing(f"merchant {each[:40]}", SkipReason.other_store) for each in merchants if each != us]
        notices = merchants.get(us) or []
        if not isinstance(notices, list):
            raise PayloadRefused("a merchant's notices are not a list")
        named = dict.fromkeys(str(each.get("objectId"))[:64] for each in notices if isinstance(each, dict))
        reading = ReadContext(delivery.received_at_ms)
        for at, name in enumerate(named):
            found.append(
                self._fetched(name, reading) if at < NOTICES_MAX else _nothing(name, SkipReason.already_reported)
            )
        return _joined(found)

    def feeds(self) -> Sequence[Feed]:
        overlap_ms = self._options.poll_overlap_s * 1000
        return (
            Feed("orders", self._read_orders, self._now_ms, overlap_ms),
            Feed("items", self._read_items, self._now_ms, overlap_ms),
        )

    def check(self) -> str:
        merchant = self._merchant()
        return f"merchant {self._options.merchant_id} is {merchant.get('name')!r}"

    def discover(self) -> Iterator[VendorObject]:
        merchant = self._merchant()
        yield VendorObject("merchant", str(merchant.get("id")), str(merchant.get("name")))
        for offset in count(0, PAGE_SIZE):
            answer = call(self._http, "GET", f"{self._path}/items", params={"limit": PAGE_SIZE, "offset": offset})
            items = translate.elements(answer, "elements")
            for item in items:
                barcode, sku = str(item.get("code") or ""), str(item.get("sku") or "")
                yield VendorObject("item", str(item.get("id")), str(item.get("name")), barcode, sku)
            if len(items) < PAGE_SIZE:
                return

    def close(self) -> None:
        self._http.close()

    def _merchant(self) -> Any:
        try:
            return call(self._http, "GET", self._path)
        except NotFound as error:
            raise AccessRefused(
                f"Clover has no merchant {self._options.merchant_id}; compare merchant_id with the address of the "
                "merchant's dashboard, and base_url with its region"
            ) from error

    def _fetched(self, name: str, reading: ReadContext) -> Translated:
        """Fetch what a notice names: O:… an order, P:… a payment of one, I:… an item."""
        kind, _, object_id = name.partition(":")
        if not re.fullmatch(r"[A-Za-z0-9-]{1,60}", object_id):
            return _nothing(f"notice {name}", SkipReason.no_content)
        try:
            if kind == "P":
                payment = call(self._http, "GET", f"{self._path}/payments/{object_id}")
                order = payment.get("order")
                kind, object_id = "O", str(order.get("id")) if isinstance(order, dict) else ""
            if kind == "O" and object_id:
                order = call(self._http, "GET", f"{self._path}/orders/{object_id}", params={"expand": ORDER_PARTS})
                return translate.orders([order], self._shop, reading)
            if kind == "I":
                item = call(self._http, "GET", f"{self._path}/items/{object_id}", params={"expand": "itemStock"})
                return translate.levels([item], self._shop, reading)
        except NotFound:
            return _nothing(f"notice {name}", SkipReason.cancelled)
        return _nothing(f"notice {name}", SkipReason.no_content)

    def _read_orders(self, cursor: int) -> Iterator[FeedPage]:
        for found, upto in self._windows("orders", ORDER_PARTS, cursor, None):
            yield FeedPage(translate.orders(found, self._shop, ReadContext(self._now_ms(), cursor)), upto)

    def _read_items(self, cursor: int) -> Iterator[FeedPage]:
        for found, upto in self._windows("items", "itemStock", cursor, None):
            yield FeedPage(translate.levels(found, self._shop, ReadContext(self._now_ms(), cursor)), upto)

    def _windows(self, what: str, parts: str, since_ms: int, until_ms: int | None) -> Iterator[tuple[list[Any], int]]:
        """(what was modified in a part of [since, until), the newest of it), part by part in order of time.

        Clover promises no order within a list, and what is modified meanwhile would move others from page to page. So
        a window that does not fit one answer is cut in two where the middle of its answer lies.
        """
        found = self._listed(what, parts, since_ms, until_ms, 0)
        if len(found) < PAGE_SIZE:
            if found:
                yield found, max(map(_modified_ms, found))
            return
        middle_ms = max(since_ms + 1, sorted(map(_modified_ms, found))[len(found) // 2])
        if until_ms is None or middle_ms < until_ms:
            yield from self._windows(what, parts, since_ms, middle_ms)
            yield from self._windows(what, parts, middle_ms, until_ms)
            return
        for offset in count(PAGE_SIZE, PAGE_SIZE):  # all of one millisecond
            yield found, since_ms
            if len(found) < PAGE_SIZE:
                return
            found = self._listed(what, parts, since_ms, until_ms, offset)

    def _listed(self, what: str, parts: str, since_ms: int, until_ms: int | None, offset: int) -> list[Any]:
        filters = [("filter", f"modifiedTime>={since_ms}")]
        if until_ms is not None:
            filters.append(("filter", f"modifiedTime<{until_ms}"))
        params = [*filters, ("expand", parts), ("limit", str(PAGE_SIZE)), ("offset", str(offset))]
        try:
            answer = call(self._http, "GET", f"{self._path}/{what}", params=params)
        except NotFound as error:
            raise Unavailable(f"Clover has no merchant {self._options.merchant_id}", 300) from error
        found = answer.get("elements") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise Unavailable(f"Clover's list of {what} is no list", 60)
        return found


def make(options: CloverOptions, store: StoreContext, context: ConnectorContext) -> VendorConnector:
    """The factory that the entry point names."""
    return VendorConnector(CloverVendor(options, store), options, store, context)


def _modified_ms(element: object) -> int:
    """The time of its modification; 0 where it has none, which moves no cursor."""
    at_ms = element.get("modifiedTime") if isinstance(element, dict) else None
    return at_ms if isinstance(at_ms, int) else 0


def _nothing(where: str, reason: SkipReason) -> Translated:
    return Translated(skipped=(Skip(where, reason),))


def _joined(found: Sequence[Translated]) -> Translated:
    return Translated(
        tuple(event for each in found for event in each.events),
        tuple(problem for each in found for problem in each.problems),
        tuple(skip for each in found for skip in each.skipped),
    )
