"""Square over the network: webhooks that name an object, which is fetched; lists that are polled."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import httpx
from square import Square
from square.core.api_error import ApiError
from square.core.request_options import RequestOptions
from square.environment import SquareEnvironment

from connectors.context import ConnectorContext
from connectors.contract import (
    AccessRefused,
    Delivery,
    FieldRefused,
    Problem,
    SkipReason,
    StoreContext,
    Translated,
    Unavailable,
)
from connectors.http.client import NotFound, TokenAuth, api_client
from connectors.http.payload import PayloadRefused, parse
from connectors.http.secrets import Secrets
from connectors.http.tokens import TokenEndpoint
from connectors.outbound.contract import CallRefused
from connectors.square import translate
from connectors.square.reserve import SoldStock
from connectors.square.spec import SquareOptions
from connectors.vendor.connector import VendorConnector
from connectors.vendor.contract import Feed, FeedPage, VendorObject
from connectors.vendor.fields import UTC_ZONE, Json, ReadContext, inner, joined, left_out, newest_ms, rfc3339, time_ms
from connectors.vendor.renewal import api_token
from connectors.vendor.signature import hmac_sha256_base64, require
from messaging.clock import wall_clock_ms

HEADER = "x-square-hmacsha256-signature"
API_VERSION = "2026-09-16"
RENEW_AFTER_S = 7 * 86_400
"""Of a token's 30 days, as Square advises: what keeps it from being renewed shows in time."""
ADVICE = "authorize the application anew, and put both its tokens into their files"
ORDERS_A_PAGE = 200
CHANGES_AT_ONCE = 500
_ID = re.compile(r"[A-Za-z0-9_-]{1,192}")
EVENTS_A_PAGE = 100
EVENT_TYPES = ("payment.updated", "refund.updated", "order.updated", "inventory.count.updated")
_ONCE = RequestOptions(max_retries=0)
_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
"""The transport tries again; the SDK need not, too."""


