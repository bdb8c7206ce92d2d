"""The state of a pool's forecasts: a few whole numbers for each shelf, item, category and kind of occasion.

All are in millionths of a step of the item's unit, or of a usual day, and lose their weight by half after so many days;
they are sums, so that no order of additions matters.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.restock.forecast.portable import Ints

MICRO = 1_000_000
WEEKDAYS = 7
_FACTOR_BITS = 20
_FACTOR_OF_HALF_LIFE = {10: 978_356, 90: 1_040_531, 120: 1_042_537, 180: 1_044_546, 365: 1_046_587}
"""Days → the weight that a day's end leaves, in 2^-20: 2^20 · 0.5^(1/days), rounded."""
LARGEST = 1 << 42
"""Sums stop here, at 4 million steps, so that no product of theirs leaves 64 bits."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The shelves of a pool, and the items, categories and departments behind them, by number from 0."""

    store: Ints
    """Of each shelf."""
    item: Ints
    """Of each shelf."""
    category: Ints
    """Of each item."""
    department: Ints
    """Of each item."""
    stores: int
    categories: int
    departments: int

    @property
    def items(self) -> int:
        """How many items there are."""
        return len(self.category)

    @property
    def shelf_department(self) -> Ints:
        """The department of each shelf."""
        return self.department[self.item]


class Kind(NamedTuple):
    """A kind of occasion that raises or lowers demand: on a leaflet, a street fair, a holiday."""

    name: str
    prior_permille: int
    """The uplift to start from: 1,000 changes nothing."""


class State(NamedTuple):
    """All that a pool has learned up to the end of a day. It says nothing of days before the last 2 years or so."""

    sold: Ints
    """Of each shelf, halved in 120 days."""
    exposed: Ints
    """Usual days on which it could have sold, halved in 120 days."""
    idle: Ints
    """Usual days since its last sale, halved in 120 days."""
    idle_whole: Ints
    """Usual days since its last sale."""
    has_sold: NDArray[np.bool_]
    """Whether it ever sold."""
    item_sold: Ints
    """Of each item in all stores, halved in 10 days."""
    item_exposed: Ints
    """Usual days of stores, by the stores' shares, halved in 10 days."""
    item_sold_long: Ints
    """As item_sold, halved in 90 days."""
    item_exposed_long: Ints
    """As item_exposed, halved in 90 days."""
    item_units: Ints
    """Of each item, halved in a year; voids and returns are left out."""
    item_squares: Ints
    """Of each item, squared quantities of its sale lines, halved in a year."""
    category_sold: Ints
    """A row for each store, a column for each category; halved in 90 days."""
    weekday_sold: Ints
    """A row for each department, a column for each weekday from Monday; halved in 180 days."""
    weekday_expected: Ints
    """As weekday_sold: what was expected but for the weekday."""
    uplift_sold: Ints
    """A row for each kind, a column for each item; halved in 180 days."""
    uplift_expected: Ints
    """As uplift_sold: what was expected but for the occasion."""


def first_state(layout: Layout, kinds: int) -> State:
    """The state of a pool that has sold nothing yet."""
    shelves, items = len(layout.store), layout.items

    def zeros(*shape: int) -> Ints:
        return np.zeros(shape, np.int64)

    return State(
        sold=zeros(shelves), exposed=zeros(shelves), idle=zeros(shelves), idle_whole=zeros(shelves),
        has_sold=np.zeros(shelves, np.bool_),
        item_sold=zeros(items), item_exposed=zeros(items), item_sold_long=zeros(items), item_exposed_long=zeros(items),
        item_units=zeros(items), item_squares=zeros(items),
        category_sold=zeros(layout.stores, layout.categories),
        weekday_sold=zeros(layout.departments, WEEKDAYS), weekday_expected=zeros(layout.departments, WEEKDAYS),
        uplift_sold=zeros(kinds, items), uplift_expected=zeros(kinds, items),
    )  # fmt: skip


def aged(values: Ints, half_life_days: int) -> Ints:
    """The sums a day later. Half-lives are those of the table above."""
    return (values * _FACTOR_OF_HALF_LIFE[half_life_days] + (1 << (_FACTOR_BITS - 1))) >> _FACTOR_BITS


def bounded(values: Ints) -> Ints:
    """The sums, not below zero, and not above the largest that is counted."""
    return np.minimum(np.maximum(values, 0), LARGEST)
