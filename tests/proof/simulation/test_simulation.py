"""A short run of the simulation."""

from functools import cache

import pytest

from tests.proof.simulation.run import simulate, simulate_lending


@cache
def lived(seed):
    return simulate(seed, 5)


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_pool_s_life_keeps_every_rule(seed):
    life = lived(seed)

    assert min(life.faults[name] for name in ("delayed", "dropped", "duplicated", "corrupted", "crashed")) > 0
    assert {
        "order rerouted",
        "order sold_at_till",
        "order expired",
        "task pick late",
        "transfer open ",
    } <= life.seen.keys()


def test_lives_settle_by_every_kind_of_terms_and_through_every_trouble():
    lives = [lived(seed) for seed in range(1, 7)]

    met = {name for life in lives for name in (*life.faults, *life.seen)}
    assert {"settlement killed", "settlement thought dead", "settlement fenced"} <= met
    assert {f"posted {kind}" for kind in ("goods_sold", "no_show", "transfer", "lot_sold", "restated")} <= met


def test_restock_proposes_and_takes_answers_through_every_trouble_and_nothing_is_lost_or_told_twice():
    lives = [simulate(seed, 4, is_restocked=True) for seed in range(1, 4)]

    met = {name for life in lives for name in (*life.faults, *life.seen)}
    assert {"restock killed", "restock restarted", "move proposed", "event named"} <= met
    assert {f"proposal {status} nightly" for status in ("open", "approved", "changed", "refused", "withdrawn")} <= met
    told = ("restock.purchases.v1", "orders.requests.v1", "restock.answers.dlq.v1")
    assert {"proposal open low_cover", *(f"told on {topic}" for topic in told)} <= met


def test_a_seed_gives_the_same_life_again():
    assert simulate(9, 3, is_restocked=True) == simulate(9, 3, is_restocked=True)


@pytest.mark.parametrize("seed", range(1, 13))
def test_pools_that_lend_promise_no_unit_twice_and_what_was_lent_returns(seed):
    life = simulate_lending(seed, 3)

    assert life.seen["messages"] > 20
    assert life.seen["order in south"] > 0


def test_pools_that_lend_for_longer_than_a_late_fact_may_wait_take_what_is_told_to_the_end():
    assert simulate_lending(1, 10).seen["handed over"] > 0


def test_lives_of_pools_that_lend_meet_every_trouble_and_hand_goods_over():
    lives = [simulate_lending(seed, 2) for seed in range(20, 26)]

    met = {name for life in lives for name in life.faults}
    assert met == {"message lost", "message repeated", "message reordered", "died between pools"}
    assert sum(life.seen["handed over"] for life in lives) > 0


def test_a_seed_gives_the_same_lending_again():
    first, second = simulate_lending(9, 2), simulate_lending(9, 2)

    assert (first.seen, first.faults) == (second.seen, second.faults)
    assert [first.pools.said(pool) for pool in ("north", "south")] == [
        second.pools.said(pool) for pool in ("north", "south")
    ]
