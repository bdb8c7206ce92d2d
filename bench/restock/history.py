"""The sales that the forecasts of `bench restock` are measured on, in one shape for real and generated data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streams.restock.calendar.events import Event, Occasions, Shelves, kinds_of
from streams.restock.forecast.distribution import Demand
from streams.restock.forecast.learn import DaySales
from streams.restock.forecast.portable import Ints
from streams.restock.forecast.rates import Day, Occasion
from streams.restock.forecast.state import Kind, Layout

LEAFLET = Kind("leaflet", 1_500)
Calendar = Literal["none", "holidays", "leaflet", "all"]
"""What is known ahead: nothing, public holidays, what is on a leaflet, or both."""
_WITH_LEAFLET, _WITH_HOLIDAYS = ("leaflet", "all"), ("holidays", "all")
TEST_DAYS = 56
ORIGINS_EVERY_DAYS = 7


@dataclass(frozen=True)
class History:
    """A rectangle of shelves, store by store, and what they sold day by day. The last eight weeks are for the test."""

    layout: Layout
    first_day: date
    sold: Ints
    """A row for each shelf, a column for each day, in units."""
    squares: Ints
    """A row for each item: the sum of its sale lines' squared quantities."""
    category_sold: Ints
    """By store, category and day: what the store sold of the whole category."""
    leaflet: NDArray[np.bool_]
    """Whether the shelf's item was on its store's leaflet."""
    holidays: Sequence[Event] = ()
    """Public holidays, and the days before them."""
    truth: Callable[[int, int], Demand] | None = None
    """From which day on and for how many: the demand as it was drawn, where somebody knows."""

    @property
    def test_starts(self) -> int:
        """The first day of the test."""
        days: int = self.sold.shape[1]
        return days - TEST_DAYS

    def origins(self, lead: int) -> list[int]:
        """The days on which a forecast for so many days is made."""
        return list(range(self.test_starts, self.sold.shape[1] - lead + 1, ORIGINS_EVERY_DAYS))

    def kinds(self, calendar: Calendar) -> list[Kind]:
        """The kinds of occasions that the calendar knows."""
        found = kinds_of(self._events(calendar))
        return [*found, LEAFLET] if calendar in _WITH_LEAFLET else found

    def day(self, number: int, calendar: Calendar) -> Day:
        """A day as the calendar has it."""
        kinds, day = self.kinds(calendar), self.first_day + timedelta(days=number)
        found = self._occasions.on(day) if calendar in _WITH_HOLIDAYS else ()
        if calendar in _WITH_LEAFLET:
            found = (*found, Occasion(kinds.index(LEAFLET), self.leaflet[:, number]))
        return Day(day.weekday(), found)

    def _events(self, calendar: Calendar) -> Sequence[Event]:
        return self.holidays if calendar in _WITH_HOLIDAYS else ()

    @cached_property
    def _occasions(self) -> Occasions:
        """Holidays reach all stores and items, so that no names are needed."""
        shelves = Shelves(self.layout, [""] * self.layout.stores, [""] * self.layout.items, {})
        return Occasions(self.holidays, kinds_of(self.holidays), shelves)

    def sales(self, number: int, calendar: Calendar) -> DaySales:
        """The sales of a day."""
        sold = self.sold[:, number]
        units = sold.reshape(self.layout.stores, self.layout.items).sum(axis=0)
        day = self.day(number, calendar)
        return DaySales(day, sold, self.squares[:, number], units, self.category_sold[:, :, number])

    def sums(self, origins: Sequence[int], lead: int) -> Ints:
        """The units sold: a row for each origin, a column for each shelf."""
        return np.stack([self.sold[:, origin : origin + lead].sum(axis=1) for origin in origins])


def rectangle(stores: int, category: Ints, department: Ints) -> Layout:
    """All items in all stores; the items' categories and departments are given."""
    items = len(category)
    store, item = np.repeat(np.arange(stores), items), np.tile(np.arange(items), stores)
    return Layout(store, item, category, department, stores, int(category.max()) + 1, int(department.max()) + 1)
