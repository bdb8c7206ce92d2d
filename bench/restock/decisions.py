"""Orders by the newsvendor with two windows against (s,S) of the 28-day mean, on the last eight weeks of a history.

Both order every other morning, for the next morning; goods spoil, the oldest are sold first, and what is not there when
it is wanted is lost. Each policy is run at several settings, which gives a frontier of units wasted and units lost;
frontiers are compared where they waste, or lose, the same. Both know the same calendar: (s,S) takes a day on a leaflet
for as many days as ours has learned that it sells, and is otherwise what a shop's spreadsheet does. What was sold is
taken for demand, so only generated data, whose shelves never were empty, says what a store would waste.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bench.restock.history import Calendar, History
from streams.restock.decision.newsvendor import Terms, gains, order_up_to
from streams.restock.decision.stock import Lot, stock_position
from streams.restock.forecast.distribution import survival
from streams.restock.forecast.learn import learn
from streams.restock.forecast.portable import Floats, Ints
from streams.restock.forecast.predict import predict
from streams.restock.forecast.rates import exposure, uplifts
from streams.restock.forecast.state import WEEKDAYS, State, first_state

LEAD_DAYS, REVIEW_DAYS, LIFE_DAYS = 1, 2, 6
_WINDOW_DAYS = LEAD_DAYS + REVIEW_DAYS
_MARGIN_MINOR = 100
_WASTE_MINOR = (12, 25, 50, 100, 200, 400, 800)
"""A frontier's settings: the cost of a wasted unit beside a margin of 100."""
_SAFETY = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
"""The same of (s,S): standard deviations of Poisson demand above the mean."""
_UNITS_MAX = 60
_MEAN_DAYS = 28

Target = Callable[[int, Ints, Ints], Ints]
"""Day, units on hand by shelf and days left, units on their way → units to order of each shelf."""


class Point(NamedTuple):
    """The units that a policy wasted and lost in the test."""

    wasted: int
    lost: int


def compare(history: History, calendar: Calendar) -> dict[str, float | None]:
    """The changes, percent, of units lost at equal waste and wasted at equal loss: medians over (s,S)'s settings.

    What no setting of ours reaches is left out.
    """
    states = _states(history, calendar)
    ours = [simulate(history, _two_windows(history, calendar, states, waste)) for waste in _WASTE_MINOR]
    worth = _worth(history, calendar, states)
    theirs = [simulate(history, _s_s(history, worth, safety)) for safety in _SAFETY]
    lost = [_change(point.lost, value_at([(one.wasted, one.lost) for one in ours], point.wasted)) for point in theirs]
    wasted = [_change(point.wasted, value_at([(one.lost, one.wasted) for one in ours], point.lost)) for point in theirs]
    return {"lost_units_change_percent": _median(lost), "waste_change_percent": _median(wasted)}


def _states(history: History, calendar: Calendar) -> dict[int, State]:
    """What is known on the morning of each day on which is ordered."""
    kinds = history.kinds(calendar)
    state = first_state(history.layout, len(kinds))
    known = {}
    for number in range(history.sold.shape[1]):
        if number >= history.test_starts and (number - history.test_starts) % REVIEW_DAYS == 0:
            known[number] = state
        state = learn(history.layout, kinds, state, history.sales(number, calendar))
    return known


def _worth(history: History, calendar: Calendar, states: dict[int, State]) -> dict[int, Floats]:
    """Day of an order → how many usual days each day is worth, the weekday left out: a row a shelf, a column a day.

    Known are the uplifts as ours has learned them by then.
    """
    even = np.ones((history.layout.departments, WEEKDAYS))
    days = [history.day(number, calendar) for number in range(history.sold.shape[1])]
    found = {}
    for number, state in states.items():
        uplift = uplifts(history.layout, history.kinds(calendar), state)
        around = range(number - _MEAN_DAYS, number + LIFE_DAYS)
        columns = [exposure(history.layout, even, uplift, days[min(day, len(days) - 1)]) for day in around]
        found[number] = np.stack(columns, axis=1)
    return found


