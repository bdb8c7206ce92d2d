"""Events that are known ahead to change demand: where they reach, and from what uplift their kind starts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from streams.pool.orders.geo import Point, distance_m
from streams.restock.forecast.rates import Day, Occasion
from streams.restock.forecast.state import Kind, Layout

PUBLIC_HOLIDAY, HOLIDAY_EVE = "public holiday", "day before a holiday"
PRIOR_PERMILLE = {
    "leaflet": 1_500, "display": 1_300, "street fair": 1_300, "market": 1_200, "concert": 1_200, "match": 1_200,
    "school holiday": 1_000, "roadworks": 800, PUBLIC_HOLIDAY: 800, HOLIDAY_EVE: 1_200,
}  # fmt: skip
"""The uplift that a kind starts from until sales have shown its own, permille."""
OTHER_PRIOR_PERMILLE = 1_100
"""The same of a kind that is not named above."""


class Event(NamedTuple):
    """Something on one day or more that draws customers or keeps them away."""

    kind: str
    """One that PRIOR_PERMILLE names, or a new one; in small letters."""
    name: str
    first_day: date
    last_day: date
    place: Point | None = None
    """None: it has no place, and reaches all stores."""
    radius_m: int = 0
    """Metres around the place within which a store feels it."""
    stores: frozenset[str] | None = None
    """None: all that its place reaches."""
    skus: frozenset[str] | None = None
    """None: all items."""


class Shelves(NamedTuple):
    """The names behind the numbers of a layout."""

    layout: Layout
    stores: Sequence[str]
    skus: Sequence[str]
    places: Mapping[str, Point]
    """Store → its place; a store without one feels no event that has a place."""


def kinds_of(events: Iterable[Event]) -> list[Kind]:
    """The kinds of the events, by name, with the uplift that each starts from."""
    names = sorted({event.kind for event in events})
    return [Kind(name, PRIOR_PERMILLE.get(name, OTHER_PRIOR_PERMILLE)) for name in names]


def day_of(events: Iterable[Event], kinds: Sequence[Kind], shelves: Shelves, day: date) -> Day:
    """A day as the forecast takes it. Two events of one kind on a shelf are one occasion.

    kinds: those of the events, and maybe more. Raises KeyError for an event of none of them.
    """
    numbers = {kind.name: number for number, kind in enumerate(kinds)}
    reached: dict[int, Occasion] = {}
    for event in events:
        if not event.first_day <= day <= event.last_day:
            continue
        kind = numbers[event.kind]
        stores = np.array([_reaches(event, store, shelves.places.get(store)) for store in shelves.stores], np.bool_)
        items = np.array([event.skus is None or sku in event.skus for sku in shelves.skus], np.bool_)
        on = stores[shelves.layout.store] & items[shelves.layout.item]
        reached[kind] = Occasion(kind, on | reached[kind].shelves if kind in reached else on)
    return Day(day.weekday(), tuple(reached[kind] for kind in sorted(reached)))


def _reaches(event: Event, store: str, place: Point | None) -> bool:
    if event.stores is not None and store not in event.stores:
        return False
    return event.place is None or (place is not None and distance_m(event.place, place) <= event.radius_m)
