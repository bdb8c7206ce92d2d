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
_LEAST_WORTH = 1e-6
"""Usual days; no demand is compared with less."""


def predict(layout: Layout, kinds: Sequence[Kind], state: State, days: Sequence[Day]) -> Demand:
    """The demand of each shelf over the days, which need not follow each other."""
    factors, uplift = weekdays(state), uplifts(layout, kinds, state)
    worth = np.zeros(len(layout.store))
    for day in days:
        worth = worth + exposure(layout, factors, uplift, day)
    return _demand(rates_of(layout, state), worth)


class DemandAhead:
    """The demand of some shelves over the first 1, 2 … days of those to come."""

    def __init__(self, layout: Layout, uplift: Floats, state: State, shelves: Ints, days: Sequence[Day]) -> None:
        """Uplifts are as `uplifts` has them."""
        factors, rate = weekdays(state), rates_of(layout, state)
        self._rate = Rate(*(values[shelves] for values in rate))
        self._shelves, self._days = shelves, days
        self._uplift = uplift[:, layout.item[shelves]]
        self._of_day = [exposure(layout, factors, uplift, day, shelves) for day in days]
        until = [np.zeros(len(shelves))]
        for worth in self._of_day:
            until.append(until[-1] + worth)
        self._worth = np.array(until)

    def over(self, lengths: Ints) -> Demand:
        """The demand of each shelf over its own number of days."""
        return _demand(self._rate, self._worth[lengths, np.arange(len(lengths))])

    def strongest(self, lengths: Ints) -> tuple[Ints, Ints, Ints]:
        """The kind of occasion that changes each shelf's demand over its own number of days most; -1 for none.

        Also by how much, and what it makes of a day on which it is; both in permille of the demand without it.
        """
        effects: dict[int, Floats] = {}
        for ahead, (day, worth) in enumerate(zip(self._days, self._of_day, strict=True)):
            for occasion in day.occasions:
                uplift = self._uplift[occasion.kind]
                counts = occasion.shelves[self._shelves] & (ahead < lengths)
                before = effects.get(occasion.kind, np.zeros(len(lengths)))
                effects[occasion.kind] = before + np.where(counts, worth - worth / uplift, 0.0)
        kinds = np.full(len(lengths), -1)
        most = np.zeros(len(lengths))
        for kind in sorted(effects):
            is_more = np.abs(effects[kind]) > np.abs(most)
            kinds, most = np.where(is_more, kind, kinds), np.where(is_more, effects[kind], most)
        without = np.maximum(self._worth[lengths, np.arange(len(lengths))] - most, _LEAST_WORTH)
        on_its_day = self._uplift[kinds, np.arange(len(lengths))] if effects else np.ones(len(lengths))
        return kinds, _permille(most / without), _permille(on_its_day)


def _demand(rate: Rate, worth: Floats) -> Demand:
    mean = np.minimum(rate.mean * worth, _MEAN_MAX)
    return Demand(mean, _CLUMP_SPREAD * rate.clump * mean + mean * mean / rate.shape, rate.listed)


def _permille(parts: Floats) -> Ints:
    return np.rint(np.minimum(parts, 1e6) * 1000.0).astype(np.int64)
