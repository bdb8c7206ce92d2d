"""The cheapest set of at most three stores, out of all of them, and the second.

Given a set of stores its lines do not touch each other: the set costs what its stores cost, less the best gain on each
line. A store without a share only adds to that, so the best set uses each of its stores.
"""

import numpy as np

from streams.allocation.gains import Ints, Table, pair_gains, single_gains
from streams.allocation.sets import Found, Sets, costs_of_stores, first, members, sum_rows
from streams.allocation.triples import take_off_gains


def cheapest(table: Table, store_costs: Ints, extra_store: int, most_stores: int) -> tuple[Found, Found | None]:
    """The best set, and the best of those that do not hold all of it. Ties go to fewer stores, then lower numbers.

    `store_costs` has the cost of using each store, `extra_store` that of each store but one.
    """
    stores = len(store_costs)
    if table.whole and (np.sort(table.usable, axis=0)[-most_stores:].sum(axis=0) < table.wanted).any():
        return Found(0, ()), None
    singles = single_gains(table)
    groups = [Sets(members(stores, 1), store_costs - sum_rows(singles))]
    if most_stores >= 2 and stores >= 2:
        pairs = members(stores, 2)
        gains = pair_gains(table, singles, pairs)
        groups.append(Sets(pairs, costs_of_stores(pairs, store_costs, extra_store) - sum_rows(gains)))
        if most_stores >= 3 and stores >= 3:
            triples = members(stores, 3)
            groups.append(Sets(triples, costs_of_stores(triples, store_costs, extra_store)))
            take_off_gains(table, gains, groups)
    best = first(groups)
    return best, first(groups, without=best.stores) if best.stores else None
