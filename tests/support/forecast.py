"""A small pool for tests of the forecast: stores that all have the same items, and days of sales."""

import numpy as np

from streams.restock.forecast.learn import DaySales, learn
from streams.restock.forecast.rates import Day
from streams.restock.forecast.state import Layout, first_state


def layout_of(stores, items):
    """Shelves in the order of stores, then items; all items in one category and department."""
    shelves = np.arange(stores * items)
    none = np.zeros(items, np.int64)
    return Layout(shelves // items, shelves % items, none, none, stores, 1, 1)


def sales_of(layout, day, sold):
    """Sales of single units: `sold` has a number for each shelf."""
    sold = np.asarray(sold, np.int64)
    units = np.zeros(layout.items, np.int64)
    np.add.at(units, layout.item, np.maximum(sold, 0))
    return DaySales(day, sold, units, units)


def learned(layout, days, kinds=()):
    """The state after days of sales: pairs of a Day and what each shelf sold."""
    state = first_state(layout, len(kinds))
    for day, sold in days:
        state = learn(layout, kinds, state, sales_of(layout, day, sold))
    return state


def weekly(day_no, **rest):
    """A day of the week without anything special; day 0 is a Monday."""
    return Day(day_no % 7, **rest)