def _two_windows(history: History, calendar: Calendar, states: dict[int, State], waste_minor: int) -> Target:
    terms = Terms(_MARGIN_MINOR, waste_minor, 0, _WINDOW_DAYS, LIFE_DAYS)

    kinds = history.kinds(calendar)

    def order(day: int, on_hand: Ints, coming: Ints) -> Ints:
        last = history.sold.shape[1]
        chances = []
        for window in (_WINDOW_DAYS, LEAD_DAYS + LIFE_DAYS):
            days = [history.day(min(day + ahead, last - 1), calendar) for ahead in range(window)]
            demand = predict(history.layout, kinds, states[day], days)
            chances.append(survival(demand, _UNITS_MAX))
        a_day = np.rint(1000 * demand.expected() / len(days)).astype(np.int64)
        wanted = np.zeros(len(on_hand), np.int64)
        best = order_up_to(gains([terms] * len(on_hand), *chances)).tolist()
        for shelf, (lots, milli) in enumerate(zip(on_hand.tolist(), a_day.tolist(), strict=True)):
            aged = [Lot(units, left + 1) for left, units in enumerate(lots)]
            there = stock_position(aged, milli, _WINDOW_DAYS)
            wanted[shelf] = max(best[shelf] - there - int(coming[shelf]), 0)
        return wanted

    return order


def _s_s(history: History, worth: dict[int, Floats], safety: float) -> Target:
    """Order up to S when there is less than s; neither above what sells in the shelf life."""

    def order(day: int, on_hand: Ints, coming: Ints) -> Ints:
        before, ahead = worth[day][:, :_MEAN_DAYS], worth[day][:, _MEAN_DAYS:]
        mean = history.sold[:, day - _MEAN_DAYS : day].sum(axis=1) / before.sum(axis=1)
        most = np.ceil(mean * ahead.sum(axis=1))
        window = mean * ahead[:, :_WINDOW_DAYS].sum(axis=1)
        least = np.minimum(np.ceil(window + safety * np.sqrt(window)), most)
        full = np.minimum(np.ceil(least + mean * REVIEW_DAYS), most)
        stock = on_hand.sum(axis=1) + coming
        wanted: Ints = np.where(stock < least, np.maximum(full - stock, 0), 0).astype(np.int64)
        return wanted

    return order


def simulate(history: History, order: Target) -> Point:
    """A policy's waste and loss in the test, which begins with empty shelves."""
    shelves, days = history.sold.shape
    on_hand = np.zeros((shelves, LIFE_DAYS), np.int64)  # by days left, the last day first
    coming = [np.zeros(shelves, np.int64) for _ in range(LEAD_DAYS)]
    wasted = lost = 0
    for day in range(history.test_starts, days):
        on_hand[:, -1] += coming.pop(0)
        is_review = (day - history.test_starts) % REVIEW_DAYS == 0
        on_way = np.zeros(shelves, np.int64)
        for units in coming:
            on_way += units
        coming.append(order(day, on_hand, on_way) if is_review else np.zeros(shelves, np.int64))
        open_ = history.sold[:, day].copy()
        for left in range(LIFE_DAYS):
            taken = np.minimum(on_hand[:, left], open_)
            on_hand[:, left] -= taken
            open_ -= taken
        lost += int(open_.sum())
        wasted += int(on_hand[:, 0].sum())
        on_hand = np.concatenate([on_hand[:, 1:], np.zeros((shelves, 1), np.int64)], axis=1)
    return Point(wasted, lost)


def value_at(frontier: Sequence[tuple[int, int]], place: int) -> float | None:
    """The frontier's value at a place, on a straight line between two of its points; None outside."""
    points = sorted(frontier)
    if not points[0][0] <= place <= points[-1][0]:
        return None
    along, values = (np.array(column, np.float64) for column in zip(*points, strict=True))
    return float(np.interp(place, along, values))


def _change(before: int, after: float | None) -> float | None:
    return None if after is None or before == 0 else 100.0 * (after / before - 1.0)


def _median(changes: Sequence[float | None]) -> float | None:
    found: Floats = np.array([change for change in changes if change is not None])
    return round(float(np.median(found)), 1) if len(found) else None
