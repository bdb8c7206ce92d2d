"""A day's sales change what a pool knows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from streams.restock.forecast.portable import Floats, Ints
from streams.restock.forecast.rates import Day, exposure, long_rates, shares, uplifts, weekdays
from streams.restock.forecast.shelf import rates_of
from streams.restock.forecast.state import LARGEST, MICRO, Kind, Layout, State, aged, bounded

_KNOWN_DAYS = 30 * MICRO
"""Store days after which an item's long rate is good enough to say what an occasion changes."""
_LISTED_AGAIN = 0.05
"""A shelf that sells again after less of a chance to have the item did not have it in between: those days go."""
_UNITS_MAX = 1_000_000
"""Steps of a shelf and day beyond are taken for so many: somebody's slip of the finger."""


class DaySales(NamedTuple):
    """A pool's sales of a day, in steps of the items' units."""

    day: Day
    sold: Ints
    """Of each shelf; what came back is taken off, so it may be below zero."""
    squares: Ints
    """Of each item: the sum of its sale lines' squared quantities."""
    units: Ints
    """Of each item: the sum of its sale lines' quantities."""
    category_sold: Ints | None = None
    """A row for each store, a column for each category; None: the sum of the shelves."""


def learn(layout: Layout, kinds: Sequence[Kind], state: State, sales: DaySales) -> State:
    """The state after a day of which nothing was known before. Never raises for any quantities."""
    sold = np.minimum(np.maximum(sales.sold, -_UNITS_MAX), _UNITS_MAX)
    factors, uplift = weekdays(state), uplifts(layout, kinds, state)
    share, worth = shares(layout, state), exposure(layout, factors, uplift, sales.day)
    exposed, weighed = _micro(worth), _micro(worth * share)
    is_back = (sold > 0) & (rates_of(layout, state).listed < _LISTED_AGAIN)
    item_sold = _sums(layout.item, layout.items, sold * MICRO)
    item_exposed = _sums(layout.item, layout.items, weighed)
    idle_from = sold > 0
    item_squares, item_units = _lines_learned(state, sales)
    return State(
        sold=bounded(aged(state.sold, 120) + sold * MICRO),
        exposed=bounded(aged(state.exposed - np.where(is_back, state.idle, 0), 120) + exposed),
        idle=np.where(idle_from, 0, bounded(aged(state.idle, 120) + exposed)),
        idle_whole=np.where(idle_from, 0, bounded(state.idle_whole + exposed)),
        has_sold=state.has_sold | idle_from,
        item_sold=bounded(aged(state.item_sold, 10) + item_sold),
        item_exposed=bounded(aged(state.item_exposed, 10) + item_exposed),
        item_sold_long=bounded(aged(state.item_sold_long, 90) + item_sold),
        item_exposed_long=bounded(aged(state.item_exposed_long, 90) + item_exposed),
        item_units=item_units,
        item_squares=item_squares,
        category_sold=bounded(aged(state.category_sold, 90) + _category_sold(layout, sales, sold) * MICRO),
        **_factors_learned(layout, state, sales.day, sold, worth * share, factors, uplift),
    )


def _factors_learned(
    layout: Layout, state: State, day: Day, sold: Ints, worth: Floats, factors: Floats, uplift: Floats
) -> dict[str, Ints]:
    """The sums by weekday and by kind of occasion."""
    is_known = (state.item_exposed_long >= _KNOWN_DAYS)[layout.item]
    expected = np.where(is_known, worth * long_rates(state)[layout.item], 0.0)
    counted = np.where(is_known, sold * MICRO, 0)
    department = layout.shelf_department
    weekday_sold, weekday_expected = aged(state.weekday_sold, 180), aged(state.weekday_expected, 180)
    even = _micro(expected / factors[department, day.weekday])
    weekday_sold[:, day.weekday] += _sums(department, layout.departments, counted)
    weekday_expected[:, day.weekday] += _sums(department, layout.departments, even)
    uplift_sold, uplift_expected = aged(state.uplift_sold, 180), aged(state.uplift_expected, 180)
    for kind, shelves in day.occasions:
        plain = _micro(expected / uplift[kind, layout.item])
        uplift_sold[kind] += _sums(layout.item, layout.items, np.where(shelves, counted, 0))
        uplift_expected[kind] += _sums(layout.item, layout.items, np.where(shelves, plain, 0))
    return {
        "weekday_sold": bounded(weekday_sold), "weekday_expected": bounded(weekday_expected),
        "uplift_sold": bounded(uplift_sold), "uplift_expected": bounded(uplift_expected),
    }  # fmt: skip


def _category_sold(layout: Layout, sales: DaySales, sold: Ints) -> Ints:
    if sales.category_sold is not None:
        return np.minimum(np.maximum(sales.category_sold, -_UNITS_MAX), _UNITS_MAX)
    place = layout.store * layout.categories + layout.category[layout.item]
    return _sums(place, layout.stores * layout.categories, sold).reshape(layout.stores, layout.categories)


def _lines_learned(state: State, sales: DaySales) -> tuple[Ints, Ints]:
    """Squares and units of sale lines. Where the squares reach what is counted, the units keep their ratio to them."""
    units = np.minimum(np.maximum(sales.units, 0), _UNITS_MAX)
    squares = np.minimum(np.maximum(sales.squares, units), _UNITS_MAX * _UNITS_MAX)
    is_large = squares > _UNITS_MAX
    units = np.where(is_large, units * _UNITS_MAX // np.maximum(squares, 1), units)
    all_squares = aged(state.item_squares, 365) + np.minimum(squares, _UNITS_MAX) * MICRO
    all_units = aged(state.item_units, 365) + units * MICRO
    is_full = all_squares > LARGEST
    return np.where(is_full, all_squares >> 1, all_squares), np.where(is_full, all_units >> 1, all_units)


def _sums(group: Ints, groups: int, values: Ints) -> Ints:
    sums = np.zeros(groups, np.int64)
    np.add.at(sums, group, values)
    return sums


def _micro(values: Floats) -> Ints:
    """Days or steps in millionths, rounded to the nearest, ties to even."""
    micro: Ints = np.rint(np.minimum(np.maximum(values, 0.0), 1_000_000.0) * MICRO).astype(np.int64)
    return micro
