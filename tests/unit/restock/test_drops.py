"""A limited edition: who gets how many and why, and where the rest goes once it sells."""

import random
from itertools import product

import numpy as np
import pytest
from scipy.stats import nbinom, poisson

from streams.restock.decision.drops import Outlet, Selling, rebalance, remaining, scaled, split
from streams.restock.decision.newsvendor import MICRO
from streams.restock.decision.transfers import Move
from streams.restock.forecast.distribution import Demand


def outlet(store, mean, most=None):
    return Outlet(store, poisson.sf(np.arange(60) - 1, mean), most)


def selling(store, on_hand, mean):
    return Selling(store, on_hand, poisson.sf(np.arange(60) - 1, mean))


def units_of(found):
    return {part.store: part.units for part in found.parts}


def expected_micro(outlets, units):
    """Units expected to be sold, in millionths: each chance is rounded to millionths."""
    return sum(
        int(np.rint(one.chances[unit] * MICRO))
        for one, count in zip(outlets, units, strict=True)
        for unit in range(1, count + 1)
    )


def test_each_store_gets_its_floor_and_the_rest_goes_where_it_sells():
    found = split(12, [outlet("a", 1.0), outlet("b", 6.0), outlet("c", 3.0)], floor=2)
    assert units_of(found) == {"a": 2, "b": 7, "c": 3}
    assert [part.floor for part in found.parts] == [2, 2, 2]
    assert found.kept == 0
    assert found.parts[0].why == "2 as every store; one more would sell with 8 %"
    assert found.parts[1].why == "2 as every store; 5 more: its unit 7 sells with 39 %; one more would sell with 25 %"


def test_what_is_expected_to_sell_is_the_sum_of_the_chances():
    (part,) = split(3, [outlet("a", 2.0)], floor=0).parts
    assert part.sold_milli == int(1000 * sum(poisson.sf(k - 1, 2.0) for k in (1, 2, 3)))
    assert part.last_micro == round(poisson.sf(2, 2.0) * MICRO)


@pytest.mark.parametrize("seed", range(20))
def test_no_split_above_the_floor_sells_more(seed):
    draw = random.Random(seed)
    outlets = [outlet(name, draw.uniform(0.1, 5), draw.choice((None, 1, 3))) for name in "abc"]
    units, floor = draw.randint(0, 9), draw.randint(0, 2)
    found = split(units, outlets, floor)
    given = [part.units for part in found.parts]
    assert sum(given) + found.kept == units
    possible = [
        one for one in product(range(units + 1), repeat=3)
        if sum(one) == sum(given)
        and all(part.floor <= count <= (units if of.most is None else of.most)
                for part, count, of in zip(found.parts, one, outlets, strict=True))
    ]  # fmt: skip
    assert expected_micro(outlets, given) == max(expected_micro(outlets, one) for one in possible)


def test_too_few_for_every_floor_make_the_floor_lower_for_all():
    assert units_of(split(7, [outlet(name, 1.0) for name in "abc"], floor=5)) == {"a": 3, "b": 2, "c": 2}
    assert units_of(split(2, [outlet("a", 1.0), outlet("b", 1.0), outlet("c", 2.0)], floor=1)) == {
        "a": 1, "b": 0, "c": 1
    }  # fmt: skip


def test_a_stores_limit_holds_for_its_floor_too_and_what_nobody_takes_is_kept():
    found = split(10, [outlet("a", 9.0, most=1), outlet("b", 9.0, most=4)], floor=2)
    assert (units_of(found), found.kept) == ({"a": 1, "b": 4}, 5)
    assert found.parts[1].why == "2 as every store; 2 more: its unit 4 sells with 97 %; its limit is 4"
    nobody = Outlet("c", np.array([1.0, 0.0]))
    assert (units_of(split(3, [nobody], floor=1)), split(3, [nobody], floor=1).kept) == ({"c": 1}, 2)
    assert split(3, [], floor=1).kept == 3


def test_equal_stores_get_equal_parts_and_the_first_name_the_odd_unit():
    stores = [outlet(name, 2.0) for name in ("c", "a", "b")]
    assert units_of(split(7, stores, floor=0)) == {"a": 3, "b": 2, "c": 2}


def test_what_does_not_sell_moves_where_it_does_if_that_pays_the_way():
    slow, fast = selling("slow", 5, 0.5), selling("fast", 0, 4.0)
    moves = rebalance([slow, fast], margin_minor=1_000, move_minor=200)
    assert [(move.from_store, move.to_store, move.units) for move in moves] == [("slow", "fast", 4)]
    worth_there = sum(int(np.rint(fast.chances[k] * MICRO)) * 1_000 // MICRO for k in (1, 2, 3, 4))
    worth_here = sum(int(np.rint(slow.chances[k] * MICRO)) * 1_000 // MICRO for k in (2, 3, 4, 5))
    assert moves == [Move("slow", "fast", 4, worth_there - worth_here - 4 * 200)]
    assert rebalance([slow, fast], margin_minor=1_000, move_minor=1_000) == []
    assert rebalance([selling("a", -2, 1.0), selling("b", 0, 3.0)], 1_000, 0) == []


def test_sales_so_far_say_what_is_left_to_come():
    """Gamma with shape 4 and mean 8: 12 sold in half the time make shape 16 and mean 16 ÷ (4 ÷ 8 + 0.5) ÷ 2."""
    before = Demand(np.array([8.0]), np.array([8.0 + 64 / 4]), np.array([0.3]))
    after = remaining(before, np.array([12]), np.array([0.5]))
    assert after.mean == pytest.approx([8.0])
    assert after.variance == pytest.approx([8.0 + 64 / 16])
    assert after.listed.tolist() == [1.0]
    assert remaining(before, np.array([0]), np.array([0.0])).mean == pytest.approx([8.0])
    assert remaining(before, np.array([3]), np.array([1.0])).mean == pytest.approx([0.0])


def test_a_scaled_demand_keeps_how_much_its_rate_varies():
    found = scaled(Demand(np.array([2.0]), np.array([2.0 + 4 / 1.5]), np.ones(1)), np.array([3.0]))
    assert (found.mean.tolist(), found.variance.tolist()) == ([6.0], pytest.approx([6.0 + 36 / 1.5]))
    assert nbinom.mean(1.5, 1.5 / 7.5) == pytest.approx(found.mean[0])
