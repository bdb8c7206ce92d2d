"""From a case to its answer: who may, which stores are cheapest, who gives what, and why not the others."""

from itertools import combinations

import numpy as np

from streams.allocation.cost import costs_of, store_terms
from streams.allocation.exclusions import left_out, nothing_to_give, shut_out
from streams.allocation.gains import Table, tabulate
from streams.allocation.model import Answer, Case, Policy, Reason, Refusal, RunnerUp, Share, Short, Store
from streams.allocation.search import cheapest
from streams.allocation.sets import Found


def allocate(case: Case, policy: Policy) -> Answer:
    """The cheapest answer; ties go to fewer stores, the preferred one first, then as docs/allocation.md says."""
    refused: dict[str, Reason] = {}
    able = []
    for store in sorted(case.stores, key=lambda store: (store.store != case.preferred_store, store.store)):
        reason = shut_out(store, policy)
        if reason is None:
            able.append(store)
        else:
            refused[store.store] = reason
    if not able or not case.lines:
        return _answer(case, policy, (), None, refused)
    table = tabulate(case, able, policy)
    useful = [any(row) for row in table.usable.tolist()]
    refused |= {
        store.store: nothing_to_give(case, store) for store, gives in zip(able, useful, strict=True) if not gives
    }
    able = [store for store, gives in zip(able, useful, strict=True) if gives]
    if not able:
        return _answer(case, policy, (), None, refused)
    table = table.rows(np.flatnonzero(useful))
    best, second = _cheapest(case, able, table, policy)
    fills_all = (table.usable == table.wanted).all(axis=1).tolist()
    refused |= {
        store.store: left_out(case, policy, fills_all[number], bool(best.stores))
        for number, store in enumerate(able)
        if number not in best.stores
    }
    shares = _share_out(case, [able[number] for number in best.stores], table.rows(np.array(best.stores, np.intp)))
    runner_up = None
    if second is not None:
        nothing_filled = costs_of(case, policy, ()).total()
        runner_up = RunnerUp(
            tuple(sorted(able[number].store for number in second.stores)), nothing_filled + second.cost
        )
    return _answer(case, policy, shares, runner_up, refused)


def _cheapest(case: Case, able: list[Store], table: Table, policy: Policy) -> tuple[Found, Found | None]:
    store_costs = np.array([store_terms(store, case.preferred_store, policy).total() for store in able], np.int64)
    most_stores = policy.max_stores if case.may_split else 1
    return cheapest(table, store_costs, 1000 * policy.split_minor_per_extra_store, most_stores)


def _share_out(case: Case, chosen: list[Store], table: Table) -> tuple[Share, ...]:
    """Each line's shares from the chosen stores: most gain, then fewest stores, then by ids."""
    shares = []
    groups = [group for size in range(len(chosen) + 1) for group in combinations(range(len(chosen)), size)]
    columns = zip(table.usable.T.tolist(), table.value.T.tolist(), table.share.T.tolist(), strict=True)
    for line, (usable, value, share) in zip(case.lines, columns, strict=True):
        most, amounts = None, [0] * len(chosen)
        for group in groups:
            gain = -table.extra * max(len(group) - 1, 0)
            left = line.quantity_milli
            given = [0] * len(chosen)
            for number in sorted(group, key=lambda number: -value[number]):  # an excess stays where it gains least
                given[number] = min(usable[number], left)
                left -= given[number]
                gain += value[number] * given[number] - share[number]
            if (left == 0 or not table.whole) and (most is None or gain > most):
                most, amounts = gain, given
        shares += [
            Share(line.line_id, store, milli)
            for store, milli in sorted(zip((store.store for store in chosen), amounts, strict=True))
            if milli
        ]
    return tuple(shares)


def _answer(
    case: Case, policy: Policy, shares: tuple[Share, ...], runner_up: RunnerUp | None, refused: dict[str, Reason]
) -> Answer:
    missing = {line.line_id: line.quantity_milli for line in case.lines}
    for share in shares:
        missing[share.line_id] -= share.quantity_milli
    return Answer(
        shares,
        costs_of(case, policy, shares),
        runner_up,
        tuple(Refusal(store, reason) for store, reason in sorted(refused.items())),
        tuple(Short(line_id, milli) for line_id, milli in missing.items() if milli),
    )
