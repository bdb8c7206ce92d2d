"""One pool's directory: what is known of it, and what follows for everybody: stores, bands, aggregates."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Literal, NamedTuple

from schemas.topics import PUBLIC_AGGREGATES, PUBLIC_BANDS, PUBLIC_STORES
from schemas.types.access import AccessSetting, PublicListing
from schemas.types.catalog import CatalogItem
from schemas.types.config import ConfigChange
from schemas.types.directory import (
    AggregateGroup,
    AggregateGroupsRow,
    Band,
    DirectoryPoolRow,
    DirectoryShelfRow,
    PublicAggregate,
    PublicBand,
    PublicPlace,
    PublicStore,
)
from schemas.types.stock import Availability
from streams.catalog.pool_config import PoolConfig
from streams.directory.aggregates import counted, regroup
from streams.directory.bands import band_of, counts_in_aggregates, shown_to_public
from streams.directory.tables import CONFIG, GROUPS, ITEMS, LISTINGS, POOLS, SHELVES, STORES
from streams.pool.state.tables import Tables
from streams.pool.tasks.opening_hours import local_day

_TAKEN = (
    "commonshelf.PoolSettings", "commonshelf.StoreSettings", "commonshelf.PickupPlace",
    "commonshelf.ParkedOffset", "commonshelf.AcceptedGap",
)  # fmt: skip
"""Kinds of settings that say something here: of the pool, or of what the worker steps over."""
_EPOCH = date(1970, 1, 1).toordinal()


class _Item(NamedTuple):
    """An item in the words that everybody is told."""

    name: str
    gtin: str | None
    category: str


class Told(NamedTuple):
    """A record for everybody; without a value it takes back what was told under its key."""

    topic: str
    key: str
    value: PublicStore | PublicBand | PublicAggregate | None


class DirectoryPool:
    """A pool's stores, listings and shelves. What takes something in yields what everybody is told of it."""

    def __init__(self, pool: str, tables: Tables) -> None:
        self.pool = pool
        self.config = PoolConfig()
        self._tables = tables
        self._row: DirectoryPoolRow = {"pool": pool, "day": 0}
        self._items: dict[str, _Item] = {}
        self._listings: dict[str, PublicListing] = {}
        self._shelves: dict[tuple[str, str], DirectoryShelfRow] = {}
        """(SKU, store) → its row."""
        self._skus: defaultdict[str, dict[str, None]] = defaultdict(dict)
        """Store → the items that it has a shelf of."""
        self._holders: defaultdict[str, dict[str, None]] = defaultdict(dict)
        """SKU → the stores that have a shelf of it."""
        self._told: dict[str, PublicStore] = {}
        self._groups: dict[str, list[AggregateGroup]] = {}

    # --- restored rows ----------------------------------------------------------------------------------

    def load_row(self, row: DirectoryPoolRow) -> None:
        """Take the committed row of the pool itself."""
        self._row = row

    def load_change(self, change: ConfigChange) -> None:
        """Take a setting."""
        self.config.apply_change(change["change"])

    def load_item(self, item: CatalogItem) -> None:
        """Take an item of the product master."""
        self._items[item["sku"]] = _Item(item["name"], item["gtin"], item["category"])

    def load_listing(self, setting: AccessSetting) -> None:
        """Take what a store shows."""
        shown = setting["setting"]
        if shown[0] == "commonshelf.PublicListing":
            self._listings[shown[1]["store"]] = shown[1]

    def load_shelf(self, row: DirectoryShelfRow) -> None:
        """Take a committed row."""
        sku, store = row["sku"], row["store"]
        self._shelves[sku, store] = row
        self._skus[store][sku] = None
        self._holders[sku][store] = None

    def load_store(self, row: PublicStore) -> None:
        """Take a store as everybody was told of it."""
        self._told[row["store"]] = row

    def load_groups(self, row: AggregateGroupsRow) -> None:
        """Take who is counted with whom in a category."""
        self._groups[row["category"]] = row["groups"]

    # --- what is taken in -------------------------------------------------------------------------------

    def take_change(self, key: str, change: ConfigChange) -> Iterator[Told]:
        """Take a setting of the pool, whose key in the topic is `key`."""
        new = change["change"]
        if new[0] not in _TAKEN:
            return
        stores = {new[1]["store"]} if new[0] == "commonshelf.StoreSettings" else set()
        if new[0] == "commonshelf.PickupPlace":
            stores = {*new[1]["stores"], *self._stores_of_place(new[1]["place"])}
        self.load_change(change)
        self._tables[CONFIG].put((self.pool, key.partition("/")[2]), change)
        for store in sorted(stores):
            yield from self._tell_store(store)
        if new[0] == "commonshelf.StoreSettings":
            yield from self._tell_shelves((sku, new[1]["store"]) for sku in self._skus[new[1]["store"]])

    def take_item(self, item: CatalogItem) -> Iterator[Told]:
        """Take an item of the product master."""
        sku = item["sku"]
        known = self._items.get(sku)
        self.load_item(item)
        self._tables[ITEMS].put((self.pool, sku), item)
        if self._items[sku] != known:
            yield from self._tell_shelves([(sku, store) for store in self._holders[sku]], is_item_new=True)

    def take_listing(self, setting: AccessSetting) -> Iterator[Told]:
        """Take what a store shows; keys and grants say nothing here."""
        shown = setting["setting"]
        if shown[0] != "commonshelf.PublicListing":
            return
        self.load_listing(setting)
        store = shown[1]["store"]
        self._tables[LISTINGS].put((self.pool, store), setting)
        yield from self._tell_store(store)
        yield from self._tell_shelves((sku, store) for sku in self._skus[store])

    def take_shelf(self, shelf: Availability) -> Iterator[Told]:
        """Take what a shelf may promise."""
        key = (shelf["sku"], shelf["store"])
        known = self._shelves.get(key)
        row: DirectoryShelfRow = {
            "pool": self.pool, "sku": shelf["sku"], "store": shelf["store"],
            "available_milli": shelf["available_milli"], "band": "" if known is None else known["band"],
        }  # fmt: skip
        self.load_shelf(row)
        self._tables[SHELVES].put((self.pool, *key), row)
        yield from self._tell_shelves([key])

    def forget_shelf(self, sku: str, store: str) -> Iterator[Told]:
        """Take that a shelf is there no more."""
        row = self._shelves.pop((sku, store), None)
        if row is None:
            return
        del self._skus[store][sku], self._holders[sku][store]
        self._tables[SHELVES].delete((self.pool, sku, store))
        if row["band"]:
            yield Told(PUBLIC_BANDS.name, self._key(sku, store), None)

    def take_time(self, at_ms: int) -> Iterator[Told]:
        """Take the time: at the first of a local day, the aggregates are told, once and for good."""
        day = local_day(self.config.pool["time_zone"], at_ms)
        if day <= self._row["day"]:
            return
        is_first = not self._row["day"]
        self._row = {"pool": self.pool, "day": day}
        self._tables[POOLS].put((self.pool,), self._row)
        for store, settings in self.config.stores.items():
            if settings["first_day"] is not None or settings["last_day"] is not None:
                yield from self._tell_store(store)
                yield from self._tell_shelves([(sku, store) for sku in self._skus[store]])
        if not is_first:
            yield from self._aggregates(day)

    def counts(self) -> dict[str, int]:
        """How many stores, and shelves' bands, everybody is told of."""
        return {"stores": len(self._told), "bands": sum(row["band"] != "" for row in self._shelves.values())}

    # --- what everybody is told -------------------------------------------------------------------------

    def _tell_store(self, store: str) -> Iterator[Told]:
        new, known = self._public_store(store), self._told.get(store)
        if new == known:
            return
        if new is None:
            del self._told[store]
            self._tables[STORES].delete((self.pool, store))
        else:
            self._told[store] = new
            self._tables[STORES].put((self.pool, store), new)
        yield Told(PUBLIC_STORES.name, self._key(store), new)

    def _public_store(self, store: str) -> PublicStore | None:
        settings, listing = self.config.stores.get(store), self._listings.get(store)
        if settings is None or listing is None or not listing["is_listed"]:
            return None
        return {
            "pool": self.pool, "store": store, "name": settings["name"], "is_open": self._is_open(store),
            "latitude_e6": settings["latitude_e6"], "longitude_e6": settings["longitude_e6"],
            "opening": settings["opening"], "closed_days": settings["closed_days"],
            "services": listing["services"], "address": listing["address"], "url": listing["url"],
            "shows_bands": listing["shows_bands"], "categories": listing["categories"],
            "places": [self._place(name) for name in self.config.places_of.get(store, ())
                       if self.config.places[name]["open"]],
        }  # fmt: skip

    def _place(self, name: str) -> PublicPlace:
        place = self.config.places[name]
        return {
            "place": name, "name": place["name"], "opening": place["opening"], "closed_days": place["closed_days"],
        }  # fmt: skip

    def _stores_of_place(self, name: str) -> list[str]:
        place = self.config.places.get(name)
        return [] if place is None else place["stores"]

    def _tell_shelves(self, shelves: Iterable[tuple[str, str]], *, is_item_new: bool = False) -> Iterator[Told]:
        for sku, store in shelves:
            row = self._shelves[sku, store]
            band = self._public_band(row)
            if band == row["band"] and not (band and is_item_new):
                continue
            row = self._shelves[sku, store] = {**row, "band": band}
            self._tables[SHELVES].put((self.pool, sku, store), row)
            yield Told(PUBLIC_BANDS.name, self._key(sku, store), None if band == "" else self._told_of(row, band))

    def _told_of(self, row: DirectoryShelfRow, band: Band) -> PublicBand:
        item = self._items[row["sku"]]
        return {
            "pool": self.pool, "sku": row["sku"], "store": row["store"], "name": item.name, "gtin": item.gtin,
            "category": item.category, "band": band,
        }  # fmt: skip

    def _public_band(self, row: DirectoryShelfRow) -> Band | Literal[""]:
        item, listing = self._items.get(row["sku"]), self._listings.get(row["store"])
        if item is None or not self._is_open(row["store"]) or not shown_to_public(listing, item.category):
            return ""
        return self._band(row)

    def _is_open(self, store: str) -> bool:
        """Whether the store takes part on the pool's day; before there was a tick, its first day has not come."""
        settings, day = self.config.stores.get(store), date.fromordinal(self._row["day"] + _EPOCH).isoformat()
        return (
            settings is not None
            and settings["open"]
            and (settings["first_day"] or day) <= day <= (settings["last_day"] or day)
        )

    def _band(self, row: DirectoryShelfRow) -> Band:
        return band_of(row["available_milli"], self._listings[row["store"]]["low_below_milli"])

    def _aggregates(self, day: int) -> Iterator[Told]:
        bands = self._bands_that_count()
        for category in sorted(bands.keys() | self._groups.keys()):
            of_stores = bands.get(category, {})
            known = self._groups.get(category, [])
            groups = regroup(known, of_stores.keys(), day)
            if groups != known:
                self._groups[category] = groups
                row: AggregateGroupsRow = {"pool": self.pool, "category": category, "groups": groups}
                self._tables[GROUPS].put((self.pool, category), row)
            stores = counted(groups)
            if stores:
                total = sum((of_stores[store] for store in stores), Counter[Band]())
                date_text = date.fromordinal(day + _EPOCH).isoformat()
                yield Told(PUBLIC_AGGREGATES.name, self._key(category, date_text), {
                    "pool": self.pool, "category": category, "day": date_text, "stores": len(stores),
                    "shelves": total.total(), "in_stock": total["in"], "low": total["low"], "out": total["out"],
                })  # fmt: skip

    def _bands_that_count(self) -> dict[str, dict[str, Counter[Band]]]:
        """Category → store that lets its shelves of it be counted → how many are in which band."""
        found: defaultdict[str, defaultdict[str, Counter[Band]]] = defaultdict(lambda: defaultdict(Counter))
        for row in self._shelves.values():
            item, listing = self._items.get(row["sku"]), self._listings.get(row["store"])
            if item is not None and self._is_open(row["store"]) and counts_in_aggregates(listing, item.category):
                found[item.category][row["store"]][self._band(row)] += 1
        return {category: dict(of_stores) for category, of_stores in found.items()}

    def _key(self, *names: str) -> str:
        return "/".join((self.pool, *names))
