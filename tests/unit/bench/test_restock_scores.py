"""Losses, scales, intervals and calibration of `bench restock`, and what its data hold."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from bench.errors import BenchError
from bench.restock.baselines import empirical
from bench.restock.decisions import LIFE_DAYS, Point, _s_s, _states, _worth, simulate, value_at
from bench.restock.generated import generate
from bench.restock.measure import Settings, measure_restock
from bench.restock.scores import HIGH, LOW, calibration_worst, gain_interval, gain_percent, losses, masses, scale
from streams.restock.calendar.public_holidays import public_holidays
from streams.restock.forecast.distribution import Demand, quantiles

PERMILLE = (500, 800, 900, 950)


def test_a_loss_is_the_mean_of_four_pinball_losses():
    found, sold = np.array([[[1, 2, 3, 5]]]), np.array([[3]])
    expected = (0.5 * 2 + 0.8 * 1 + 0 + 0.05 * 2) / 4
    assert losses(found, sold)[0, 0] == pytest.approx(expected)


def test_the_scale_is_the_mean_step_between_sums_and_never_nothing():
    sold = np.array([[9, 1, 1, 0, 4, 2, 1], [0, 0, 0, 0, 0, 0, 0]])
    assert scale(sold, 2).tolist() == [((4 - 2) + (4 - 3)) / 2, 0.05]


def test_a_gain_is_of_sums_and_its_interval_is_around_it():
    ours, theirs = np.array([1.0, 2.0, 3.0, 3.0]), np.array([2.0, 2.0, 3.0, 5.0])
    assert gain_percent(ours, theirs) == 25.0
    low, high = gain_interval(ours, theirs, np.array([0, 0, 1, 1]), seed=1)
    assert (low, high) == (25.0, 25.0)
    low, high = gain_interval(ours, theirs, np.arange(4), seed=1)
    assert low < 25 < high


def test_chances_that_come_true_are_calibrated_and_others_are_not():
    count = 40_000
    draw = np.random.default_rng(5)
    mean = np.full(count, 1.2)
    right = Demand(mean, mean, np.ones(count))
    sold = draw.poisson(1.2, count)
    assert calibration_worst(list(masses(right, quantiles(right, PERMILLE), sold)), *LOW) < 0.01
    wrong = Demand(1.5 * mean, 1.5 * mean, np.ones(count))
    rows = list(masses(wrong, quantiles(wrong, PERMILLE), sold))
    assert calibration_worst(rows, *LOW) > 0.05
    assert calibration_worst(rows, *HIGH) is None


def test_empirical_quantiles_are_of_all_sums_and_of_the_last_four_weeks():
    sold = np.zeros((1, 100), np.int64)
    sold[0, 80] = 6
    found = dict(empirical(sold, lead=7))
    assert found["all_history"][0].tolist() == [0, 0, 0, 6]
    assert found["28_days"][0].tolist() == [0, 6, 6, 6]


def test_made_up_sales_follow_their_truth():
    history = generate(stores=10, skus=40, seed=3)
    origins = history.origins(7)
    assert len(origins) == 8
    true = sum(history.truth(origin, 7).expected().sum() for origin in origins)
    assert history.sums(origins, 7).sum() == pytest.approx(true, rel=0.05)


def test_both_policies_know_the_same_calendar():
    """An item that is on a leaflet every other week sells four times as much then; (s,S) that knows it loses less."""
    history = generate(stores=6, skus=10, seed=4)
    on = np.arange(history.sold.shape[1]) // 7 % 2 == 0
    history.leaflet[:] = on
    history.sold[:] = np.where(on, 8, 2)
    lost = {}
    for calendar in ("none", "leaflet"):
        states = _states(history, calendar)
        lost[calendar] = simulate(history, _s_s(history, _worth(history, calendar, states), 0.0)).lost
    assert lost["leaflet"] < lost["none"] / 2


def test_holidays_are_known_unless_nothing_is():
    day = date(2024, 7, 4)
    history = replace(generate(stores=2, skus=10, seed=1), holidays=public_holidays("US", None, day, day))
    number = (day - history.first_day).days
    assert history.kinds("none") == []
    assert [kind.name for kind in history.kinds("all")] == ["public holiday", "leaflet"]
    assert [kind.name for kind in history.kinds("leaflet")] == ["leaflet"]
    assert history.day(number, "none").occasions == ()
    (occasion,) = history.day(number, "holidays").occasions
    assert occasion.shelves.all()
    assert [one.kind for one in history.day(number, "all").occasions] == [0, 1]


def test_ours_gains_on_made_up_sales_and_the_oracle_gains_more():
    settings = Settings("generated", 1, 12, 20, (7,), 52, "leaflet", 4, 1)
    figures = measure_restock(settings, lambda _: None)
    (one,) = figures["strata"]
    assert one["ranks"] == "1-20"
    assert 0 < one["gain_percent"] < one["gain_oracle_percent"]
    assert one["low"] < one["gain_percent"] < one["high"]
    assert (figures["gain_percent"], figures["best_single"]) == (one["gain_percent"], one["best_single"])
    assert figures["lost_units_change_percent"] < 0
    assert figures["waste_change_percent"] < 0


def test_goods_are_sold_oldest_first_spoil_after_their_life_and_what_is_missing_is_lost():
    """Ten units come on the second morning and no more: two a day sell for five days, and from then on all is lost."""
    history = generate(stores=1, skus=10, seed=1)
    history.sold[:] = 0
    history.sold[0, -56:] = 2

    def once(units):
        def order(day, on_hand, coming):
            wanted = np.zeros(len(on_hand), np.int64)
            wanted[0] = units if day == history.test_starts else 0
            return wanted

        return order

    assert simulate(history, once(10)) == Point(wasted=0, lost=2 * (56 - 5))
    assert simulate(history, once(20)) == Point(wasted=20 - 2 * LIFE_DAYS, lost=2 * (56 - LIFE_DAYS))


def test_a_frontier_is_read_between_its_points_only():
    assert value_at([(10, 100), (20, 50)], 15) == 75
    assert value_at([(10, 100), (20, 50)], 21) is None


def test_too_few_items_are_refused():
    with pytest.raises(BenchError, match="at least 10"):
        measure_restock(Settings("generated", 1, 12, 9, (7,), 52, "none", 0, 1), lambda _: None)
