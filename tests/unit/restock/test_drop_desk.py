"""A limited edition at the desk: the demand of what it sells like, and what each store still has to sell."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from commonshelf.desks.restock.drops import Drop
from commonshelf.desks.restock.sales import days_between, demand_like
from streams.pool.journal.movements import Movement
from streams.restock.forecast.distribution import Demand

DAY_MS = 86_400_000
BEGIN = datetime(2026, 11, 2, tzinfo=UTC)
BEGIN_MS = int(BEGIN.timestamp()) * 1000
STORES = ["anna", "bert", "carl"]


def sold(store, units, day, sku="CHEESE"):
    return Movement(store, sku, -1000 * units, -1000 * units, "sale", BEGIN_MS + day * DAY_MS + 3_600_000)


def test_days_of_a_window_end_before_its_end():
    midnight = int((BEGIN + timedelta(days=2)).timestamp()) * 1000
    assert days_between(BEGIN_MS, midnight, UTC) == [date(2026, 11, 2), date(2026, 11, 3)]
    assert days_between(BEGIN_MS, midnight + 1, UTC)[-1] == date(2026, 11, 4)


def test_the_demand_is_that_of_the_items_it_sells_like_store_by_store():
    """Over four months anna sells four a day and bert one; carl never sold it, and is thought to sell a little."""
    sales = [sold("anna", 4, day) for day in range(120)] + [sold("bert", 1, day) for day in range(120)]
    noise = [sold("carl", 50, day, sku="BREAD") for day in range(120)]
    week = [date(2026, 11, 2) + timedelta(days=120 + number) for number in range(7)]
    demand = demand_like([*sales, *noise], ["CHEESE"], STORES, UTC, week)
    expected = demand.expected().tolist()
    assert expected[0] == pytest.approx(28, rel=0.1)
    assert expected[1] == pytest.approx(7, rel=0.15)
    assert expected[2] < 0.5
    assert demand_like(noise, ["CHEESE"], STORES, UTC, week) is None


def test_a_store_in_the_midst_of_a_drop_has_sold_has_left_and_will_sell_what_its_sales_make_likely():
    drop = Drop("GOLD", BEGIN_MS, BEGIN_MS + 10 * DAY_MS, 500, {"anna": 8_000}, {"anna": 2_000, "bert": 9_500})
    sales = [
        sold("anna", 6, 1, "GOLD"), sold("anna", 3, -1, "GOLD"), sold("anna", 9, 12, "GOLD"), sold("bert", 5, 1)
    ]  # fmt: skip
    shape, mean = 2.0, 4.0
    demand = Demand(np.full(3, mean), np.full(3, mean + mean * mean / shape), np.ones(3))
    anna, bert, carl = drop.standing(sales, STORES, demand, BEGIN_MS + 5 * DAY_MS)
    assert (anna.quota, anna.sold, anna.on_hand) == (8, 6, 2)
    assert anna.expected == pytest.approx((shape + 6) / (shape / mean + 0.5) * 0.5)
    assert (bert.quota, bert.sold, bert.on_hand) == (None, 0, 9)
    assert bert.expected == carl.expected == pytest.approx(shape / (shape / mean + 0.5) * 0.5)
    assert anna.chances[0] == 1
    assert anna.chances[1] > bert.chances[1]
    (ended, *_) = drop.standing(sales, STORES, demand, BEGIN_MS + 99 * DAY_MS)
    assert ended.expected == pytest.approx(0)
