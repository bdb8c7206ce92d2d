"""One store's surplus for another's need: the exact assignment of units, item by item.

Each unit that a store could use gains something there, and each that another holds is worth something where it is. A
unit moves if the difference pays for the move. The best set of moves of an item is a linear assignment (Crouse 2016, as
scipy solves it): rows are units at donors, columns units at receivers, and a pair that gains nothing stays as it is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from streams.restock.forecast.portable import Ints

_LEAST_GAIN = 1
"""What a move has to gain at least: goods are not moved for nothing."""
_GAIN_MAX = 1 << 24
"""A unit's gain beyond counts as this."""
_EXACT = 1 << 52
"""Whole numbers below are exact in the solver's floats, with room for a sum of two."""


class Side(NamedTuple):
    """A store with units of an item to give, or to receive."""

    store: str
    worth: Sequence[int]
    """Of the 1st, 2nd … unit: what giving it loses, none less than the one before; what receiving it gains, none more
    than the one before. In minor units of money."""


class Move(NamedTuple):
    """Units that go from one store to another."""

    from_store: str
    to_store: str
    units: int
    gain: int
    """Gained in the one store less lost in the other and the cost of the moves."""


def best_moves(donors: Sequence[Side], receivers: Sequence[Side], cost: Mapping[tuple[str, str], int]) -> list[Move]:
    """The moves of one item with the greatest gain in all; of equally good ones, those between first names.

    cost: (from, to) → the cost of moving a unit; pairs that are not in it do not exchange. Exact, by integers.
    """
    given = [(side.store, worth) for side in sorted(donors) for worth in side.worth]
    taken = [(side.store, worth) for side in sorted(receivers) for worth in side.worth]
    if not given or not taken:
        return []
    gain = np.array([[_gain(out, into, cost) for into in taken] for out in given], np.int64)
    rows, columns = _assign(np.maximum(gain, 0))
    moved: Counter[tuple[str, str]] = Counter()
    gained: Counter[tuple[str, str]] = Counter()
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if gain[row, column] >= _LEAST_GAIN:
            pair = given[row][0], taken[column][0]
            moved[pair] += 1
            gained[pair] += int(gain[row, column])
    return [Move(*pair, moved[pair], gained[pair]) for pair in sorted(moved)]


def without_poor_trips(
    items: Mapping[str, tuple[Sequence[Side], Sequence[Side]]], cost: Mapping[tuple[str, str], int], trip_cost: int
) -> dict[str, list[Move]]:
    """Item → moves, where a trip between two stores costs something whatever it carries.

    The pair whose trip gains least below its cost is ruled out, and all is chosen anew, until each trip pays. This is a
    heuristic: trips couple the items, and a pair that was ruled out does not come back.
    """
    allowed = dict(cost)
    while True:
        found = {sku: best_moves(*items[sku], allowed) for sku in sorted(items)}
        gained: Counter[tuple[str, str]] = Counter()
        for moves in found.values():
            for move in moves:
                gained[move.from_store, move.to_store] += move.gain
        poor = sorted((gain, pair) for pair, gain in gained.items() if gain <= trip_cost)
        if not poor or trip_cost <= 0:
            return {sku: moves for sku, moves in found.items() if moves}
        del allowed[poor[0][1]]


def _gain(out: tuple[str, int], into: tuple[str, int], cost: Mapping[tuple[str, str], int]) -> int:
    of_move = cost.get((out[0], into[0]))
    if of_move is None or out[0] == into[0]:
        return 0
    return max(-_GAIN_MAX, min(_GAIN_MAX, into[1] - out[1] - of_move))


def _assign(gain: Ints) -> tuple[Ints, Ints]:
    """Rows and columns of the greatest sum.

    Ties go to low rows and columns, as far as whole numbers in the solver's floats can say so: for some hundred units
    on each side. Beyond, the sum is the greatest all the same.
    """
    rows, columns = gain.shape
    spread = rows * columns * min(rows, columns) + 1
    if int(gain.max()) * spread * min(rows, columns) < _EXACT:
        place = np.arange(rows)[:, None] * columns + np.arange(columns)[None, :]
        gain = gain * spread - np.where(gain > 0, place, 0)
    chosen = linear_sum_assignment(gain.astype(np.float64), maximize=True)
    return chosen[0].astype(np.int64), chosen[1].astype(np.int64)
