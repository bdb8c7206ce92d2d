"""What has no price, no agreement or another currency is told and never guessed; a closed window never changes."""

import pytest

from schemas.models.config import PoolSettings
from tests.support.pool import BREAD, DAY_MS, FLOUR, MILK, NOON_MS, OTHER_STORE, STORE, line, wanted
from tests.support.settlement import THIRD_STORE, agreement, collected, fold, members, owed, transactions


def waiting(bench):
    """Reason and item of what waits, in its order."""
    found = {}
    for step in fold(bench.journal())[1]:
        found |= {(one.position, one.item): (one.reason, one.about.kind, one.about.sku) for one in step.unpriced}
        for name in step.priced:
            found.pop(name)
    return list(found.values())


def brought_back(bench, *lines, **fields):
    bench.sell("back", *lines, order_ref="o1", store=THIRD_STORE, **fields)


def test_goods_without_an_agreement_are_told():
    bench = members()
    collected(bench, "o1", wanted(2_000))
    assert owed(bench) == {}
    assert waiting(bench) == [("no_agreement", "goods_sold", MILK)]


def test_a_return_without_an_agreement_is_told_and_posted_when_one_holds_from_before():
    """Milk at 1.10: two sold by the mill, one back to the third store, which paid 1.50 and keeps it for 1.10."""
    bench = members()
    collected(bench, "o1", wanted(2_000))
    brought_back(bench, line(1_000, kind="return", price_minor=-150))
    assert waiting(bench) == [("no_agreement", "goods_sold", MILK), ("no_agreement", "refund", MILK)]
    bench.configure(agreement())
    assert waiting(bench) == []
    assert owed(bench) == {STORE: 220, THIRD_STORE: 150 - 110, OTHER_STORE: 110 - 220 - 150}


def test_a_refund_that_nobody_told_and_the_catalogue_does_not_know_waits_for_its_price():
    bench = members(terms=agreement())
    bench.stock_item(BREAD, cost_minor=200, price_minor=None, recorded_at_ms=NOON_MS + 2)
    collected(bench, "o1", wanted(1_000, BREAD))
    brought_back(bench, line(1_000, BREAD, kind="return_not_restocked"))
    assert waiting(bench) == [("no_price", "refund", BREAD)]
    assert owed(bench) == {STORE: 220, OTHER_STORE: -220}
    bench.stock_item(BREAD, cost_minor=200, price_minor=320, recorded_at_ms=NOON_MS + 3)
    assert waiting(bench) == []
    assert owed(bench) == {STORE: 220, THIRD_STORE: 320, OTHER_STORE: -540}


@pytest.mark.parametrize(
    ("kind", "reason", "told", "price"),
    [
        ("return_not_restocked", "no_price", {}, {"cost_minor": 200, "price_minor": None}),
        ("return", "no_cost", {"price_minor": -320}, {"cost_minor": None, "price_minor": 320}),
    ],
)
def test_an_order_whose_return_waits_for_a_price_is_known_until_the_price_comes(kind, reason, told, price):
    """Bread at 2.20 was handed over and came back for 3.20; the window in which it may come back closes before."""
    bench = members(terms=agreement(window={"every": "daily"}, returns_within_ms=DAY_MS))
    collected(bench, "o1", wanted(1_000, BREAD))
    bench.stock_item(BREAD, **price, recorded_at_ms=NOON_MS + 2)
    brought_back(bench, line(1_000, BREAD, kind=kind, **told))
    for day in range(5):
        bench.pass_time(NOON_MS + day * DAY_MS)
    assert [found[0] for found in waiting(bench)] == [reason]
    bench.stock_item(BREAD, cost_minor=200, price_minor=320, recorded_at_ms=NOON_MS + 4 * DAY_MS)
    assert waiting(bench) == []
    kept = 220 if kind == "return" else 0
    assert owed(bench) == {STORE: 220, THIRD_STORE: 320 - kept, OTHER_STORE: kept - 540}


def test_what_a_till_paid_back_in_another_currency_is_told_and_not_posted():
    bench = members(terms=agreement())
    collected(bench, "o1", wanted(1_000))
    brought_back(bench, line(1_000, kind="return_not_restocked", price_minor=-150), currency="USD")
    assert waiting(bench) == [("other_currency", "refund", MILK)]
    assert owed(bench) == {STORE: 110, OTHER_STORE: -110}


def test_an_agreement_in_a_currency_that_is_not_the_pool_s_prices_nothing():
    bench = members(terms=agreement(currency="USD"))
    bench.configure(PoolSettings(name="North", currency="EUR"))
    collected(bench, "o1", wanted(2_000))
    assert owed(bench) == {}
    assert waiting(bench) == [("other_currency", "goods_sold", MILK)]


def test_the_price_of_a_kit_is_not_taken_for_that_of_its_parts():
    """The till paid 5.00 for the box; milk and bread cost 1.50 and 3.20 apart. Whose goods they are is posted."""
    bench = members(terms=agreement())
    parts = [{"sku": MILK, "quantity_milli": 1_000}, {"sku": BREAD, "quantity_milli": 1_000}]
    bench.stock_item("BOX", parts=parts)
    collected(bench, "o1", wanted(1_000), wanted(1_000, BREAD))
    brought_back(bench, {**line(1_000, kind="return", price_minor=-500), "code": "sku:BOX"})
    assert waiting(bench) == [("kit_price", "refund", MILK), ("kit_price", "refund", BREAD)]
    assert owed(bench) == {STORE: 330, THIRD_STORE: -330}


def test_what_waits_for_a_price_is_not_priced_by_another_unit():
    """Three bags of flour were handed over without a price; then flour is sold by weight, at 0.90 a kg."""
    bench = members(terms=agreement())
    bench.stock_item(FLOUR, unit="each", recorded_at_ms=NOON_MS + 2)
    bench.report("received", "f0", line(3_000, FLOUR, unit="each"), occurred_at_ms=NOON_MS - 60_000)
    collected(bench, "o1", wanted(3_000, FLOUR))
    bench.stock_item(FLOUR, unit="kg", cost_minor=90, recorded_at_ms=NOON_MS + 3)
    assert bench.reasons() == []
    assert waiting(bench) == [("no_cost", "goods_sold", FLOUR)]
    assert owed(bench) == {}
    bench.stock_item(FLOUR, unit="each", cost_minor=100, recorded_at_ms=NOON_MS + 4)
    assert owed(bench) == {STORE: 330, OTHER_STORE: -330}


@pytest.mark.parametrize("permille", [0, 500])
def test_an_agreement_dated_back_into_a_closed_window_restates_forward_and_rewrites_nothing(permille):
    """Two of milk at 1.10 in a day that has closed; from then on they should have cost 1.00, or 1.50, each."""
    bench = members(terms=agreement(window={"every": "daily"}))
    bench.tick(NOON_MS)
    collected(bench, "o1", wanted(2_000))
    bench.pass_time(NOON_MS + 3 * DAY_MS)
    before = transactions(bench)
    terms = {"window": {"every": "daily"}, "transfer_price": {"kind": "cost_plus", "permille": permille}}
    bench.configure(agreement(version=2, effective_from_ms=NOON_MS - 1_000, **terms))
    *same, restated = transactions(bench)
    assert same == before
    assert restated.window_ms > before[-1].window_ms == restated.belongs_to_ms
    assert owed(bench) == {STORE: 200 + permille // 5, OTHER_STORE: -200 - permille // 5}
