"""The allocator against trying every assignment, with the formula written again from docs/allocation.md."""

import numpy as np
import pytest
from hypothesis import given, settings

from bench.allocate import LARGE, SMALL, cost_ratio
from bench.allocation_cases import KINDS, make_case, make_policy
from bench.allocation_program import optimum
from streams.allocation import allocate, triples
from streams.allocation.gains import pair_gains, scratch, single_gains, tabulate, triple_gains
from streams.allocation.sets import members, pairs_of_triples
from tests.support.allocation import POLICIES, cases, cheapest_by_trying_all


@settings(max_examples=600)
@given(cases(), POLICIES)
def test_the_answer_is_the_first_of_all_assignments_by_cost_and_tie_rules(case, policy):
    cost, stores, plan = cheapest_by_trying_all(case, policy)
    answer = allocate(case, policy)
    shares = {(share.line_id, share.store): share.quantity_milli for share in answer.shares}
    assert (cost, stores, plan) == (answer.costs.total(), answer.stores(), shares)


@settings(max_examples=200)
@given(cases(), POLICIES)
def test_the_runner_up_is_the_best_without_one_of_the_chosen_stores(case, policy):
    answer = allocate(case, policy)
    if not answer.shares:
        assert answer.runner_up is None
        return
    cost, stores, _ = cheapest_by_trying_all(case, policy, banned=frozenset(answer.stores()))
    assert (stores, cost) == answer.runner_up


@settings(max_examples=200)
@given(cases(most_lines=5), POLICIES)
def test_every_store_is_used_or_refused_and_every_line_filled_or_short(case, policy):
    answer = allocate(case, policy)
    refused = [refusal.store for refusal in answer.refused]
    assert sorted(store.store for store in case.stores) == sorted([*answer.stores(), *refused])
    for line in case.lines:
        filled = sum(share.quantity_milli for share in answer.shares if share.line_id == line.line_id)
        missing = sum(short.missing_milli for short in answer.short if short.line_id == line.line_id)
        assert line.quantity_milli == filled + missing


@settings(max_examples=200)
@given(cases(most_lines=5), POLICIES)
def test_the_order_of_stores_in_the_case_changes_nothing(case, policy):
    turned = case._replace(stores=case.stores[::-1])
    assert allocate(case, policy) == allocate(turned, policy)


@pytest.mark.parametrize("kind", KINDS)
def test_costs_equal_the_optimum_of_an_integer_program(kind):
    sizes = ((5, 2), (8, 4), (12, 3), (10, 8))
    for seed in range(60):
        assert cost_ratio(make_case(kind, *sizes[seed % 4], seed), make_policy(seed // 4)) == 1, f"seed {seed}"


@pytest.mark.parametrize("kind", KINDS)
def test_costs_equal_the_optimum_in_a_pool_of_34_stores(kind):
    for seed in range(2):
        assert cost_ratio(make_case(kind, *SMALL, seed), make_policy(seed)) == 1


@pytest.mark.parametrize("kind", ["short", "tight", "near_equal", "tight_whole"])
def test_costs_equal_the_optimum_at_60_stores_and_30_lines(kind):
    assert cost_ratio(make_case(kind, *LARGE, seed=1), make_policy(0)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_runner_up_costs_what_the_integer_program_finds_without_one_of_the_chosen_stores(kind):
    for seed in range(20):
        case, policy = make_case(kind, 12, 5, seed), make_policy(seed)
        answer = allocate(case, policy)
        if answer.shares:
            assert optimum(case, policy, answer.stores()) == answer.runner_up.cost_milli_minor, f"seed {seed}"
        else:
            assert answer.runner_up is None


@pytest.mark.parametrize("kind", KINDS)
def test_how_many_sets_are_looked_at_together_changes_nothing(kind, monkeypatch):
    cases = [(make_case(kind, 14, 5, seed), make_policy(seed)) for seed in range(6)]
    answers = [allocate(case, policy) for case, policy in cases]
    monkeypatch.setattr(triples, "_BLOCK_ROWS", 7)
    monkeypatch.setattr(triples, "_ROUND_ROWS", 1)
    assert [allocate(case, policy) for case, policy in cases] == answers


@pytest.mark.parametrize("kind", KINDS)
def test_the_bound_on_three_stores_is_never_below_what_they_gain(kind):
    for seed in range(10):
        case, policy = make_case(kind, 9, 6, seed), make_policy(seed)
        table = tabulate(case, list(case.stores), policy)
        slack = triples._slack(table)
        needed = triples._needing_three(table, slack)
        pairs, threes = members(9, 2), members(9, 3)
        gains = pair_gains(table, single_gains(table), pairs)
        exact = triple_gains(table, threes, scratch(len(threes[0]), 6, 7)).copy()
        best_pair = np.maximum.reduce([gains[pair] for pair in pairs_of_triples(9)])
        elsewhere = np.delete(exact - best_pair, needed, axis=1)
        assert (elsewhere <= 0).all()
        parts = triples._parts(table.columns(needed), gains[:, needed], slack[:, needed])
        arrays = scratch(len(threes[0]), len(needed), 4)
        _, most = triples._bounds(parts, threes, pairs_of_triples(9), slice(None), arrays)
        assert (exact[:, needed] <= most).all()
