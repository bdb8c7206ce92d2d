"""Demand of the coming days, of what a pool knows. docs/restock.md has the formula."""

from collections.abc import Sequence

import numpy as np

from streams.restock.forecast.distribution import Demand
from streams.restock.forecast.portable import Floats, Ints
from streams.restock.forecast.rates import Day, exposure, uplifts, weekdays
from streams.restock.forecast.shelf import Rate, rates_of
from streams.restock.forecast.state import Kind, Layout, State

_CLUMP_SPREAD = 0.9
"""How much of the clumpiness of sale lines is seen in daily sums."""
_MEAN_MAX = 1e12


def predict(layout: Layout, kinds: Sequence[Kind], state: State, days: Sequence[Day]) -> Demand:
    """The demand of each shelf over the days, which need not follow each other."""
    factors, uplift = weekdays(state), uplifts(layout, kinds, state)
    worth = np.zeros(len(layout.store))
    for day in days:
        worth = worth + exposure(layout, factors, uplift, day)
    return _demand(rates_of(layout, state), worth)


class DemandAhead:
    """The demand of some shelves over the first 1, 2 … days of those to come."""

    def __init__(self, layout: Layout, kinds: Sequence[Kind], state: State, shelves: Ints, days: Sequence[Day]) -> None:
        factors, uplift = weekdays(state), uplifts(layout, kinds, state)
        rate = rates_of(layout, state)
        self._rate = Rate(*(values[shelves] for values in rate))
        total = np.zeros(len(shelves))
        until = [total]
        for day in days:
            total = total + exposure(layout, factors, uplift, day)[shelves]
            until.append(total)
        self._worth = np.array(until)

    def over(self, lengths: Ints) -> Demand:
        """The demand of each shelf over its own number of days."""
        return _demand(self._rate, self._worth[lengths, np.arange(len(lengths))])


def _demand(rate: Rate, worth: Floats) -> Demand:
    mean = np.minimum(rate.mean * worth, _MEAN_MAX)
    return Demand(mean, _CLUMP_SPREAD * rate.clump * mean + mean * mean / rate.shape, rate.listed)
