"""Loyverse over the network: webhooks that carry what changed, and lists that are read page by page."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connectors.context import ConnectorContext
from connectors.contract import AccessRefused, Delivery, SkipReason, StoreContext, Translated, Unavailable
from connectors.http.client import NotFound, TokenAuth, api_client, call
from connectors.http.payload import PayloadRefused, parse
from connectors.http.secrets import Secrets
from connectors.http.tokens import TokenEndpoint
from connectors.loyverse import translate
from connectors.loyverse.spec import LoyverseOptions
from connectors.vendor.connector import VendorConnector
from connectors.vendor.contract import Feed, FeedPage, VendorObject
from connectors.vendor.fields import UTC_ZONE, Json, ReadContext, left_out, newest_ms, parts, rfc3339
from connectors.vendor.renewal import api_token
from connectors.vendor.signature import hmac_sha1_base64, require
from messaging.clock import wall_clock_ms

BASE_URL = "https://api.loyverse.com"
API = "/v1.0"
SIGNATURE = "X-Loyverse-Signature"
PAGE_SIZE = 250
ADVICE = "connect the application to the Loyverse account anew, and put both its tokens into their files"
ITEMS_OVERLAP_MS = 900_000
"""Items are read again so far before the newest that is known, for what is listed late."""


class LoyverseVendor:
    """One store of a Loyverse account. Raises SecretUnusable. now_ms: the clock."""

    media_types = frozenset({"application/json"})

    def __init__(
        self, options: LoyverseOptions, store: StoreContext, now_ms: Callable[[], int] = wall_clock_ms
    ) -> None:
        self._options = options
        self._store = store
        self._now_ms = now_ms
        self._secrets = Secrets(options.webhook_secrets())
        base_url = options.base_url or BASE_URL
        endpoint = TokenEndpoint("Loyverse", base_url, "/oauth/token", options.request_timeout_s, ADVICE)
        token = api_token(options, "Loyverse access token", endpoint, secrets=self._secrets.current)
        self._http = api_client(base_url, TokenAuth(token), timeout_s=options.request_timeout_s)
        self._found_store_id: str | None = None
        self._variants: dict[str, translate.Variant] = {}
        self._items_upto_ms: int | None = None
        self._items_lock = threading.Lock()

    def verify(self, delivery: Delivery) -> None:
        """Loyverse signs the raw body with the client secret of the application that made the webhook."""
        require(delivery, SIGNATURE, self._secrets.current(), hmac_sha1_base64)

    def receive(self, delivery: Delivery) -> Translated:
        payload = parse(delivery.body)
        reading = ReadContext(delivery.received_at_ms)
        match payload.get("type"):
            case "receipts.update":
                found = _listed(payload, "receipts")
                return translate.receipts(found, self._shop(_sold_variants(found)), reading)
            case "inventory_levels.update":
                found = _listed(payload, "inventory_levels")
                named = set(map(translate.variant_id_of, found)) - {""}
                return translate.levels(found, self._shop(named), reading)
        return left_out("", SkipReason.no_content)

    def feeds(self) -> Sequence[Feed]:
        overlap_ms = self._options.poll_overlap_s * 1000
        return (
            Feed("receipts", self._read_receipts, self._now_ms, overlap_ms),
            Feed("levels", self._read_levels, self._now_ms, overlap_ms),
        )

    def check(self) -> str:
        store_id = self._store_id()
        name = next(found.name for found in self._stores() if found.id == store_id)
        return f"store {store_id} ({name})"

    def discover(self) -> Iterator[VendorObject]:
        yield from self._stores()
        for item in self._all("items"):
            for variant in (each for each in parts(item, "variants") if isinstance(each, Mapping)):
                words = (item.get("item_name"), *(variant.get(f"option{number}_value") for number in (1, 2, 3)))
                yield VendorObject(
                    "item", str(variant.get("variant_id")), " ".join(str(word) for word in words if word),
                    str(variant.get("barcode") or ""), str(variant.get("sku") or ""),
                )  # fmt: skip

    def close(self) -> None:
        self._http.close()

    def _read_receipts(self, from_ms: int) -> Iterator[FeedPage]:
        """Listed newest first: the cursor is known at the end alone."""
        shop = self._shop()
        yield from self._read(
            "receipts", from_ms, lambda found, reading: translate.receipts(found, shop, reading), shop.store_id
        )

    def _read_levels(self, from_ms: int) -> Iterator[FeedPage]:
        """Listed in no order of time: the cursor is known at the end alone."""
        shop = self._shop()
        yield from self._read(
            "inventory", from_ms, lambda found, reading: translate.levels(found, shop, reading), shop.store_id
        )

    def _read(
        self, what: str, from_ms: int, read: Callable[[list[Json], ReadContext], Translated], store_id: str
    ) -> Iterator[FeedPage]:
        latest_ms: int | None = None
        by_store = {"store_id": store_id} if what == "receipts" else {"store_ids": store_id}
        for found in self._pages(what, updated_at_min=rfc3339(from_ms), **by_store):
            times = (latest_ms, newest_ms(found, "updated_at", UTC_ZONE))
            latest_ms = max((each for each in times if each is not None), default=None)
            yield FeedPage(read(found, ReadContext(self._now_ms(), from_ms)), None)
        yield FeedPage(Translated(), latest_ms)

    def _shop(self, wanted: set[str] | None = None) -> translate.LoyverseShop:
        """The store, with the items as they are now; for `wanted` variants, as they were when all were known."""
        with self._items_lock:
            if wanted is None or self._items_upto_ms is None or not wanted <= self._variants.keys():
                self._read_items()
            return translate.LoyverseShop(
                self._store, self._store_id(), self._options.returns_restocked, dict(self._variants)
            )

    def _read_items(self) -> None:
        """Read the items that changed since the newest that is known; at first, all."""
        since = {}
        if self._items_upto_ms is not None:
            since = {"updated_at_min": rfc3339(self._items_upto_ms - ITEMS_OVERLAP_MS)}
        upto_ms = self._items_upto_ms or 0
        for found in self._pages("items", show_deleted="true", **since):
            for item in found:
                self._variants |= translate.variants_of(item)
            upto_ms = max(upto_ms, newest_ms(found, "updated_at", UTC_ZONE) or 0)
        self._items_upto_ms = upto_ms or self._now_ms()

    def _store_id(self) -> str:
        """The store's id, asked for once. Raises AccessRefused when it is not one of the account's."""
        if self._found_store_id is None:
            stores = list(self._stores())
            ids = [found.id for found in stores]
            wanted = self._options.store_id
            if wanted is None and len(ids) == 1:
                wanted = ids[0]
            if wanted not in ids:
                listed = ", ".join(f"{found.id} ({found.name})" for found in stores)
                raise AccessRefused(f"set store_id to the store at Loyverse, one of: {listed or 'none'}")
            self._found_store_id = wanted
        return self._found_store_id

    def _stores(self) -> Iterator[VendorObject]:
        for store in self._all("stores"):
            yield VendorObject("store", str(store.get("id")), str(store.get("name")))

    def _all(self, what: str) -> Iterator[Json]:
        for found in self._pages(what):
            yield from found

    def _pages(self, what: str, **asked: str) -> Iterator[list[Json]]:
        """The pages of a list. Raises Unavailable, AccessRefused."""
        cursor: dict[str, str] = {}
        name = "inventory_levels" if what == "inventory" else what
        while True:
            answer = self._get(f"{API}/{what}", {"limit": str(PAGE_SIZE), **asked, **cursor})
            found = answer.get(name) if isinstance(answer, Mapping) else None
            if not isinstance(found, list):
                raise Unavailable(f"Loyverse's list of {what} is no list", 60)
            yield [each for each in found if isinstance(each, Mapping)]
            if not answer.get("cursor"):
                return
            cursor = {"cursor": str(answer["cursor"])}

    def _get(self, path: str, asked: Mapping[str, str]) -> Any:
        try:
            return call(self._http, "GET", path, params=asked)
        except NotFound as error:
            raise Unavailable(f"{error}: not found at Loyverse; check base_url", 60) from error


def make(options: LoyverseOptions, store: StoreContext, context: ConnectorContext) -> VendorConnector:
    """The factory that the entry point names."""
    return VendorConnector(LoyverseVendor(options, store), options, store, context)


def _listed(payload: Json, name: str) -> Sequence[object]:
    found = payload.get(name)
    if not isinstance(found, list):
        raise PayloadRefused(f"{name} is not a list")
    return found


def _sold_variants(receipts: Sequence[object]) -> set[str]:
    """The variants that receipts' lines name."""
    lists = [each.get("line_items") for each in receipts if isinstance(each, Mapping)]
    lines = [line for found in lists if isinstance(found, list) for line in found]
    return set(map(translate.variant_id_of, lines)) - {""}
