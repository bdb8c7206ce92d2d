"""The worth of one more unit on a shelf: a newsvendor with two windows.

A unit is sold if demand until the order after next reaches it (lead time and review period), and spoils if demand
within its shelf life does not (Arrow, Harris and Marschak 1951; the second window is ours). All in whole numbers:
chances are rounded to millionths first.
"""

from typing import NamedTuple

import numpy as np

from streams.restock.forecast.portable import Floats, Ints

MICRO = 1_000_000


class Terms(NamedTuple):
    """The terms of an item in a store; money in minor units."""

    margin_minor: int
    """Gained by a unit that is sold."""
    waste_minor: int
    """Lost with a unit that spoils: its cost, and what throwing it away costs."""
    holding_minor: int
    """Cost of keeping a unit over the first window."""
    window_days: int
    """Lead time and review period."""
    life_days: int | None
    """Days from delivery in which a unit can be sold; None: it does not spoil."""


def gains(terms: Terms, wanted: Floats, sold_in_life: Floats) -> Ints:
    """The gain of the 1st, 2nd … unit of stock, in millionths of a minor unit. None gains more than the one before.

    wanted: chance that at least k units are demanded in the first window, k = 0, 1 …; sold_in_life: the same over lead
    time and shelf life, which is not read where nothing spoils.
    """
    sold = in_micro(wanted)[1:] * terms.margin_minor
    holding = terms.holding_minor * MICRO
    if terms.life_days is None:
        return sold - holding
    spoiled = (MICRO - in_micro(sold_in_life)[1:]) * terms.waste_minor
    part = min(terms.window_days, terms.life_days)  # of a unit's life in which this order, and no later one, risks it
    return sold - spoiled * part // max(terms.life_days, 1) - holding


def order_up_to(unit_gains: Ints) -> int:
    """The stock, in units, up to which each unit gains something."""
    return int(np.count_nonzero(unit_gains > 0))


def in_micro(chances: Floats) -> Ints:
    """The chances in whole millionths; none is greater than the one before."""
    micro: Ints = np.rint(chances * MICRO).astype(np.int64)
    return np.minimum.accumulate(np.minimum(np.maximum(micro, 0), MICRO))
