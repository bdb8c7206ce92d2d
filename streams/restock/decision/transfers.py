"""One store's surplus for another's need: the exact assignment of units, item by item.

Each unit that a store could use gains something there, and each that another holds is worth something where it is. A
unit moves if the difference pays for the move. The best set of moves of an item is a linear assignment (Crouse 2016, as
scipy solves it): rows are units at donors, columns units at receivers, and a pair that gains nothing stays as it is.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from streams.restock.forecast.portable import Ints

_LEAST_GAIN = 1
"""What a move has to gain at least: goods are not moved for nothing."""
_GAIN_MAX = 1 << 24
"""A unit's gain beyond counts as this."""
_NEVER = 1 << 60
"""As a cost: the stores do not exchange."""
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
    if not given or not taken or max(worth for _, worth in taken) <= min(worth for _, worth in given):
        return []
    gain = _gains(given, taken, cost)
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
    found: dict[str, list[Move]] = {}
    using: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    gained: Counter[tuple[str, str]] = Counter()
    anew = set(items)
    while True:
        for sku in sorted(anew):
            for sign, moves in ((-1, found.get(sku, [])), (1, best_moves(*items[sku], allowed))):
                for move in moves:
                    pair = move.from_store, move.to_store
                    gained[pair] += sign * move.gain
                    (using[pair].add if sign > 0 else using[pair].discard)(sku)
                found[sku] = moves
        poor = min(((gained[pair], pair) for pair, skus in using.items() if skus), default=None)
        if poor is None or poor[0] > trip_cost or trip_cost <= 0:
            return {sku: moves for sku, moves in sorted(found.items()) if moves}
        del allowed[poor[1]]
        anew = set(using[poor[1]])  # a pair that an item does not use changes nothing of its best


def _gains(
    given: Sequence[tuple[str, int]], taken: Sequence[tuple[str, int]], cost: Mapping[tuple[str, str], int]
) -> Ints:
    """The gain of each unit given (a row) where it may be taken (a column); none for stores that do not exchange."""
    senders, receivers = (list(dict.fromkeys(store for store, _ in side)) for side in (given, taken))
    pairs = [[None if one == to else cost.get((one, to)) for to in receivers] for one in senders]
    of_pair = np.array([[_NEVER if minor is None else minor for minor in row] for row in pairs], np.int64)
    out, into = (np.array([worth for _, worth in side], np.int64) for side in (given, taken))
    rows = [senders.index(store) for store, _ in given]
    columns = [receivers.index(store) for store, _ in taken]
    moving = of_pair[np.ix_(rows, columns)]
    gain = np.minimum(np.maximum(into[None, :] - out[:, None] - moving, -_GAIN_MAX), _GAIN_MAX)
    return np.where(moving == _NEVER, 0, gain)


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
