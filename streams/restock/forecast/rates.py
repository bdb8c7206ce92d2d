"""The rates behind a forecast: of items in the chain, of shelves, of weekdays and of occasions. Each is shrunk.

A rate that rests on few sales is drawn towards one that rests on more: a shelf's to the chain's, an item's uplift to
its department's, that to the kind's, and that to the named prior.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.restock.forecast.portable import Floats, Ints
from streams.restock.forecast.state import MICRO, WEEKDAYS, Kind, Layout, State

UNKNOWN_RATE = 0.03
"""Steps a day of an item that nobody knows yet: what a store's middling item sells."""
_UNKNOWN_DAYS = 15.0
"""Store days' weight of UNKNOWN_RATE in the chain's long rate."""
_LONG_UNITS = 1.0
"""Units' weight of the chain's long rate in its short one."""
_SHARE_UNITS = 30.0
"""Units' weight of the store's share of all in its share of a category."""
_WEEKDAY_UNITS = 50.0
"""Units' weight of an even week in a department's profile."""
_KIND_UNITS = 30.0
_DEPARTMENT_UNITS = 30.0
_ITEM_UNITS = 30.0
"""Units' weight of the prior in the kind's uplift, of the kind's in a department's, of that in an item's."""
_ALL = slice(None)
UPLIFT_MIN, UPLIFT_MAX = 0.02, 20.0
"""No occasion is taken to do more."""


class Occasion(NamedTuple):
    """A kind of occasion on a day, and the shelves that it reaches."""

    kind: int
    """Its place in the pool's kinds."""
    shelves: NDArray[np.bool_]


class Day(NamedTuple):
    """A day as it is known ahead."""

    weekday: int
    """0 is Monday."""
    occasions: Sequence[Occasion] = ()
    open_permille: Ints | None = None
    """Of each shelf: the share of the usual hours in which it is open, and in stock where that is known; None: all."""


def weekdays(state: State) -> Floats:
    """The weekday's factor: a row for each department, a column for each weekday; their mean is 1."""
    factor = _ratio(state.weekday_sold, state.weekday_expected, _WEEKDAY_UNITS, 1.0)
    total = np.zeros(len(factor))
    for weekday in range(WEEKDAYS):
        total = total + factor[:, weekday]
    return factor * (WEEKDAYS / total)[:, None]


def kind_uplifts(kinds: Sequence[Kind], state: State) -> Floats:
    """The uplift of each kind, of all items together."""
    prior = np.array([kind.prior_permille for kind in kinds], np.float64) / 1000.0
    return _ratio(state.uplift_sold.sum(axis=1), state.uplift_expected.sum(axis=1), _KIND_UNITS, prior)


def uplifts(layout: Layout, kinds: Sequence[Kind], state: State) -> Floats:
    """The uplift of each kind (a row) for each item (a column)."""
    of_kind = kind_uplifts(kinds, state)
    sold = _by(layout.department, layout.departments, state.uplift_sold)
    expected = _by(layout.department, layout.departments, state.uplift_expected)
    of_department = _ratio(sold, expected, _DEPARTMENT_UNITS, of_kind[:, None])
    of_item = _ratio(state.uplift_sold, state.uplift_expected, _ITEM_UNITS, of_department[:, layout.department])
    return np.minimum(np.maximum(of_item, UPLIFT_MIN), UPLIFT_MAX)


def shares(layout: Layout, state: State) -> Floats:
    """The store's part of the chain in the item's category, for each shelf: 1 is a store like the average."""
    sold = state.category_sold.astype(np.float64) / MICRO
    of_store = (state.category_sold.sum(axis=1) + MICRO) / (state.category_sold.sum() + layout.stores * MICRO)
    of_category = state.category_sold.sum(axis=0) / MICRO
    share = (sold + _SHARE_UNITS * of_store[:, None]) / (of_category + _SHARE_UNITS)[None, :]
    of_shelf: Floats = share[layout.store, layout.category[layout.item]] * layout.stores
    return of_shelf


def long_rates(state: State) -> Floats:
    """Steps a day of each item in an average store, over months."""
    sold, days = state.item_sold_long / MICRO, state.item_exposed_long / MICRO
    return (sold + _UNKNOWN_DAYS * UNKNOWN_RATE) / (days + _UNKNOWN_DAYS)


def short_rates(state: State) -> Floats:
    """Steps a day of each item in an average store, over the last weeks."""
    sold, days = state.item_sold / MICRO, state.item_exposed / MICRO
    return (sold + _LONG_UNITS) / (days + _LONG_UNITS / long_rates(state))


def exposure(layout: Layout, factors: Floats, uplift: Floats, day: Day, chosen: Ints | slice = _ALL) -> Floats:
    """The day's worth of each shelf, in usual days: weekday, occasions, and the part of it that it was open.

    chosen: of some shelves, by number.
    """
    item = layout.item[chosen]
    worth: Floats = factors[layout.department[item], day.weekday]
    for occasion in day.occasions:
        worth = np.where(occasion.shelves[chosen], worth * uplift[occasion.kind, item], worth)
    if day.open_permille is not None:
        worth = worth * (day.open_permille[chosen] / 1000.0)
    return worth


def _ratio(sold: Ints, expected: Ints, units: float, prior: Floats | float) -> Floats:
    """Sold by expected, drawn towards the prior with the weight of so many expected units."""
    ratio: Floats = (sold / MICRO + units * prior) / (expected / MICRO + units)
    return ratio


def _by(group: Ints, groups: int, values: Ints) -> Ints:
    """Sums over the columns of each group."""
    sums = np.zeros((groups, len(values)), np.int64)
    np.add.at(sums, group, values.T)
    return sums.T
