"""A shelf's own rate, between what it sold and what the chain sells of the item; and the chance that it has the item.

The rate has a gamma distribution (the conjugate prior of Poisson sales; Gelman et al., Bayesian Data Analysis, 2.6) of
purchases, each of `clumpiness` units.
"""

from typing import NamedTuple

import numpy as np

from streams.restock.forecast.portable import Floats, exp, log
from streams.restock.forecast.rates import shares, short_rates
from streams.restock.forecast.state import MICRO, Layout, State

PRIOR_SHAPE = 1.5
"""Purchases' weight of the chain's rate in a shelf's own."""
NEVER_LISTED = 0.4
DELISTED = 0.02
"""Chance that a shelf which never sold does not have the item, and that one which sold has it no more."""
_CLUMP_UNITS = 30.0
_USUAL_CLUMP = 1.3
"""Σq²/Σq of an item of which too little was sold, and how many units that weighs."""
_CLUMP_MAX = 64.0


class Rate(NamedTuple):
    """The rate of each shelf."""

    shape: Floats
    """Of the gamma distribution: the purchases that it rests on."""
    mean: Floats
    """Steps on a usual day, if the shelf has the item."""
    clump: Floats
    """Steps that are bought together."""
    listed: Floats
    """Chance that the shelf has the item."""


def rates_of(layout: Layout, state: State) -> Rate:
    """The rates as the state has them."""
    clump = clumpiness(state)[layout.item]
    prior_days = PRIOR_SHAPE / (short_rates(state)[layout.item] * shares(layout, state))
    shape = PRIOR_SHAPE + state.sold / MICRO / clump
    days = prior_days + state.exposed / MICRO / clump
    busy_days = prior_days + np.maximum(state.exposed - state.idle, 0) / MICRO / clump
    silence = exp(-shape * log(1.0 + state.idle_whole / MICRO / clump / busy_days))
    gone = np.where(state.has_sold, DELISTED, NEVER_LISTED)
    return Rate(shape, shape / days, clump, (1.0 - gone) * silence / ((1.0 - gone) * silence + gone))


def clumpiness(state: State) -> Floats:
    """Units that are bought together, Σq²/Σq of an item's sale lines: 1 where each buys one."""
    squares, units = state.item_squares / MICRO, state.item_units / MICRO
    found = (squares + _CLUMP_UNITS * _USUAL_CLUMP) / (units + _CLUMP_UNITS)
    return np.minimum(np.maximum(found, 1.0), _CLUMP_MAX)
