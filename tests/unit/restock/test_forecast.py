"""The forecast learns a shelf's rate, its weekdays and what an occasion changes, and says how sure it is."""

import hashlib

import numpy as np
import pytest
from scipy.stats import nbinom

from streams.restock.forecast.distribution import Demand, quantiles, survival
from streams.restock.forecast.learn import DaySales, learn
from streams.restock.forecast.portable import exp, log
from streams.restock.forecast.predict import predict
from streams.restock.forecast.rates import Day, Occasion, uplifts, weekdays
from streams.restock.forecast.shelf import clumpiness
from streams.restock.forecast.state import Kind, first_state
from tests.support.forecast import layout_of, learned, sales_of, weekly

PERMILLE = (500, 800, 900, 950)
WEEK = [weekly(day) for day in range(7)]
ONE = layout_of(stores=1, items=1)
FAIR = Kind("street fair", 1_500)


def demand(mean, variance, listed=1.0):
    return Demand(np.array([mean]), np.array([variance]), np.array([listed]))


def everywhere(layout, kind=0):
    return Occasion(kind, np.ones(len(layout.store), np.bool_))


def random_demand(shelves):
    draw = np.random.default_rng(1)
    mean = np.exp(draw.uniform(-6, 5, shelves))
    return Demand(mean, mean * np.exp(draw.uniform(0.01, 3, shelves)), np.ones(shelves))


def test_logarithm_and_exponential_are_right_to_thirteen_digits():
    values = np.exp(np.linspace(-40, 40, 10_001))
    assert np.abs(log(values) - np.log(values)).max() < 1e-13
    exponents = np.linspace(-600, 600, 10_001)
    assert np.abs(exp(exponents) / np.exp(exponents) - 1).max() < 1e-12


def test_quantiles_and_chances_are_those_of_the_negative_binomial():
    one = random_demand(2_000)
    chance = one.mean / one.variance
    shape = one.mean * chance / (1 - chance)
    expected = np.stack([nbinom.ppf(permille / 1000, shape, chance) for permille in PERMILLE], -1)
    assert (quantiles(one, PERMILLE) == expected).all()
    chances = np.stack([nbinom.sf(k - 1, shape, chance) for k in range(31)], -1)
    assert np.abs(survival(one, 30) - chances).max() < 1e-12


def test_a_shelf_that_may_not_have_the_item_demands_less():
    half = demand(5.0, 8.0, listed=0.5)
    assert quantiles(half, (500, 950))[0].tolist() == [0, int(nbinom.ppf(0.9, 5 * 5 / 3, 5 / 8))]
    assert survival(half, 1)[0, 1] == pytest.approx(0.5 * nbinom.sf(0, 5 * 5 / 3, 5 / 8))
    assert quantiles(demand(5.0, 8.0, listed=0.0), PERMILLE).tolist() == [[0, 0, 0, 0]]


def test_large_demand_is_counted_coarsely_and_hardly_wrong():
    low, high = quantiles(demand(1e6, 1e10), (500, 950))[0]
    assert 0.98e6 < low < 1.01e6
    assert high == pytest.approx(1e6 + 1.645e5 + 2e3, rel=0.01)
    chances = survival(demand(1_000.0, 40_000.0), 1_000)[0]
    assert chances[1_000] == pytest.approx(0.48, abs=0.02)
    assert (np.diff(chances) <= 0).all()


def test_a_shelf_comes_to_its_own_rate():
    """Two stores sell 4 and 1 a day: the chain's mean draws both, less and less."""
    two = layout_of(stores=2, items=1)
    state = learned(two, [(weekly(day), [4, 1]) for day in range(200)])
    busy, quiet = predict(two, (), state, WEEK).expected()
    assert busy == pytest.approx(28, rel=0.03)
    assert quiet == pytest.approx(7, rel=0.06)


def test_a_new_shelf_begins_at_the_rate_of_the_others():
    """The third store begins to sell the second item: it is likely to sell it as it sells the first."""
    three = layout_of(stores=3, items=2)
    state = learned(three, [(weekly(day), [2, 2, 2, 2, 2, 2 * (day > 100)]) for day in range(102)])
    assert predict(three, (), state, WEEK).expected()[5] > 2


