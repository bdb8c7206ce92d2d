"""Sets of one, two or three stores in the order of ties, their costs, and the first of them."""

from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np

from streams.allocation.gains import Ints, Members


class Found(NamedTuple):
    """A set of stores by number, and its cost above that of filling nothing."""

    cost: int
    stores: tuple[int, ...]


class Sets(NamedTuple):
    """All sets of one size in the order of ties, with their costs."""

    members: Members
    costs: Ints


@lru_cache(maxsize=256)
def members(stores: int, size: int) -> Members:
    """All sets of one size, in the order of ties."""
    return tuple(np.array(list(combinations(range(stores), size)), np.intp).T.copy())


@lru_cache(maxsize=64)
def pairs_of_triples(stores: int) -> Members:
    """For each triple the numbers of its pairs: without its third store, its second, its first."""
    number = np.zeros((stores, stores), np.intp)
    number[members(stores, 2)] = np.arange(stores * (stores - 1) // 2)
    first, second, third = members(stores, 3)
    return number[first, second], number[first, third], number[second, third]


def costs_of_stores(sets: Members, store_costs: Ints, extra_store: int) -> Ints:
    """What each set costs before any gain."""
    costs: Ints = sum((store_costs[member] for member in sets), start=np.array((len(sets) - 1) * extra_store))
    return costs


def sum_rows(gains: Ints) -> Ints:
    """Of each row its sum. Four times as fast as sum(axis=1) on short rows."""
    total: Ints = np.einsum("ij->i", gains)
    return total


def first(groups: list[Sets], without: tuple[int, ...] = ()) -> Found:
    """The first by cost and ties, of the sets that lack one of `without`. No stores at all cost 0."""
    best = Found(0, ())
    for group in groups:
        costs = group.costs
        if without and len(without) <= len(group.members):
            holds_all = np.logical_and.reduce(
                [np.logical_or.reduce([member == store for member in group.members]) for store in without]
            )
            costs = np.where(holds_all, 0, costs)
        number = int(costs.argmin())
        if costs[number] < best.cost:
            best = Found(int(costs[number]), tuple(int(member[number]) for member in group.members))
    return best


def limit(groups: list[Sets]) -> int:
    """A set that costs more can be neither the first nor the best without one of its stores."""
    return first(groups, without=first(groups).stores).cost
