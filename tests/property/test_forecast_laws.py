"""A forecast never raises, whatever a history holds, and what it says is in order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.restock.forecast.distribution import Demand, quantiles, survival
from streams.restock.forecast.learn import DaySales, learn
from streams.restock.forecast.predict import predict
from streams.restock.forecast.rates import Day, Occasion
from streams.restock.forecast.state import Kind, first_state
from tests.support.forecast import layout_of

POOL = layout_of(stores=2, items=2)
KINDS = [Kind("leaflet", 1_500), Kind("closed", 0)]
PERMILLE = (1, 500, 800, 950, 999)
quantities = st.one_of(st.just(0), st.integers(-5, 5), st.integers(-(10**12), 10**12))
fours = st.lists(quantities, min_size=4, max_size=4)


@st.composite
def sales(draw):
    """A day of anything: outliers, returns, closed shops, lines that do not fit the sums."""
    occasions = [Occasion(kind, np.array(draw(st.lists(st.booleans(), min_size=4, max_size=4))))
                 for kind in draw(st.lists(st.integers(0, 1), max_size=3))]  # fmt: skip
    open_permille = draw(st.none() | st.lists(st.integers(0, 2_000), min_size=4, max_size=4).map(np.array))
    lines = draw(fours)
    day = Day(draw(st.integers(0, 6)), occasions, open_permille)
    return DaySales(day, np.array(draw(fours)), np.array(lines[:2]), np.array(lines[2:]))


@given(st.lists(st.tuples(sales(), st.integers(1, 30)), max_size=6))
def test_a_forecast_never_raises_for_any_history(history):
    state = first_state(POOL, len(KINDS))
    for day, times in history:
        for _ in range(times):
            state = learn(POOL, KINDS, state, day)
    days = [day.day for day, _ in history] or [Day(0)]
    demand = predict(POOL, KINDS, state, days)
    found = quantiles(demand, PERMILLE)
    assert all((part >= 0).all() for part in state)
    assert all(np.isfinite(part).all() for part in demand)
    assert (found[:, 0] >= 0).all()
    assert (np.diff(found, axis=1) >= 0).all()


@given(st.floats(0, 1e12), st.floats(0, 1e24), st.floats(0, 1), st.integers(1, 60))
def test_chances_fall_and_quantiles_rise(mean, variance, listed, steps):
    demand = Demand(np.array([mean]), np.array([variance]), np.array([listed]))
    chances = survival(demand, steps)[0]
    assert chances[0] == 1
    assert (np.diff(chances) <= 0).all()
    assert (chances >= 0).all()
    assert (np.diff(quantiles(demand, PERMILLE)[0]) >= 0).all()
