"""What a unit more is worth, which packs are ordered, what will still be there to sell, and which goods move."""

import random

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.stats import poisson

from streams.restock.decision.newsvendor import Terms, gains, order_up_to
from streams.restock.decision.packs import Need, choose_packs, pack_gain
from streams.restock.decision.stock import Lot, Outlook, outlook, stock_position
from streams.restock.decision.transfers import Move, Side, best_moves, without_poor_trips

MILK = Terms(margin_minor=40, waste_minor=80, holding_minor=0, window_days=3, life_days=6)
SALT = Terms(margin_minor=40, waste_minor=80, holding_minor=2, window_days=3, life_days=None)


def at_least(mean, units=30):
    """Chances that at least 0, 1, 2 … units are demanded."""
    return poisson.sf(np.arange(units + 1) - 1, mean)[None, :]


def need(sku, worth, position=0, pack=1, cost=100):
    return Need(sku, np.array(worth) * 1_000_000, position, pack, cost)


def test_a_unit_gains_its_margin_by_its_chance_less_waste_and_holding():
    wanted, in_life = np.array([[1.0, 0.5, 0.25]] * 2), np.array([[1.0, 0.9, 0.6]] * 2)
    expected = [0.5 * 40 - 0.1 * 80 * 3 / 6, 0.25 * 40 - 0.4 * 80 * 3 / 6]
    assert gains([MILK, SALT], wanted, in_life).tolist() == [
        [gain * 1_000_000 for gain in expected], [18_000_000, 8_000_000]
    ]  # fmt: skip


def test_goods_that_do_not_spoil_are_stocked_to_the_critical_ratio():
    """Margin against holding alone: the quantile of demand at 1 - holding / margin."""
    found = order_up_to(gains([SALT], at_least(8.0), at_least(8.0)))
    assert found == poisson.ppf(1 - 2 / 40, 8.0)


def test_what_spoils_is_stocked_less_the_shorter_it_lives():
    stocks = [
        order_up_to(gains([MILK._replace(life_days=life)], at_least(6.0), at_least(2.0 * (life + 1))))
        for life in (2, 4, 8, 30)
    ]
    assert stocks == sorted(stocks)
    assert stocks[0] < stocks[-1]


def test_old_goods_are_sold_first_and_what_expires_does_not_count():
    lots = [Lot(5, None), Lot(4, 3), Lot(6, 1)]
    assert outlook(lots, milli_a_day=2_000) == Outlook(usable=5 + 2 + 4, expiring=4)
    assert outlook(lots, milli_a_day=0) == Outlook(usable=5, expiring=10)
    assert outlook([Lot(-3, 2)], milli_a_day=1_000) == Outlook(0, 0)


def test_against_an_order_counts_what_outlasts_its_window_though_it_may_spoil_later():
    """A slow item's one unit on the shelf is stock, though fewer than one are expected to be sold in its life."""
    assert stock_position([Lot(1, 5)], milli_a_day=100, window_days=3) == 1
    assert stock_position([Lot(1, 3)], milli_a_day=100, window_days=3) == 1
    assert stock_position([Lot(1, 2)], milli_a_day=100, window_days=3) == 0
    assert stock_position([Lot(5, None), Lot(9, 2), Lot(6, 1)], milli_a_day=2_000, window_days=3) == 5 + 4
    assert stock_position([Lot(-3, 9)], milli_a_day=1_000, window_days=3) == 0


