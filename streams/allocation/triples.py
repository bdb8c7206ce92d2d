"""Gains of three stores: for every set of three at least a bound, and exactly where that could matter.

The best gain of three stores on a line is that of one of their pairs, or needs all three. The second is dear to
compute, so it is bounded first:
- It is at most half the sum of the three pairs' gains, since each unit is in two of the pairs.
- When a pair can fill the line alone, the third one's units could move there. So it is at most that pair's gain and
  what the third one's goods gain above the least, less its share and the extra store.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.allocation.gains import (
    IMPOSSIBLE,
    Ints,
    Members,
    Table,
    pair_gains,
    scratch,
    single_gains,
    take,
    triple_gains,
)
from streams.allocation.sets import Sets, limit, members, pairs_of_triples, sum_rows

_BLOCK_ROWS = 2048
"""Of triples at a time: their gains on 30 lines fit a processor's cache."""
_ROUND_ROWS = 256
"""Of the triples that need to be computed exactly: each round may rule out some of the rest."""
_NEVER = 1 << 58
"""Above any gain."""


class _Parts(NamedTuple):
    """Parts of the gains of triples, on the lines where all three may be needed."""

    gains: Ints
    """Of each pair."""
    loose: Ints
    """Of each pair, as if lines could stay short."""
    held: Ints
    """Of each pair that can fill the line alone, its gain; else above any."""
    slack: Ints
    """Of each store: how much it can add to that as a third."""


def take_off_gains(table: Table, pairs_gain: Ints, groups: list[Sets]) -> None:
    """Lower the costs of the triples, the last of `groups`, by what they gain.

    What is left too high by that comes after the first and the second of all sets for certain.
    """
    triples, costs = groups[-1]
    pairs = pairs_of_triples(len(table.usable))
    slack = _slack(table)
    lines = _needing_three(table, slack)
    _take_off_pairs(costs, pairs, np.delete(pairs_gain, lines, axis=1))
    if not len(lines):
        return
    table = table.columns(lines)
    parts = _parts(table, pairs_gain[:, lines], slack[:, lines])
    arrays = scratch(_BLOCK_ROWS, len(lines), 8)
    before, least = costs.copy(), costs.copy()
    for block in _blocks(len(costs)):
        best, most = _bounds(parts, triples, pairs, block, arrays)
        costs[block] -= sum_rows(best)
        least[block] -= sum_rows(most)
    highest = limit(groups)
    rest = np.flatnonzero(least <= highest)
    if table.whole:
        rest = _fillable(table, triples, rest)
    while len(rest):
        numbers, rest = _lowest(least, rest)
        best = _best_pair(parts.gains, pairs, numbers, arrays)
        exact = triple_gains(table, tuple(member[numbers] for member in triples), arrays[1:])
        costs[numbers] = before[numbers] - sum_rows(np.maximum(exact, best, out=best))
        highest = limit(groups)
        rest = rest[least[rest] <= highest]


def _slack(table: Table) -> Ints:
    having = table.usable > 0
    least_value = np.where(having, table.value, _NEVER).min(axis=0)
    added = (table.value - least_value) * table.usable - table.share - table.extra
    return np.where(having, np.maximum(added, 0), 0)


def _needing_three(table: Table, slack: Ints) -> NDArray[np.intp]:
    """The lines that three stores have, and where two may lack something or a third may gain more."""
    usable = np.sort(np.where(table.usable > 0, table.usable, _NEVER), axis=0)
    two_may_lack = usable[0] + usable[1] < table.wanted
    return np.flatnonzero((usable[2] < _NEVER) & (two_may_lack | slack.any(axis=0)))


def _parts(table: Table, gains: Ints, slack: Ints) -> _Parts:
    first, second = pairs = members(len(table.usable), 2)
    fills = table.usable[first] + table.usable[second] >= table.wanted
    loose = gains
    if table.whole:
        short = table._replace(whole=False)
        loose = pair_gains(short, single_gains(short), pairs)
    return _Parts(gains, loose, np.where(fills, gains, _NEVER), slack)


def _blocks(rows: int) -> list[slice]:
    return [slice(start, start + _BLOCK_ROWS) for start in range(0, rows, _BLOCK_ROWS)]


def _take_off_pairs(costs: Ints, pairs: Members, gains: Ints) -> None:
    arrays = scratch(_BLOCK_ROWS, gains.shape[1], 2)
    for block in _blocks(len(costs)):
        costs[block] -= sum_rows(_best_pair(gains, pairs, block, arrays))


def _best_pair(gains: Ints, pairs: Members, rows: slice | Ints, arrays: list[Ints]) -> Ints:
    """The best of the three pairs of these triples, by line, in the first array."""
    best = take(gains, pairs[0][rows], arrays[0])
    for pair in pairs[1:]:
        np.maximum(best, take(gains, pair[rows], arrays[1]), out=best)
    return best


def _bounds(parts: _Parts, triples: Members, pairs: Members, rows: slice, arrays: list[Ints]) -> tuple[Ints, Ints]:
    """The best of the three pairs of these triples, and what all three gain at most, by line; in the first arrays."""
    best, most, work, third_slack = (array[: len(pairs[0][rows])] for array in arrays[:4])
    best[:] = IMPOSSIBLE
    most[:] = 0
    for pair in pairs:
        np.maximum(best, take(parts.gains, pair[rows], work), out=best)
        most += work if parts.loose is parts.gains else take(parts.loose, pair[rows], work)
    most >>= 1
    for pair, third in zip(pairs, triples[::-1], strict=True):
        held = take(parts.held, pair[rows], work)
        held += take(parts.slack, third[rows], third_slack)
        np.minimum(most, held, out=most)
    return best, np.maximum(most, best, out=most)


def _fillable(table: Table, triples: Members, numbers: Ints) -> Ints:
    """Those of the numbered triples that can fill every line."""
    for usable, wanted in zip(table.usable.T, table.wanted, strict=True):
        numbers = numbers[sum(usable[member[numbers]] for member in triples) >= wanted]
    return numbers


def _lowest(least: Ints, numbers: Ints) -> tuple[Ints, Ints]:
    """Those with the lowest bounds, as many as a round takes, and the rest."""
    if len(numbers) <= _ROUND_ROWS:
        return numbers, numbers[:0]
    order = least[numbers].argpartition(_ROUND_ROWS)
    return numbers[order[:_ROUND_ROWS]], numbers[order[_ROUND_ROWS:]]