def test_a_shelf_that_sells_nothing_for_long_is_likely_to_have_the_item_no_more():
    two = layout_of(stores=2, items=1)
    days = [(weekly(day), [2, 2 * (day < 60)]) for day in range(100)]
    listed = [predict(two, (), learned(two, days[:end]), WEEK).listed[1] for end in (60, 64, 100)]
    assert listed[0] == pytest.approx(0.98)
    assert listed[0] > listed[1] > listed[2]
    assert listed[2] < 0.01


def test_the_weekdays_are_learned():
    ten = layout_of(stores=10, items=1)
    state = learned(ten, [(weekly(day), [12 if day % 7 == 5 else 2] * 10) for day in range(400)])
    profile = weekdays(state)[0]
    assert profile.sum() == pytest.approx(7)
    assert profile[5] / profile[0] == pytest.approx(6, rel=0.1)
    saturday, monday = (predict(ten, (), state, [weekly(day)]).expected()[0] for day in (5, 0))
    assert saturday / monday == pytest.approx(6, rel=0.1)


def test_a_new_kind_of_occasion_begins_at_its_prior_and_is_learned():
    four = layout_of(stores=4, items=3)
    draw, occasion = np.random.default_rng(7), everywhere(four)
    days = []
    for day in range(300):
        is_fair = day % 10 == 9
        days.append((weekly(day, occasions=(occasion,) if is_fair else ()), draw.poisson(6 if is_fair else 2, 12)))
    before, after = learned(four, days[:9], [FAIR]), learned(four, days, [FAIR])
    assert uplifts(four, [FAIR], before).tolist() == [[1.5, 1.5, 1.5]]
    assert uplifts(four, [FAIR], after).mean() == pytest.approx(3, rel=0.1)
    fair, usual = (
        predict(four, [FAIR], after, [Day(2, occasions)]).expected().sum() for occasions in ((occasion,), ())
    )
    assert fair / usual == pytest.approx(3, rel=0.1)


def test_an_occasion_in_the_past_does_not_raise_the_rate_of_usual_days():
    occasion = everywhere(ONE)
    with_fairs = [(weekly(day, occasions=(occasion,) if day % 5 == 4 else ()), [5 if day % 5 == 4 else 2])
                  for day in range(350)]  # fmt: skip
    rate = predict(ONE, [FAIR], learned(ONE, with_fairs, [FAIR]), WEEK).expected()[0]
    assert rate == pytest.approx(14, rel=0.06)


def test_a_day_counts_for_the_hours_in_which_the_shelf_was_in_stock():
    half = np.array([500])
    state = learned(ONE, [(weekly(day, open_permille=half), [1]) for day in range(200)])
    assert predict(ONE, (), state, WEEK).expected()[0] == pytest.approx(14, rel=0.06)


def test_items_that_are_bought_by_the_dozen_spread_wider():
    state = first_state(ONE, 0)
    for day in range(120):
        sold = 12 * (day % 6 == 0)
        state = learn(ONE, (), state, DaySales(weekly(day), np.array([sold]), np.array([sold * 12]), np.array([sold])))
    singles = learned(ONE, [(weekly(day), [2]) for day in range(120)])
    assert clumpiness(state)[0] > 9
    assert clumpiness(singles)[0] < 1.3
    assert quantiles(predict(ONE, (), state, WEEK), (950,)) > quantiles(predict(ONE, (), singles, WEEK), (950,))


def test_nothing_sold_and_nothing_known_is_no_error():
    demand = predict(ONE, (), first_state(ONE, 0), WEEK)
    assert 0 < demand.expected()[0] < 1
    assert quantiles(predict(ONE, (), first_state(ONE, 0), []), PERMILLE).tolist() == [[0, 0, 0, 0]]


def test_the_same_history_gives_the_same_bytes_on_every_machine():
    """A constant that another machine, library or order of additions would have to meet, too."""
    pool = layout_of(stores=5, items=7)
    draw, fair = np.random.default_rng(3), everywhere(pool)
    state = first_state(pool, 1)
    for day in range(120):
        sold = np.array([draw.integers(0, 4) for _ in pool.store])
        occasions = (fair,) if day % 13 == 0 else ()
        state = learn(pool, [FAIR], state, sales_of(pool, weekly(day, occasions=occasions), sold))
    found = quantiles(predict(pool, [FAIR], state, [*WEEK, weekly(7, occasions=(fair,))]), PERMILLE)
    told = b"".join(np.asarray(part, np.int64).astype("<i8").tobytes() for part in (*state, found))
    assert hashlib.sha256(told).hexdigest()[:16] == "953be18639a508aa"
