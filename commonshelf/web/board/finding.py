"""Stores that have an item, as a customer or a till asks for them: the nearest first, by when, and how to collect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from commonshelf.web.board.now import name_of
from commonshelf.web.board.visit import Visit
from commonshelf.web.callers import Sight
from messaging.clock import wall_clock_ms
from schemas.types.catalog import CatalogItem
from schemas.types.config import PickupPlace, StoreSettings
from schemas.types.directory import Band
from schemas.types.stock import Availability
from streams.pool.orders.geo import distance_m
from streams.pool.tasks.opening_hours import time_after


@dataclass(frozen=True)
class Offer:
    """A store that may give an item. ready_ms: when it can be picked at the earliest, ms since 1970 UTC."""

    store: str
    name: str
    band: Band
    available_milli: int | None
    """Its number, for who may see it."""
    distance_m: int | None
    ready_ms: int
    places: Sequence[str]
    """Names of the places at which its goods are handed over by appointment."""


def offers(visit: Visit, item: CatalogItem, near: str) -> list[Offer]:
    """The stores that have an item and may be shown to the visitor; near: a store, from which distances are told."""
    sight = visit.sight()
    rows = [row for row in visit.views.shelves(visit.pool, item["sku"]) if sight.shelf(item, row) not in (None, "out")]
    places = visit.views.places(visit.pool)
    found = [_offer(visit, sight, item, row, near, places) for row in rows]
    return sorted(found, key=lambda one: (one.distance_m or 0, one.band != "in", one.ready_ms, one.name))


def _offer(
    visit: Visit, sight: Sight, item: CatalogItem, row: Availability, near: str, places: Mapping[str, PickupPlace]
) -> Offer:
    store = sight.stores[row["store"]]
    settings, band = visit.settings, sight.shelf(item, row)
    assert settings is not None and band is not None, "chosen so"  # noqa: PT018
    now_ms = wall_clock_ms()
    away = None if near not in sight.stores else distance_m(_point(sight.stores[near]), _point(store))
    return Offer(
        store=row["store"],
        name=name_of(sight.stores, row["store"]),
        band=band,
        available_milli=row["available_milli"] if sight.has_numbers(row["store"]) else None,
        distance_m=away,
        ready_ms=time_after(store, settings["time_zone"], now_ms, settings["preparation_ms"]),
        places=[
            place["name"] or name for name, place in places.items() if place["open"] and row["store"] in place["stores"]
        ],
    )


def _point(store: StoreSettings) -> tuple[int, int]:
    return store["latitude_e6"], store["longitude_e6"]
