"""An order is known as long as anything about it may come: then nothing of it is posted twice, or mixed up."""

import pytest

from tests.support.pool import DAY_MS, NOON_MS, OTHER_STORE, STORE, line, wanted
from tests.support.settlement import agreement, collected, members, owed, transactions

DAILY = {"every": "daily"}


def let_days_pass(bench, days):
    for day in range(1, days + 1):
        bench.pass_time(NOON_MS + day * DAY_MS)


@pytest.mark.parametrize(
    ("within_days", "days", "deadline_days"),
    [(1, 4, 1), (1, 6, 1), (30, 45, 59)],
)
def test_a_late_void_of_an_orders_goods_is_posted_once(within_days, days, deadline_days):
    """Two of milk at 1.10, rung up; days later the till voids one of them on a receipt of its own.

    The pool knows the order longer than its goods may be returned: by its own memory, or until the order's deadline.
    """
    bench = members(terms=agreement(window=DAILY, returns_within_ms=within_days * DAY_MS))
    deadline_ms = NOON_MS + deadline_days * DAY_MS
    bench.request("placed", "o1", wanted(2_000), preferred_store=OTHER_STORE, deadline_ms=deadline_ms)
    bench.request("confirmed", "o1")
    bench.sell("s1", line(2_000), order_ref="o1")
    let_days_pass(bench, days)
    assert owed(bench) == {STORE: 220, OTHER_STORE: -220}
    now = {"occurred_at_ms": NOON_MS + days * DAY_MS, "recorded_at_ms": NOON_MS + days * DAY_MS}
    bench.sell("s2", line(1_000, kind="void"), order_ref="o1", appended_at_ms=NOON_MS + days * DAY_MS, **now)
    assert bench.order()["holds"][0]["sold_at_till_milli"] == 1_000, "the pool still knows the order"
    assert owed(bench) == {STORE: 110, OTHER_STORE: -110}


def test_an_order_that_pool_and_ledger_have_forgotten_leaves_the_books():
    bench = members(terms=agreement(window=DAILY, returns_within_ms=DAY_MS))
    collected(bench, "o1", wanted(2_000))
    let_days_pass(bench, 12)
    now_ms = NOON_MS + 12 * DAY_MS
    back = {"occurred_at_ms": now_ms, "recorded_at_ms": now_ms, "appended_at_ms": now_ms}
    bench.sell("back", line(1_000, kind="return", price_minor=-150), order_ref="o1", store=OTHER_STORE, **back)
    assert owed(bench) == {STORE: 220, OTHER_STORE: -220}


@pytest.mark.parametrize("is_priced", [True, False])
def test_another_order_of_a_name_that_the_pool_has_forgotten_is_another(is_priced):
    """Two of milk for the mill; twelve days later one of milk for the third store, under the same name: 2.20 and 1.10.

    Goods of the first may still come back; what of it has no price yet is posted when it has one.
    """
    bench = members(terms=agreement(window=DAILY))
    if not is_priced:
        bench.stock_item("MILK", price_minor=150, recorded_at_ms=NOON_MS + 2)
    collected(bench, "o1", wanted(2_000))
    let_days_pass(bench, 12)
    at = {"recorded_at_ms": NOON_MS + 12 * DAY_MS, "appended_at_ms": NOON_MS + 12 * DAY_MS}
    bench.request("placed", "o1", wanted(1_000), preferred_store="third", key="again",
                  deadline_ms=NOON_MS + 13 * DAY_MS, **at)  # fmt: skip
    bench.request("confirmed", "o1", key="confirmed again", **at)
    bench.sell("s1", line(1_000), order_ref="o1", occurred_at_ms=NOON_MS + 12 * DAY_MS, **at)
    assert bench.reasons() == []
    if not is_priced:
        assert owed(bench) == {}
        bench.stock_item("MILK", cost_minor=100, price_minor=150, recorded_at_ms=NOON_MS + 12 * DAY_MS)
    assert owed(bench) == {STORE: 330, OTHER_STORE: -220, "third": -110}
    assert len([one for one in transactions(bench) if one.about.kind == "goods_sold"]) == 2
