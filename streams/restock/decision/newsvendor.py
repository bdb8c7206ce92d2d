"""The worth of one more unit on a shelf: a newsvendor with two windows.

A unit is sold if demand until the order after next reaches it (lead time and review period), and spoils if demand
within its shelf life does not (Arrow, Harris and Marschak 1951; the second window is ours). All in whole numbers:
chances are rounded to millionths first.
"""

from collections.abc import Sequence
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


def gains(terms: Sequence[Terms], wanted: Floats, sold_in_life: Floats) -> Ints:
    """The gain of the 1st, 2nd … unit of stock, in millionths of a minor unit: a row for each shelf.

    None gains more than the one before. wanted: chance that at least k units are demanded in the first window,
    k = 0, 1 …; sold_in_life: the same over lead time and shelf life, which does not count where nothing spoils.
    """
    rows = []
    for one in terms:
        risked = 0 if one.life_days is None else min(one.window_days, one.life_days)
        rows.append((one.margin_minor, one.holding_minor, one.waste_minor, risked, max(one.life_days or 1, 1)))
    margin, holding, waste, part, life = (column[:, None] for column in np.array(rows, np.int64).reshape(-1, 5).T)
    spoiled = (MICRO - in_micro(sold_in_life)[:, 1:]) * waste
    # The part is of a unit's life in which this order, and no later one, risks it.
    worth: Ints = in_micro(wanted)[:, 1:] * margin - spoiled * part // life - holding * MICRO
    return worth


def order_up_to(unit_gains: Ints) -> Ints:
    """The stock of each shelf, in units, up to which each unit gains something."""
    best: Ints = np.count_nonzero(unit_gains > 0, axis=-1)
    return best


def in_micro(chances: Floats) -> Ints:
    """The chances in whole millionths; none is greater than the one before."""
    micro: Ints = np.rint(chances * MICRO).astype(np.int64)
    return np.minimum.accumulate(np.minimum(np.maximum(micro, 0), MICRO), axis=-1)
