"""Scenarios: the same plan as a night's run, with demand, events, suppliers and stores that come otherwise."""

import io
from datetime import date, timedelta

import numpy as np
import pytest
from openpyxl import load_workbook

from commonshelf.desks.restock.scenario_sheet import HEAD_ROW, rows_of, scenario_csv, scenario_workbook
from schemas.models.local_calendar import LocalCalendar, LocalEvent
from streams.restock.forecast.distribution import Demand, beyond, survival
from streams.restock.planning.scenarios import WhatIf, compare
from tests.support.pool import BREAD, MILK, OTHER_STORE, STORE
from tests.support.restock_bench import TODAY, RestockBench, pages, restock_pool, sell_days, stock_of

STORES = [STORE, OTHER_STORE]


def day(ahead):
    return (date(1970, 1, 1) + timedelta(days=TODAY + ahead)).isoformat()


@pytest.fixture(scope="module")
def bench():
    """A night on which milk is short in one store and bread in both, with a fair to come; no proposal is answered."""
    pool = restock_pool(move_minor_per_trip=10)
    fair = LocalEvent(kind="street fair", name="Riverside fair", first_day=day(2), last_day=day(4), skus=(MILK,))
    pool.configure(LocalCalendar(calendar="summer", events=(fair,)))
    stock_of(pool, STORE, MILK, 14)
    stock_of(pool, OTHER_STORE, MILK, 90)
    for store in STORES:
        stock_of(pool, store, BREAD, 12)
    sell_days(pool, 2, {(STORE, MILK): 3, (OTHER_STORE, MILK): 1, (STORE, BREAD): 3, (OTHER_STORE, BREAD): 4})
    made = RestockBench()
    made.follow(pages(pool))
    return made


def compared(bench, *what_ifs, stores=STORES):
    known = bench.partition.pools["north"]
    return compare(known.history, *known.learner.outlook(), stores, what_ifs)


def test_the_base_buys_and_moves_what_the_night_proposed(bench):
    (base,) = compared(bench)
    proposals = bench.proposals().values()
    assert base.buy_milli == sum(one["buy_milli"] for one in proposals) > 0
    assert base.cash_minor == sum(one["buy_cost_minor"] for one in proposals)
    assert base.moved_milli == sum(move["quantity_milli"] for one in proposals for move in one["moves"]) > 0
    assert (base.lost_milli, base.wasted_milli) == (base.lost_as_base_milli, base.wasted_as_base_milli)


def test_comparing_changes_nothing(bench):
    rows, told = dict(bench.rows), len(bench.outputs)
    first = compared(bench, WhatIf("high", 1_250), WhatIf("late", late_days={"dairy": 2}))
    assert compared(bench, WhatIf("high", 1_250), WhatIf("late", late_days={"dairy": 2})) == first
    bench.commit()
    assert (bench.rows, len(bench.outputs)) == (rows, told)


def test_more_demand_buys_more_and_who_orders_for_less_misses_more(bench):
    base, low, high = compared(bench, WhatIf("low", 500), WhatIf("high", 2_000))
    assert low.demand_milli == pytest.approx(base.demand_milli / 2, rel=0.01)
    assert high.demand_milli == pytest.approx(base.demand_milli * 2, rel=0.01)
    assert low.cash_minor < base.cash_minor < high.cash_minor
    assert high.lost_as_base_milli > high.lost_milli
    assert high.lost_as_base_milli > base.lost_milli > low.lost_as_base_milli
    assert low.wasted_as_base_milli > low.wasted_milli
    assert high.stockouts_as_base_milli > base.stockouts_milli


def test_an_event_that_is_cancelled_or_doubled_changes_what_it_reaches(bench):
    base, cancelled, doubled = compared(
        bench,
        WhatIf("off", cancelled=frozenset(["Riverside fair"])),
        WhatIf("twice", doubled=frozenset(["street fair"])),
    )
    lift = base.demand_milli - cancelled.demand_milli
    assert lift > 0
    assert doubled.demand_milli - base.demand_milli == pytest.approx(lift, rel=0.01)


def test_goods_that_come_late_are_missed(bench):
    base, late = compared(bench, WhatIf("late", late_days={"baker": 2}))
    assert late.demand_milli == base.demand_milli
    assert late.lost_as_base_milli > base.lost_milli
    assert late.stockouts_milli > base.stockouts_milli


def test_a_closed_store_wants_and_orders_nothing(bench):
    base, closed = compared(bench, WhatIf("closed", closed=frozenset([STORE])))
    (other,) = compared(bench, stores=[OTHER_STORE])
    assert closed.demand_milli == other.demand_milli < base.demand_milli
    assert closed.cash_minor <= other.cash_minor
    assert closed.wasted_as_base_milli > closed.wasted_milli > 0


@pytest.mark.parametrize("stock", [0, 1, 3, 40])
@pytest.mark.parametrize("mean", [0.2, 3.0, 700.0])
def test_demand_beyond_a_stock_is_the_sum_of_the_chances_of_each_further_step(mean, stock):
    demand = Demand(np.array([mean]), np.array([1.5 * mean]), np.array([0.8]))
    steps = 2_000
    chances = survival(demand, steps)[0]
    unmet, out = beyond(demand, np.array([stock]))
    assert unmet[0] == pytest.approx(chances[stock + 1 :].sum(), rel=0.01, abs=1e-6)
    assert out[0] == pytest.approx(chances[stock + 1], abs=0.01)


def test_the_sheet_has_the_figures_side_by_side_and_no_formulas(bench):
    found = compared(bench, WhatIf("=low", 800))
    table = rows_of(found, "EUR")
    lines = scenario_csv(found, "EUR").splitlines()
    assert lines[0] == ",base,'=low"
    assert len(lines) == 1 + len(table)
    sheet = load_workbook(io.BytesIO(scenario_workbook(found, "EUR", "=Scenarios"))).active
    assert [sheet.cell(HEAD_ROW, column).value for column in (2, 3)] == ["base", "=low"]
    assert {sheet.cell(HEAD_ROW, 3).data_type, sheet["A1"].data_type} == {"s"}
    for row, (name, numbers) in enumerate(table, HEAD_ROW + 1):
        assert [cell.value for cell in sheet[row]] == [name, *map(float, numbers)]
    assert dict(table)["cash for purchases, EUR"][0] * 100 == found[0].cash_minor


def test_money_in_the_sheet_has_the_decimals_of_its_currency(bench):
    found = compared(bench)
    for currency, shown in (("EUR", "#,##0.00"), ("JPY", "#,##0")):
        sheet = load_workbook(io.BytesIO(scenario_workbook(found, currency, "Scenarios"))).active
        assert sheet.cell(sheet.max_row, 2).number_format == shown
