"""A made-up pool whose true demand is known: the measure of what any forecast could gain.

Rates are gamma distributed over items, stores differ in size and in taste, and a shelf's sales are Poisson draws of its
rate; items go on leaflets that multiply it. Nothing but the leaflet changes over time.
"""

from datetime import date

import numpy as np

from bench.restock.history import TEST_DAYS, History, rectangle
from streams.restock.forecast.distribution import Demand

_FIRST_DAY = date(2024, 1, 1)
_DAYS = 301 + TEST_DAYS
_ITEMS_OF_A_CATEGORY = 5
_WEEKDAY = np.array([0.9, 0.85, 0.9, 0.95, 1.1, 1.3, 1.0])
_LEAFLET_CHANCE = 0.1
"""Of an item and week."""


def generate(stores: int, skus: int, seed: int) -> History:
    """A year of daily sales; items by falling sales, so that ranks mean what they mean in real data."""
    draw = np.random.default_rng(seed)
    item = np.sort(draw.gamma(0.8, 0.15, skus))[::-1] + 0.005
    size = draw.gamma(4.0, 0.25, stores)
    taste = draw.gamma(1.5, 1 / 1.5, (stores, skus))
    rate = (size[:, None] * item[None, :] * taste).reshape(-1)
    uplift = np.tile(draw.uniform(1.5, 3.5, skus), stores)
    on_week = np.tile(draw.random((skus, _DAYS // 7 + 1)) < _LEAFLET_CHANCE, (stores, 1))
    leaflet = on_week[:, np.arange(_DAYS) // 7]
    true = rate[:, None] * np.where(leaflet, uplift[:, None], 1.0) * _WEEKDAY[np.arange(_DAYS) % 7][None, :]
    sold = draw.poisson(true).astype(np.int64)
    category = np.arange(skus) // _ITEMS_OF_A_CATEGORY
    layout = rectangle(stores, category, np.zeros(skus, np.int64))
    of_item = sold.reshape(stores, skus, _DAYS)
    of_category = np.stack([of_item[:, category == one].sum(axis=1) for one in range(layout.categories)], axis=1)

    def truth(first: int, days: int) -> Demand:
        mean = true[:, first : first + days].sum(axis=1)
        return Demand(mean, mean, np.ones(len(mean)))

    return History(layout, _FIRST_DAY, sold, of_item.sum(axis=0), of_category, leaflet, truth=truth)
