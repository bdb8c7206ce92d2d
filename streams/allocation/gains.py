"""Gains of one, two or three stores on each line against leaving it missing: rows of 64-bit integers, a column a line.

The gain of a line from stores is the price of what they fill, plus waste avoided, minus what their shares cost. They
fill as much as they have, since each thousandth gains at least 1; what is too much stays where it gains least.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.allocation.cost import missing_minor_per_unit, saved_minor_per_unit
from streams.allocation.model import Case, Offer, Policy, Store

Ints = NDArray[np.int64]
Members = tuple[NDArray[np.intp], ...]
"""Sets of stores of one size: their first stores, their second ones …, by number."""

IMPOSSIBLE = -(1 << 56)
"""Gain on a line that is left short when it may not: below any sum of gains."""


class Table(NamedTuple):
    """A case as arrays: a row for each store, a column for each line."""

    wanted: Ints
    """One row."""
    usable: Ints
    value: Ints
    """What a thousandth gains."""
    share: Ints
    """What a share costs."""
    extra: int
    """What each extra store of a line costs."""
    whole: bool
    """Every line is to be filled."""

    def rows(self, chosen: NDArray[Any]) -> "Table":
        """The same for some of the stores."""
        return self._replace(usable=self.usable[chosen], value=self.value[chosen], share=self.share[chosen])

    def columns(self, chosen: Ints) -> "Table":
        """The same for some of the lines."""
        parts = (self.wanted[chosen], self.usable[:, chosen], self.value[:, chosen], self.share[:, chosen])
        return Table(*parts, self.extra, self.whole)


def tabulate(case: Case, stores: list[Store], policy: Policy) -> Table:
    """The case for these stores, numbered in their order."""
    lines = case.lines
    wanted = np.array([line.quantity_milli for line in lines], np.int64)
    steps = np.array([line.step_milli for line in lines], np.int64)
    prices = np.array([missing_minor_per_unit(line, policy) for line in lines], np.int64)
    skus = [line.sku for line in lines]
    offers = [[store.offers.get(sku, _NOTHING) for sku in skus] for store in stores]
    usable = np.minimum(np.array([[offer[0] for offer in row] for row in offers], np.int64), wanted)
    usable -= usable % steps
    confidence = np.array([[offer[1] for offer in row] for row in offers], np.int64)
    usable[(confidence < policy.min_confidence_permille) | (usable < 0)] = 0
    for number, store in enumerate(stores):
        if store.excluded_lines:
            usable[number, [line.line_id in store.excluded_lines for line in lines]] = 0
    saved = [
        [
            0 if offer[2] is None else saved_minor_per_unit(line, offer, policy)
            for line, offer in zip(lines, row, strict=True)
        ]
        for row in offers
    ]
    share = 1000 * policy.handling_minor_per_share + (1000 - confidence) * policy.short_pick_minor
    share[usable == 0] = 0
    extra = 1000 * policy.line_split_minor_per_extra_store
    return Table(wanted, usable, prices + np.array(saved, np.int64), share, extra, not case.may_part_fill)


_NOTHING = Offer(0, 0)


def single_gains(table: Table) -> Ints:
    """Best gain from each store alone, or from nobody where a line may stay short."""
    gains: Ints = table.value * table.usable - table.share
    if table.whole:
        gains[table.usable != table.wanted] = IMPOSSIBLE
    else:
        np.maximum(gains, 0, out=gains)
    return gains


def pair_gains(table: Table, singles: Ints, pairs: Members) -> Ints:
    """Best gain from each pair: one of the two, or both."""
    first, second = pairs
    usable, value = table.usable, table.value
    taken = value * usable - table.share
    excess = usable[first] + usable[second] - table.wanted
    gains: Ints = taken[first] + taken[second] - table.extra
    gains -= np.maximum(excess, 0) * np.minimum(value[first], value[second])
    if table.whole:
        gains[excess < 0] = IMPOSSIBLE
    np.maximum(gains, singles[first], out=gains)
    np.maximum(gains, singles[second], out=gains)
    return gains


def scratch(rows: int, columns: int, arrays: int) -> list[Ints]:
    """Arrays to compute in, used again and again: fresh ones would cost more than what is done in them."""
    return list(np.empty((arrays, rows, columns), np.int64))


def take(values: Ints, rows: NDArray[np.intp], out: Ints) -> Ints:
    """These rows of `values`, in the first rows of `out`."""
    return values.take(rows, axis=0, out=out[: len(rows)], mode="clip")  # twice as fast as an index: nothing to check


def triple_gains(table: Table, triples: Members, arrays: list[Ints]) -> Ints:
    """Gain when each of three has a share; IMPOSSIBLE where the least gainful of them would have nothing to do.

    `arrays` are 7 of scratch; the gains are in the first of them.
    """
    taken = table.value * table.usable - table.share
    gains, excess, least_gainful, lowest, *values = (array[: len(triples[0])] for array in arrays)
    for value, member in zip(values, triples, strict=True):
        take(table.value, member, value)
    np.minimum(values[0], values[1], out=lowest)
    np.minimum(lowest, values[2], out=lowest)
    gains[:] = -2 * table.extra
    excess[:] = -table.wanted
    least_gainful[:] = 0
    for value, member in zip(values, triples, strict=True):
        among_lowest = value == lowest
        usable = take(table.usable, member, value)
        excess += usable
        usable *= among_lowest
        least_gainful += usable
        gains += take(taken, member, value)
    idle = excess >= least_gainful
    if table.whole:
        idle |= excess < 0
    np.maximum(excess, 0, out=excess)
    excess *= lowest
    gains -= excess
    gains[idle] = IMPOSSIBLE
    return gains
