"""The split of a limited edition over stores, and what moves between them once it sells.

Above a floor that every store gets, each next unit goes where it most probably sells. The expected number of units sold
is concave in what a store gets, so no other split above the floor sells more (Fox 1966, marginal analysis). Chances are
rounded to millionths first, so that all is whole numbers.
"""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from streams.restock.decision.newsvendor import MICRO, in_micro
from streams.restock.decision.transfers import Move, Side, best_moves
from streams.restock.forecast.distribution import Demand
from streams.restock.forecast.portable import Floats, Ints


class Outlet(NamedTuple):
    """A store that takes part in a drop."""

    store: str
    chances: Floats
    """Chance that at least k units are demanded while the drop lasts, k = 0, 1 …; further units do not sell."""
    most: int | None = None
    """Units that it may get; None: no limit."""


class Part(NamedTuple):
    """The units that a store gets of a drop."""

    store: str
    units: int
    floor: int
    """Units that it gets as every store does."""
    last_micro: int
    """Chance, in millionths, that its last unit sells; without a unit that its first one would."""
    sold_milli: int
    """Units expected to be sold, in thousandths."""
    why: str


class Split(NamedTuple):
    """A drop, split over its stores."""

    parts: list[Part]
    """By store."""
    kept: int
    """Units that no store gets: its limit is reached, or nobody is expected to want more."""


class Selling(NamedTuple):
    """A store in the midst of a drop."""

    store: str
    on_hand: int
    chances: Floats
    """Chance that at least k units are demanded in what is left of the drop, k = 0, 1 …"""


def split(units: int, outlets: Sequence[Outlet], floor: int) -> Split:
    """The parts of the stores. Ties go to the store with fewer units, then to the first name.

    floor: units that each store gets first, as far as its limit lets it; less where there are not so many for each.
    """
    least = min(floor, units // len(outlets)) if outlets else 0
    given = {one.store: least if one.most is None else min(least, one.most) for one in outlets}
    floors = dict(given)
    chances = {one.store: in_micro(one.chances) for one in outlets}
    most = {one.store: units if one.most is None else one.most for one in outlets}
    left = units - sum(given.values())
    queue = [(-_at(chances[store], given[store] + 1), given[store], store) for store in given]
    heapq.heapify(queue)
    while left and queue:
        chance, _, store = heapq.heappop(queue)
        if chance == 0 or given[store] >= most[store]:
            continue
        given[store] += 1
        left -= 1
        heapq.heappush(queue, (-_at(chances[store], given[store] + 1), given[store], store))
    parts = [
        Part(
            store, given[store], floors[store], _at(chances[store], max(given[store], 1)),
            sum(_at(chances[store], unit) for unit in range(1, given[store] + 1)) * 1000 // MICRO,
            _why(store, given, floors, most, chances),
        )
        for store in sorted(given)
    ]  # fmt: skip
    return Split(parts, left)


def rebalance(stores: Sequence[Selling], margin_minor: int, move_minor: int) -> list[Move]:
    """The moves after which most is expected to be sold, less what they cost; gains in minor units.

    margin_minor: gained by a unit that is sold; move_minor: the cost of moving one.
    """
    donors, receivers = [], []
    total = sum(max(one.on_hand, 0) for one in stores)
    for one in stores:
        worth = [_at(in_micro(one.chances), unit) * margin_minor // MICRO for unit in range(1, total + 1)]
        have = max(one.on_hand, 0)
        donors.append(Side(one.store, worth[:have][::-1]))
        receivers.append(Side(one.store, [gain for gain in worth[have:] if gain > move_minor]))
    pairs = {(one.store, other.store): move_minor for one in stores for other in stores if one is not other}
    return best_moves(donors, receivers, pairs)


def scaled(demand: Demand, factor: Floats) -> Demand:
    """The demand for something that is wanted so many times as much, by stores that differ as they did."""
    spread = np.maximum(demand.variance - demand.mean, 0.0)
    mean = demand.mean * factor
    return Demand(mean, mean + spread * factor * factor, demand.listed)


def remaining(demand: Demand, sold: Ints, passed: Floats) -> Demand:
    """The demand of what is left of a drop, once so much was sold in a part of it: from 0 to 1, of each shelf.

    The rate is gamma distributed; what was sold changes it as in a shelf's own rate (`forecast.shelf`). A store that
    has the edition does sell it.
    """
    mean = np.maximum(demand.mean, 1e-9)
    shape = mean * mean / np.maximum(demand.variance - mean, mean * 1e-4)
    after = shape + np.maximum(sold, 0)
    rest = after / (shape / mean + passed) * (1.0 - passed)
    return Demand(rest, rest + rest * rest / after, np.ones_like(rest))


def _why(
    store: str, given: dict[str, int], floors: dict[str, int], most: dict[str, int], chances: dict[str, Ints]
) -> str:
    units, floor = given[store], floors[store]
    said = [f"{floor} as every store" if floor else "no floor"]
    if units > floor:
        said.append(f"{units - floor} more: its unit {units} sells with {_percent(_at(chances[store], units))}")
    following = _percent(_at(chances[store], units + 1))
    if units >= most[store]:
        said.append(f"its limit is {most[store]}")
    else:
        said.append(f"one more would sell with {following}")
    return "; ".join(said)


def _percent(micro: int) -> str:
    return f"{micro * 100 // MICRO} %" if micro * 100 >= MICRO or micro == 0 else "under 1 %"


def _at(chances: Ints, units: int) -> int:
    return int(chances[units]) if units < len(chances) else 0
