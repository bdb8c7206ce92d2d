"""Callers of pages and the API, and their sight: nobody in particular, a store's key, a service's key.

Pages and the API ask the same: `Caller.sees_numbers`, `Caller.may`, `bands_for`. Nobody sees numbers of a store but its
own keys, and who has a grant of it; all others see bands, and the public only of what a store shows.
"""

import ipaddress
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from starlette.requests import HTTPConnection

from commonshelf.desks.api_tokens import opens, token_parts
from commonshelf.web.views.changes import Change
from commonshelf.web.views.pool_views import PoolViews
from messaging.clock import wall_clock_ms
from schemas.models.access import LOW_BELOW_MILLI, Scope
from schemas.types.access import ApiKey, NumbersGrant, PublicListing
from schemas.types.catalog import CatalogItem
from schemas.types.config import StoreSettings
from schemas.types.directory import Band
from schemas.types.stock import Availability
from streams.directory.bands import band_of, shown_to_public
from streams.pool.tasks.opening_hours import takes_part

_BANDS_MAX = 500_000


@dataclass(frozen=True)
class Caller:
    """One who asks."""

    name: str
    """For limits: the key's id, or the address."""
    pool: str | None = None
    """The pool of the key; None without a key."""
    key: ApiKey | None = None

    @property
    def is_public(self) -> bool:
        return self.key is None

    @property
    def store(self) -> str | None:
        """The store that it acts for; None for the public and for services of the whole pool."""
        return None if self.key is None else self.key["store"]

    @property
    def is_service(self) -> bool:
        """Whether it is a service of the whole pool."""
        return self.key is not None and self.key["store"] is None

    @property
    def label(self) -> str:
        return "public" if self.key is None else self.key["label"]

    @property
    def audience(self) -> Hashable:
        """Callers of the same audience see and hear the same: the holders of one key, or the public."""
        if self.key is None:
            return None
        return self.pool, self.key["key_id"], self.key["store"], *self.key["scopes"]

    def may(self, scope: Scope, pool: str, store: str | None = None) -> bool:
        """Whether it may do that in `pool`, and for `store` where one is named."""
        if self.key is None or self.pool != pool or scope not in self.key["scopes"]:
            return False
        return store is None or self.key["store"] in (None, store)

    def sees_numbers(self, pool: str, grants: list[NumbersGrant], now_ms: int) -> Callable[[str], bool]:
        """Which stores' numbers it may see. `grants` are the pool's."""
        if self.key is None or not self.may("shelves:read", pool):
            return lambda _: False
        key_id, own = self.key["key_id"], self.key["store"]
        opened = {
            grant["store"]
            for grant in grants
            if grant["from_ms"] <= now_ms < grant["until_ms"]
            and (grant["ended_at_ms"] is None or now_ms < grant["ended_at_ms"])
            and (key_id in grant["to_keys"] or own in grant["to_stores"])
        }
        return lambda store: store == own or store in opened


class UnknownToken(Exception):
    """A token that is none, or is over."""


def address_of(request: HTTPConnection) -> str:
    """Where one asks from: the address, and of IPv6 the network, of which one caller has all addresses."""
    host = request.client.host if request.client is not None else "unknown"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return host if address.version == 4 else str(ipaddress.ip_network(f"{host}/64", strict=False))


def caller_of(views: PoolViews, token: str | None, address: str) -> Caller:
    """Who sends this token, or asks from this address without one. Raises UnknownToken, ViewDamaged, ViewFailed."""
    if token is None:
        return Caller(address)
    parts = token_parts(token)
    if parts is None:
        raise UnknownToken
    key_id, secret = parts
    found = views.key(key_id)
    if found is None or not opens(found[1], secret, wall_clock_ms()):
        raise UnknownToken
    return Caller(key_id, *found)


def is_over(views: PoolViews, caller: Caller) -> bool:
    """Whether a live stream of the caller is to end: its key was revoked, or has ended, or the server is stopping."""
    if views.changes.is_ended:
        return True
    if caller.key is None:
        return False
    found = views.key(caller.key["key_id"])
    return found is None or not is_live(found[1], wall_clock_ms())


def is_live(key: ApiKey, now_ms: int) -> bool:
    """Whether a key is neither revoked nor over."""
    ends_ms = (key["expires_at_ms"], key["revoked_at_ms"])
    return not any(at_ms is not None and at_ms <= now_ms for at_ms in ends_ms)


def is_open(store: StoreSettings, zone: str) -> bool:
    """Whether a store may be promised something now, by its settings and by the pool's calendar."""
    return store["open"] and takes_part(store, zone, wall_clock_ms())


class BandWatch:
    """Notices when a shelf's band is another, for those who may not hear that goods moved. For one event loop.

    What is told of a shelf for the first time counts as news.
    """

    def __init__(self, views: PoolViews) -> None:
        self._views = views
        self._told: dict[tuple[str, str], tuple[Band, Band | None]] = {}

    def __call__(self, change: Change) -> Iterator[Change]:
        """The changes of bands that follow from a change of a shelf."""
        if change.kind != "shelf":
            return
        sku, _, store = change.name.rpartition("/")
        row, item = self._views.shelf(change.pool, sku, store), self._views.item(change.pool, sku)
        if row is None or item is None:
            return
        listing = self._views.listing(change.pool, store)
        low_below_milli = LOW_BELOW_MILLI if listing is None else listing["low_below_milli"]
        band = band_of(row["available_milli"], low_below_milli)
        shown = band if shown_to_public(listing, item["category"]) else None
        if len(self._told) > _BANDS_MAX:
            self._told.clear()
        before = self._told.get((change.pool, change.name))
        self._told[change.pool, change.name] = band, shown
        if before is None or before[0] != band:
            yield change._replace(kind="band")
        if shown is not None and (before is None or before[1] != shown):
            yield change._replace(kind="public_band")


@dataclass(frozen=True)
class Sight:
    """The sight of one caller of a pool's shelves at a moment."""

    stores: Mapping[str, StoreSettings]
    listings: Mapping[str, PublicListing]
    zone: str
    """Of the pool's calendar."""
    has_numbers: Callable[[str], bool]
    is_public: bool

    @classmethod
    def of(cls, views: PoolViews, caller: Caller, pool: str) -> "Sight":
        is_member = caller.pool == pool
        has_numbers = caller.sees_numbers(pool, views.grants(pool) if is_member else [], wall_clock_ms())
        settings = views.settings(pool)
        zone = "UTC" if settings is None else settings["time_zone"]
        return cls(views.stores(pool), views.listings(pool), zone, has_numbers, is_public=not is_member)

    @cached_property
    def _open(self) -> frozenset[str]:
        """The stores that may be promised something."""
        return frozenset(name for name, store in self.stores.items() if is_open(store, self.zone))

    def shelf(self, item: CatalogItem, row: Availability) -> Band | None:
        """The band of a shelf; None when the caller may not know of it."""
        if row["store"] not in self._open:
            return None
        listing = self.listings.get(row["store"])
        if self.is_public and not shown_to_public(listing, item["category"]):
            return None
        return band_of(row["available_milli"], LOW_BELOW_MILLI if listing is None else listing["low_below_milli"])