def test_packs_are_whole_and_stop_where_they_lose():
    bread = need("bread", [9, 8, 7, 6, 2, -3, -5, -7], position=1, pack=2)
    assert [pack_gain(bread, packs) // 1_000_000 for packs in range(4)] == [15, 8, -8, -14]
    order = choose_packs([bread], budget_minor=1_000, minimum_minor=0)
    assert (order.packs, order.cost_minor, order.gain_micro) == ({"bread": 2}, 200, 23_000_000)


def test_a_small_budget_goes_where_it_gains_most():
    needs = [need("bread", [9, 1]), need("cake", [20, 15], cost=300), need("milk", [8, 7])]
    assert choose_packs(needs, 200, 0).packs == {"bread": 1, "milk": 1}
    assert choose_packs(needs, 600, 0).packs == {"bread": 1, "cake": 1, "milk": 2}
    assert choose_packs(needs, 99, 0).packs == {}


def test_an_order_is_filled_up_to_the_suppliers_minimum_if_it_still_gains():
    filled = choose_packs([need("bread", [9, -1, -2]), need("milk", [5, -4])], 1_000, minimum_minor=400)
    assert (filled.packs, filled.gain_micro) == ({"bread": 3, "milk": 1}, 11_000_000)
    refused = choose_packs([need("bread", [3, -9, -9])], 1_000, minimum_minor=300)
    assert (refused.packs, refused.is_below_minimum) == ({}, True)
    idle = choose_packs([need("bread", [-1, -2])], 1_000, minimum_minor=300)
    assert (idle.packs, idle.is_below_minimum) == ({}, False)


def random_case(draw):
    """Donors and receivers of an item with the costs between them."""
    stores = [f"s{number}" for number in range(draw.randint(2, 8))]
    half = draw.randint(1, len(stores) - 1)
    donors = [Side(name, sorted(draw.randint(-50, 60) for _ in range(draw.randint(0, 6)))) for name in stores[:half]]
    receivers = [
        Side(name, sorted((draw.randint(-20, 90) for _ in range(draw.randint(0, 6))), reverse=True))
        for name in stores[half:]
    ]
    cost = {(one, other): draw.randint(0, 40) for one in stores for other in stores if draw.random() < 0.9}
    return donors, receivers, cost


def optimum(donors, receivers, cost):
    """The greatest gain by an integer program over units of each donor and each receiver."""
    pairs = [
        (out, into, receivers[j].worth[m] - donors[i].worth[k] - cost[donors[i].store, receivers[j].store])
        for i in range(len(donors)) for k in range(len(donors[i].worth)) for out in [(i, k)]
        for j in range(len(receivers)) for m in range(len(receivers[j].worth)) for into in [(j, m)]
        if (donors[i].store, receivers[j].store) in cost
    ]  # fmt: skip
    if not pairs:
        return 0
    rows = [
        [pair[side] == unit for pair in pairs] for side in (0, 1) for unit in sorted({pair[side] for pair in pairs})
    ]
    found = milp(
        -np.array([pair[2] for pair in pairs], float), integrality=np.ones(len(pairs)), bounds=Bounds(0, 1),
        constraints=LinearConstraint(np.array(rows, float), -np.inf, 1),
    )  # fmt: skip
    return round(-found.fun)


@pytest.mark.parametrize("seed", range(10))
def test_moves_are_the_optimum_of_an_integer_program(seed):
    draw = random.Random(seed)
    for _ in range(30):
        donors, receivers, cost = random_case(draw)
        moves = best_moves(donors, receivers, cost)
        assert sum(move.gain for move in moves) == optimum(donors, receivers, cost)
        assert best_moves(receivers=receivers[::-1], donors=donors[::-1], cost=cost) == moves


def test_moves_take_the_units_that_are_worth_least_where_they_are():
    donors, receivers = [Side("a", [-5, 0, 30])], [Side("b", [20, 12, 4])]
    moves = best_moves(donors, receivers, {("a", "b"): 3})
    assert moves == [Move("a", "b", 2, (20 + 5 - 3) + (12 - 0 - 3))]
    assert best_moves(donors, receivers, {}) == []
    assert best_moves(donors, receivers, {("a", "b"): 25}) == []


def test_of_equally_good_moves_those_between_first_names_are_made():
    donors, receivers = [Side("b", [0]), Side("a", [0])], [Side("d", [9]), Side("c", [9])]
    every = {(one, other): 1 for one in "ab" for other in "cd"}
    assert best_moves(donors[:1], receivers, every) == [Move("b", "c", 1, 8)]
    assert best_moves(donors, receivers[:1], every) == [Move("a", "d", 1, 8)]


def test_a_trip_that_does_not_pay_is_not_made_and_another_may_pay_in_its_stead():
    items = {
        "bread": ([Side("a", [0]), Side("b", [0, 0])], [Side("c", [10, 9])]),
        "milk": ([Side("b", [0])], [Side("c", [8])]),
    }
    cost = {("a", "c"): 0, ("b", "c"): 1}
    assert without_poor_trips(items, cost, trip_cost=0)["bread"] == [Move("a", "c", 1, 10), Move("b", "c", 1, 8)]
    assert without_poor_trips(items, cost, trip_cost=12) == {
        "bread": [Move("b", "c", 2, 17)], "milk": [Move("b", "c", 1, 7)]
    }  # fmt: skip
    assert without_poor_trips(items, cost, trip_cost=30) == {}
