"""Events that are known ahead to change demand: where they reach, and from what uplift their kind starts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.types.local_calendar import LocalCalendar
from streams.pool.orders.geo import Point, distance_m
from streams.restock.forecast.rates import Occasion
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


def kinds_named(names: Iterable[str]) -> list[Kind]:
    """Kinds with the uplift that each starts from."""
    return [Kind(name, PRIOR_PERMILLE.get(name, OTHER_PRIOR_PERMILLE)) for name in names]


def kinds_of(events: Iterable[Event]) -> list[Kind]:
    """The kinds of the events, by name."""
    return kinds_named(sorted({event.kind for event in events}))


def events_of(calendar: LocalCalendar) -> list[Event]:
    """The events of a calendar as it is told on the topic."""
    found = []
    for one in calendar["events"]:
        latitude, longitude = one["latitude_e6"], one["longitude_e6"]
        place = None if latitude is None or longitude is None else (latitude, longitude)
        found.append(Event(
            one["kind"], one["name"], date.fromisoformat(one["first_day"]), date.fromisoformat(one["last_day"]), place,
            one["radius_m"], frozenset(one["stores"]) or None, frozenset(one["skus"]) or None,
        ))  # fmt: skip
    return found


class Occasions:
    """Events as occasions on a pool's shelves. Two events of one kind on a shelf are one occasion."""

    def __init__(self, events: Iterable[Event], kinds: Sequence[Kind], shelves: Shelves) -> None:
        """Kinds are those of the events, and maybe more. Raises KeyError for an event of none of them."""
        numbers = {kind.name: number for number, kind in enumerate(kinds)}
        self._events = [(numbers[event.kind], event) for event in sorted(events, key=_by_day)]
        self._shelves = shelves
        self._reached: dict[int, NDArray[np.bool_]] = {}

    def on(self, day: date) -> tuple[Occasion, ...]:
        """Those of a day, by kind."""
        found: dict[int, Occasion] = {}
        for place, (kind, event) in enumerate(self._events):
            if event.first_day <= day <= event.last_day:
                reached = self._reach(place)
                found[kind] = Occasion(kind, reached | found[kind].shelves if kind in found else reached)
        return tuple(found[kind] for kind in sorted(found))

    def named(self, kind: int, shelf: int, first_day: date, last_day: date) -> Event | None:
        """The first event of a kind that a shelf feels on one of the days, last one included."""
        for place, (of, event) in enumerate(self._events):
            if of == kind and event.first_day <= last_day and event.last_day >= first_day and self._reach(place)[shelf]:
                return event
        return None

    def _reach(self, place: int) -> NDArray[np.bool_]:
        """The shelves that an event reaches; worked out when it is first asked for."""
        if place not in self._reached:
            event, of = self._events[place][1], self._shelves
            stores = np.array([_reaches(event, store, of.places.get(store)) for store in of.stores], np.bool_)
            items = np.array([event.skus is None or sku in event.skus for sku in of.skus], np.bool_)
            self._reached[place] = stores[of.layout.store] & items[of.layout.item]
        return self._reached[place]


def _by_day(event: Event) -> tuple[date, str, str]:
    return event.first_day, event.name, event.kind


def _reaches(event: Event, store: str, place: Point | None) -> bool:
    if event.stores is not None and store not in event.stores:
        return False
    return event.place is None or (place is not None and distance_m(event.place, place) <= event.radius_m)
