"""The distribution of demand over some days: a negative binomial, beside the chance that the shelf sells no more of it.

With mean m and variance v it is p = m/v and r = m·p/(1 - p); P(0) = p^r, P(k + 1) = P(k)·(r + k)/(k + 1)·(1 - p)
(Johnson, Kotz and Kemp, Univariate Discrete Distributions, chapter 5). Quantiles and chances come of this one
recursion, in one order of additions.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from streams.restock.forecast.portable import Floats, Ints, exp, log

FINE_MAX = 512.0
"""Demand whose mean or standard deviation is greater is counted in steps of 2, 4, 8 …, so that the work is bounded."""
_LEAST_SPREAD = 1.0001
"""Variance by mean: a Poisson distribution is the limit that is never quite reached."""
_LEAST_MEAN = 1e-9
_TOLERANCE = 1e-12


class Demand(NamedTuple):
    """Demand of shelves over some days, in steps of their items' unit; one number for each shelf."""

    mean: Floats
    """Of a shelf that sells the item; at most 1e12."""
    variance: Floats
    """At most 1e24."""
    listed: Floats
    """Chance that the shelf still sells the item; without it demand is zero."""

    def expected(self) -> Floats:
        """Mean, with the chance that nothing is demanded."""
        return self.mean * self.listed

    def of(self, chosen: Ints) -> "Demand":
        """The demand of some of the shelves, by number."""
        return Demand(self.mean[chosen], self.variance[chosen], self.listed[chosen])


class _Recursion:
    """Chances of 0, 1, 2 … steps, for all shelves at once."""

    def __init__(self, demand: Demand) -> None:
        mean = np.maximum(demand.mean, _LEAST_MEAN)
        self.step = _coarse(mean, demand.variance)
        mean = mean / self.step
        variance = np.maximum(demand.variance / (self.step * self.step), mean * _LEAST_SPREAD)
        chance = mean / variance
        self.shape = mean * chance / (1.0 - chance)
        self.ratio = 1.0 - chance
        self.count = 0
        self.mass = exp(self.shape * log(chance))
        self.total = self.mass

    def advance(self) -> None:
        """Go on to the next count."""
        self.mass = self.mass * ((self.shape + self.count) / (self.count + 1.0)) * self.ratio
        self.total = self.total + self.mass
        self.count += 1

    def keep(self, chosen: Ints) -> None:
        """Leave out all other shelves."""
        self.shape, self.ratio = self.shape[chosen], self.ratio[chosen]
        self.mass, self.total = self.mass[chosen], self.total[chosen]


def quantiles(demand: Demand, permille: Sequence[int]) -> Ints:
    """The smallest steps that demand does not exceed with so many permille; a row for each shelf, a column for each.

    permille: from 1 to 999.
    """
    wanted = np.array(permille, np.float64) / 1000.0
    listed = np.maximum(demand.listed, _LEAST_MEAN)[:, None]
    targets = (wanted - (1.0 - listed)) / listed - _TOLERANCE
    found = np.zeros(targets.shape, np.int64)
    walk = _Recursion(demand)
    steps, open_ = walk.step, np.arange(len(found))
    while True:
        below = walk.total[:, None] < targets
        found[open_] += below
        is_open = below.any(axis=1) & (walk.mass > 0.0)
        still = np.flatnonzero(is_open)
        if not len(still):
            return found * steps[:, None].astype(np.int64)
        if 2 * len(still) < len(open_):
            open_, targets = open_[still], targets[still]
            walk.keep(still)
        walk.advance()


def survival(demand: Demand, steps: int) -> Floats:
    """The chance that at least k steps are demanded, k = 0 … `steps`: a row for each shelf.

    Of demand that is counted coarsely (see FINE_MAX) a chance stands for all k of one coarse step.
    """
    walk = _Recursion(demand)
    below = np.zeros((len(demand.mean), steps + 1))
    coarse = walk.step.astype(np.int64)
    limits = np.arange(steps + 1)[None, :]
    is_fine = bool((coarse == 1).all())
    for count in range(1, steps + 1):
        if is_fine:
            below[:, count] = walk.total
        else:
            below = np.where((limits + coarse[:, None] - 1) // coarse[:, None] == count, walk.total[:, None], below)
        walk.advance()
    return np.where(limits == 0, 1.0, demand.listed[:, None] * np.maximum(1.0 - below, 0.0))


def beyond(demand: Demand, stock: Ints) -> tuple[Floats, Floats]:
    """The steps of demand that are expected beyond a stock, and the chance of any; a number for each shelf."""
    walk = _Recursion(demand)
    limit = np.maximum(stock, 0) / walk.step
    last = np.floor(limit)
    met, chance = np.zeros(len(limit)), np.zeros(len(limit))
    while True:
        more = np.maximum(1.0 - walk.total, 0.0)
        met = met + np.minimum(np.maximum(limit - walk.count, 0.0), 1.0) * more
        chance = np.where(last == walk.count, more, chance)
        if not ((last > walk.count) & (more > _TOLERANCE)).any():
            break
        walk.advance()
    unmet = np.maximum(demand.mean - met * walk.step, 0.0)
    return unmet * demand.listed, chance * demand.listed


def _coarse(mean: Floats, variance: Floats) -> Floats:
    """The power of two in which demand is counted."""
    _, exponent = np.frexp(np.maximum(np.maximum(mean, np.sqrt(variance)) / FINE_MAX, 0.5))
    return np.ldexp(np.ones_like(mean), exponent)
