"""Demand by place and time: rates per store and item, the week's rhythm, what a basket holds.

The shape is that of grocery baskets: most shelves sell nothing on most days, few sell a lot, Saturdays are busy.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from world.assortment import Item

UNITS_PER_WEEK: Final = 1.3
"""Mean sales of an item that a store lists, units (or kg) a week, before any demand multiplier."""
HOURS_PER_WEEK: Final = 168

_LISTED_SHARE = 0.7
_STORE_SIGMA = 0.4
_SHELF_SHAPE = 2.0  # of the gamma that spreads one item over the stores
_LINES_GEOMETRIC = 0.17  # a basket has 1 + geometric lines: about 6
_LINES_MAX = 40
_UNITS = np.array([1, 2, 3, 4, 6, 8])
_UNITS_CHANCE = np.array([0.79, 0.14, 0.035, 0.02, 0.01, 0.005])
_KG_MEDIAN = 0.42
_KG_SIGMA = 0.6
_KG_RANGE = (0.05, 3.0)

_DAY_WEIGHT = (0.9, 0.85, 0.9, 1.0, 1.3, 1.45, 0.3)  # Monday to Sunday
_HOUR_WEIGHT = {7: 0.8, 8: 1.2, 9: 1.1, 10: 1.2, 11: 1.1, 12: 0.9, 13: 0.6, 14: 0.7, 15: 0.9, 16: 1.2, 17: 1.5, 18: 1.3,
                19: 0.8, 20: 0.4}  # fmt: skip
_SUNDAY_HOURS = (8, 9, 10)  # rolls and papers


def week_rhythm() -> NDArray[np.float64]:
    """Share of a week's baskets in each of its 168 hours, from Monday midnight; sums to 1."""
    hours = np.zeros((7, 24))
    for day, day_weight in enumerate(_DAY_WEIGHT):
        for hour, weight in _HOUR_WEIGHT.items():
            if day < 6 or hour in _SUNDAY_HOURS:
                hours[day, hour] = weight
        hours[day] *= day_weight / hours[day].sum()
    shares: NDArray[np.float64] = (hours / hours.sum()).ravel()
    return shares


class Demand:
    """The items that each store lists and sells. Arrays are [store, item]."""

    def __init__(self, rng: np.random.Generator, items: tuple[Item, ...], stores: int, multiplier: float) -> None:
        popularity = np.array([item.popularity for item in items])
        # Popular goods are listed nearly everywhere, the rest here and there.
        chance = np.clip(_LISTED_SHARE * (popularity / np.median(popularity)) ** 0.3, 0.2, 1.0)
        self.listed = rng.random((stores, len(items))) < chance
        self.listed[:, 0] = True
        pace = rng.lognormal(0.0, _STORE_SIGMA, stores)[:, None]
        rates = popularity * pace * rng.gamma(_SHELF_SHAPE, 1 / _SHELF_SHAPE, self.listed.shape) * self.listed
        self.units_per_week = rates * (UNITS_PER_WEEK * multiplier * self.listed.sum() / rates.sum())
        self._is_loose = np.array([item.unit == "kg" for item in items])
        per_line = np.where(self._is_loose, _mean_kg(), float(_UNITS @ _UNITS_CHANCE))
        lines_per_week = self.units_per_week / per_line
        self._item_chance = np.cumsum(lines_per_week, axis=1) / lines_per_week.sum(axis=1, keepdims=True)
        self.baskets_per_week = lines_per_week.sum(axis=1) / _mean_lines()
        self._units_chance = np.cumsum(_UNITS_CHANCE)

    def basket(self, rng: np.random.Generator, store: int) -> list[tuple[int, int]]:
        """(item, quantity_milli) of one basket; an item picked twice is rung up once."""
        lines = min(int(rng.geometric(_LINES_GEOMETRIC)), _LINES_MAX)
        picked = np.searchsorted(self._item_chance[store], rng.random(lines))
        units = _UNITS[np.minimum(np.searchsorted(self._units_chance, rng.random(lines)), len(_UNITS) - 1)]
        kg = np.clip(rng.lognormal(np.log(_KG_MEDIAN), _KG_SIGMA, lines), *_KG_RANGE)
        milli = np.where(self._is_loose[picked], np.rint(kg * 1_000), units * 1_000).astype(np.int64)
        basket: dict[int, int] = {}
        for item, quantity_milli in zip(picked.tolist(), milli.tolist(), strict=True):
            basket[item] = basket.get(item, 0) + quantity_milli
        return list(basket.items())


def _mean_lines() -> float:
    """Expected lines of a basket: a geometric, cut at the longest."""
    stay = 1 - _LINES_GEOMETRIC
    return float((1 - stay**_LINES_MAX) / _LINES_GEOMETRIC)


def _mean_kg() -> float:
    """Expected weight of a line, kg; the cut at both ends hardly moves it."""
    return float(_KG_MEDIAN * np.exp(_KG_SIGMA**2 / 2))