class SquareVendor:
    """Square as one location of a merchant uses it. Raises SecretUnusable. now_ms: the clock."""

    media_types = frozenset({"application/json"})

    def __init__(
        self,
        options: SquareOptions,
        store: StoreContext,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._options = options
        self.location_id = options.location_id
        # What we take out is on the shelf: with it, Square's counts are no levels of ours.
        self._shop = translate.SquareShop(
            store, options.location_id, options.returns_restocked, counts_are_levels=not options.write_back
        )
        self._now_ms = now_ms
        self._secrets = Secrets(options.webhook_secrets())
        self._url = (options.webhook_url or "").encode()
        base_url = options.base_url or SquareEnvironment.PRODUCTION.value
        endpoint = TokenEndpoint("Square", base_url, "/oauth2/token", options.request_timeout_s, ADVICE, is_form=False)
        secret = options.client_secret()
        secrets = Secrets((secret,) if secret else ())
        token = api_token(options, "Square access token", endpoint, RENEW_AFTER_S, secrets.current)
        self._http = api_client(base_url, TokenAuth(token), timeout_s=options.request_timeout_s)
        self._square = Square(base_url=base_url, token=token.current, httpx_client=self._http, version=API_VERSION)

    def verify(self, delivery: Delivery) -> None:
        """Square signs the notification URL and the raw body."""
        require(delivery, HEADER, self._secrets.current(), hmac_sha256_base64, prefix=self._url)

    def receive(self, delivery: Delivery) -> Translated:
        return self._take(parse(delivery.body), delivery.received_at_ms)

    def feeds(self) -> Sequence[Feed]:
        overlap_ms = self._options.poll_overlap_s * 1000
        # Events first: they know when a payment that was taken offline happened, and the first to tell it is believed.
        events = (Feed("events", self._read_events, self._now_ms, overlap_ms),) if self._options.replay_events else ()
        return (
            *events,
            Feed("orders", self._read_orders, self._now_ms, overlap_ms),
            Feed("changes", self._read_changes, self._now_ms, overlap_ms),
            Feed("counts", self._read_counts, self._now_ms, overlap_ms),
        )

    def check(self) -> str:
        try:
            location = self._call(self._square.locations.get, location_id=self._options.location_id)
        except NotFound:
            raise AccessRefused(
                f"the token reaches no location {self._options.location_id}; `connect discover` lists those it reaches"
            ) from None
        found = location.get("location") or {}
        return f"location {self._options.location_id} is {found.get('name')!r}, {found.get('status')}"

    def discover(self) -> Iterator[VendorObject]:
        listed = self._call(self._square.locations.list)
        yield from translate.names(listed.get("locations") or ())
        yield from translate.names(self._list(self._square.catalog.list, types="ITEM"))

    def close(self) -> None:
        self._http.close()

    def catalog_object(self, object_id: str) -> Json:
        """Raises Unavailable, AccessRefused, NotFound."""
        if not _ID.fullmatch(object_id):
            raise NotFound("no id of Square's")
        return inner(self._call(self._square.catalog.object.get, object_id=object_id), "object")

    def change_stock(self, key: str, change: Json) -> None:
        """Once for each key. Raises Unavailable, AccessRefused; CallRefused when nothing was changed."""
        try:
            self._square.inventory.batch_create_changes(idempotency_key=key, changes=[change], request_options=_ONCE)
        except ApiError as error:
            failure = _failure(error)
            # A key that was used for another body says that something was written, and not whether it was this.
            if error.status_code in (400, 404) and all(str(each.code) != _KEY_REUSED for each in error.errors):
                raise CallRefused(str(failure)) from None
            raise failure from None

    def changes_of(self, item: str, kind: str, since_ms: int) -> Iterator[Json]:
        """An item's counts or adjustments that Square recorded since. Raises Unavailable, AccessRefused."""
        found = self._list(
            self._square.inventory.batch_get_changes, catalog_object_ids=[item], location_ids=[self.location_id],
            types=[kind], updated_after=rfc3339(since_ms),
        )  # fmt: skip
        return (inner(each, kind.lower()) for each in found)

    def _take(self, event: dict[str, Any], received_at_ms: int) -> Translated:
        kind = str(event.get("type"))
        about = inner(inner(event, "data"), "object")
        family = kind.split(".", maxsplit=1)[0]
        if kind == "inventory.count.updated":
            found = about.get("inventory_counts")
            if not isinstance(found, list):
                raise PayloadRefused("data.object.inventory_counts is not a list")
            return translate.counts(found, self._shop, ReadContext(received_at_ms))
        if family == "payment":
            return self._paid(about.get("payment"), received_at_ms)
        if family == "refund":
            return self._refunded(about.get("refund"), received_at_ms)
        if family == "order":
            return self._order_changed(about, received_at_ms)
        return left_out(f"event {kind[:64]}", SkipReason.no_content)

    def _paid(self, payment: object, received_at_ms: int) -> Translated:
        if not isinstance(payment, dict):
            raise PayloadRefused("data.object.payment is missing")
        if payment.get("status") != "COMPLETED":
            reason = SkipReason.cancelled if payment.get("status") == "CANCELED" else SkipReason.unpaid
            return left_out("payment", reason)
        occurred_at_ms = None
        # Square's own times of an order that was paid offline are when the till came online again.
        with suppress(FieldRefused):
            occurred_at_ms = time_ms(inner(payment, "offline_payment_details"), "client_created_at", UTC_ZONE)
        return self._fetched(payment, received_at_ms, occurred_at_ms)

    def _refunded(self, refund: object, received_at_ms: int) -> Translated:
        if not isinstance(refund, dict):
            raise PayloadRefused("data.object.refund is missing")
        if refund.get("status") != "COMPLETED":
            return left_out("refund", SkipReason.unpaid)
        if refund.get("unlinked") is True:
            return left_out("refund", SkipReason.unlinked)
        return self._fetched(refund, received_at_ms)

    def _order_changed(self, about: Json, received_at_ms: int) -> Translated:
        changed = next((each for each in about.values() if isinstance(each, dict)), None)
        if changed is None:
            raise PayloadRefused("data.object names no order")
        if changed.get("state") == "DRAFT":
            return left_out("order", SkipReason.unpaid)
        return self._fetched(changed, received_at_ms)

    def _fetched(self, named: dict[str, Any], received_at_ms: int, occurred_at_ms: int | None = None) -> Translated:
        """The order that a payment, a refund or an order's change names."""
        order_id = named.get("order_id")
        if named.get("location_id") not in (None, self._options.location_id):
            return left_out("order", SkipReason.other_store)
        if order_id is None:  # a payment without an order: an amount alone
            return left_out("order", SkipReason.no_content)
        if not isinstance(order_id, str) or not _ID.fullmatch(order_id):
            raise PayloadRefused("order_id is not an id of Square's")
        try:
            answer = self._call(self._square.orders.get, order_id=order_id)
        except NotFound:
            return Translated(problems=(Problem(f"order {order_id}", "Square does not have it"),))
        return translate.orders([answer.get("order")], self._shop, ReadContext(received_at_ms), occurred_at_ms)

    def _read_orders(self, from_ms: int) -> Iterator[FeedPage]:
        query = {
            "filter": {
                "date_time_filter": {"updated_at": {"start_at": rfc3339(from_ms)}},
                "state_filter": {"states": ["OPEN", "COMPLETED", "CANCELED"]},
            },
            "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"},
        }
        searched = self._searched(
            self._square.orders.search, "orders", query, location_ids=[self._options.location_id],
            limit=ORDERS_A_PAGE, return_entries=False,
        )  # fmt: skip
        for found in searched:
            translated = translate.orders(found, self._shop, ReadContext(self._now_ms(), from_ms))
            yield FeedPage(translated, newest_ms(found, "updated_at", UTC_ZONE))

    def _read_events(self, from_ms: int) -> Iterator[FeedPage]:
        """Events that webhooks delivered, or should have delivered. Source: Square, Events API."""
        query = {
            "filter": {"event_types": list(EVENT_TYPES), "created_at": {"start_at": rfc3339(from_ms)}},
            "sort": {"field": "DEFAULT", "order": "ASC"},
        }
        for found in self._searched(self._square.events.search_events, "events", query, limit=EVENTS_A_PAGE):
            parts = ((f"event {event.get('event_id')}/", self._replayed(event)) for event in found)
            yield FeedPage(joined(parts), newest_ms(found, "created_at", UTC_ZONE))

    def _replayed(self, event: dict[str, Any]) -> Translated:
        try:
            return self._take(event, self._now_ms())
        except PayloadRefused as refused:
            return Translated(problems=(Problem("", str(refused)),))

    def _read_changes(self, from_ms: int) -> Iterator[FeedPage]:
        """Listed by the time they occurred, not by that of their record: the cursor is known at the end alone."""
        found = self._list(
            self._square.inventory.batch_get_changes, location_ids=[self._options.location_id],
            types=["PHYSICAL_COUNT", "ADJUSTMENT", "TRANSFER"], updated_after=rfc3339(from_ms),
        )  # fmt: skip
        latest_ms: int | None = None
        while part := list(islice(found, CHANGES_AT_ONCE)):
            found_in = [inner(each, str(each.get("type")).lower()) for each in part]
            latest_ms = _later_ms(latest_ms, newest_ms(found_in, "created_at", UTC_ZONE))
            yield FeedPage(translate.changes(part, self._shop, ReadContext(self._now_ms(), from_ms)), None)
        yield FeedPage(Translated(), latest_ms)

    def _read_counts(self, from_ms: int) -> Iterator[FeedPage]:
        """Listed newest first: the cursor is known at the end alone."""
        found = self._list(
            self._square.inventory.batch_get_counts, location_ids=[self._options.location_id], states=["IN_STOCK"],
            updated_after=rfc3339(from_ms),
        )  # fmt: skip
        latest_ms: int | None = None
        while part := list(islice(found, CHANGES_AT_ONCE)):
            latest_ms = _later_ms(latest_ms, newest_ms(part, "calculated_at", UTC_ZONE))
            yield FeedPage(translate.counts(part, self._shop, ReadContext(self._now_ms(), from_ms)), None)
        yield FeedPage(Translated(), latest_ms)

    def _call(self, method: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
        """Call Square, and return its answer as plain JSON values. Raises Unavailable, AccessRefused, NotFound."""
        try:
            answer = method(**arguments, request_options=_ONCE)
        except ApiError as error:
            raise _failure(error) from None  # its text holds the answer's body
        plain: dict[str, Any] = answer.model_dump(mode="json", exclude_none=True)
        return plain

    def _searched(
        self, method: Callable[..., Any], name: str, query: Json, **arguments: Any
    ) -> Iterator[list[dict[str, Any]]]:
        """The pages of a search, in its order. Raises as `_call`."""
        cursor: dict[str, str] = {}
        while True:
            answer = self._call(method, query=query, **arguments, **cursor)
            yield answer.get(name) or []
            if not answer.get("cursor"):
                return
            cursor = {"cursor": answer["cursor"]}

    def _list(self, method: Callable[..., Any], **arguments: Any) -> Iterator[dict[str, Any]]:
        """The items of a list that Square gives page by page. Raises as `_call`."""
        try:
            for item in method(**arguments, request_options=_ONCE):
                yield item.model_dump(mode="json", exclude_none=True)
        except ApiError as error:
            raise _failure(error) from None


def make(options: SquareOptions, store: StoreContext, context: ConnectorContext) -> VendorConnector:
    """The factory that the entry point names."""
    vendor = SquareVendor(options, store)
    channel = SoldStock(vendor) if options.write_back else None
    return VendorConnector(vendor, options, store, context, channel=channel)


def _failure(error: ApiError) -> Exception:
    codes = ", ".join(sorted({str(each.code) for each in error.errors}))
    if error.status_code in (401, 403):
        return AccessRefused(
            f"Square answers {error.status_code} ({codes}); give it an access token with ORDERS_READ, INVENTORY_READ, "
            "ITEMS_READ, PAYMENTS_READ and MERCHANT_PROFILE_READ; with write_back INVENTORY_WRITE, too"
        )
    if error.status_code == httpx.codes.NOT_FOUND:
        return NotFound("Square does not have it")
    return Unavailable(f"Square answers {error.status_code} ({codes})", 60)


def _later_ms(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)
