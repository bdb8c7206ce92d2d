"""Limited drops: what each store gives and each customer gets."""

import pytest

from schemas.models.config import ItemQuota, PoolSettings, StoreQuota
from tests.support.pool import BREAD, DAY_MS, HOUR_MS, MILK, NOON_MS, OTHER_STORE, STORE, PoolBench, furnished, line
from tests.support.pool import wanted as of_item


def dropped(**limits) -> PoolBench:
    """Twenty units in each store, limited since before noon for a day."""
    bench = furnished()
    for store in (STORE, OTHER_STORE):
        bench.report("received", f"r-{store}", line(20_000), line(20_000, BREAD), store=store)
    limit(bench, **limits)
    return bench


def limit(bench: PoolBench, **limits) -> None:
    window = {"from_ms": NOON_MS - HOUR_MS, "until_ms": NOON_MS + DAY_MS}
    bench.configure(ItemQuota(sku=MILK, **{**window, **limits}))


def order(bench: PoolBench, name: str, milli: int, customer: str | None = "ann", **terms) -> dict:
    bench.request("placed", name, of_item(milli), customer_ref=customer, **terms)
    fact = bench.last_fact()
    return fact if fact["outcome"] == "refused" else bench.order(name)


def held(row) -> int:
    return sum(hold["quantity_milli"] for hold in row["holds"])


def test_a_customer_gets_the_limit_over_all_orders_and_the_rest_is_given_up_with_the_reason():
    bench = dropped(per_customer_milli=3_000)
    assert held(order(bench, "o1", 2_000)) == 2_000
    second = order(bench, "o2", 2_000)
    assert (held(second), second["lines"][0]["reason"]) == (1_000, "customer_quota")
    assert order(bench, "o3", 2_000)["outcome"] == "unfilled"
    assert held(order(bench, "o4", 3_000, "ben")) == 3_000


def test_a_store_gives_the_limit_then_another_store_gives():
    bench = dropped(per_store_milli=3_000)
    first = order(bench, "o1", 5_000)
    assert {hold["store"]: hold["quantity_milli"] for hold in first["holds"]} == {STORE: 3_000, OTHER_STORE: 2_000}
    second = order(bench, "o2", 2_000)
    assert (held(second), second["lines"][0]["reason"]) == (1_000, "store_quota")
    assert bench.events()[-1]["decision"]["refused"] == [{"store": STORE, "reason": "store_quota"}]


def test_a_store_s_own_limit_comes_before_that_of_all():
    bench = dropped(per_store_milli=3_000, stores=(StoreQuota(store=STORE, limit_milli=1_000),))
    first = order(bench, "o1", 9_000)
    assert {hold["store"]: hold["quantity_milli"] for hold in first["holds"]} == {STORE: 1_000, OTHER_STORE: 3_000}


def test_an_order_that_wants_all_or_nothing_beyond_the_limit_is_refused():
    bench = dropped(per_customer_milli=3_000)
    assert order(bench, "o1", 4_000, may_part_fill=False)["reason"] == "customer_quota"


def test_who_says_not_who_it_is_for_gets_nothing_that_is_limited():
    bench = dropped(per_customer_milli=3_000)
    assert order(bench, "o1", 1_000, customer=None)["reason"] == "customer_needed"


@pytest.mark.parametrize("how", ["cancelled", "expired", "amended"])
def test_what_an_order_gives_back_counts_no_more(how):
    bench = dropped(per_customer_milli=3_000)
    order(bench, "o1", 3_000)
    if how == "cancelled":
        bench.request("cancelled", "o1")
    elif how == "expired":
        bench.pass_time(NOON_MS + HOUR_MS)
    else:
        bench.request("amended", "o1", of_item(1_000), customer_ref="ann")
        assert held(bench.order("o1")) == 1_000
    assert held(order(bench, "o2", 2_000)) == 2_000


def test_an_amended_order_may_have_what_it_had():
    bench = dropped(per_customer_milli=3_000)
    order(bench, "o1", 2_000)
    bench.request("amended", "o1", of_item(3_000), customer_ref="ann")
    assert held(bench.order("o1")) == 3_000


def test_a_rejected_line_is_given_back_by_the_store_and_counts_at_the_next():
    bench = dropped(per_store_milli=3_000, per_customer_milli=3_000)
    order(bench, "o1", 3_000)
    bench.request("confirmed", "o1")
    bench.fulfil("refused", bench.task("pick"), reason="no_capacity")
    assert [(hold["store"], hold["quantity_milli"]) for hold in bench.order("o1")["holds"]] == [(OTHER_STORE, 3_000)]
    assert [hold["store"] for hold in order(bench, "o2", 1_000, "ben")["holds"]] == [STORE]


def test_what_was_collected_counts_after_the_order_is_forgotten_and_after_a_restart():
    bench = dropped(per_customer_milli=3_000, until_ms=NOON_MS + 30 * DAY_MS)
    bench.configure(PoolSettings(name="North", late_limit_ms=DAY_MS, ended_retention_ms=0))
    order(bench, "o1", 3_000)
    bench.request("confirmed", "o1")
    bench.fulfil("done", bench.task("pick"))
    bench.fulfil("done", bench.task("hand_over"))
    later_ms = NOON_MS + 2 * DAY_MS + 1
    bench.pass_time(later_ms)
    bench.commit()
    bench.restart()
    assert not [key for key in bench.committed.rows if key.startswith("order/")]
    asked = {"recorded_at_ms": later_ms, "appended_at_ms": later_ms, "deadline_ms": NOON_MS + 3 * DAY_MS}
    assert order(bench, "o2", 1_000, **asked)["lines"][0]["reason"] == "customer_quota"


def test_outside_the_window_and_for_other_items_nothing_is_limited():
    bench = dropped(per_customer_milli=1_000, from_ms=NOON_MS + HOUR_MS)
    assert held(order(bench, "o1", 5_000)) == 5_000
    limit(bench, per_customer_milli=1_000)
    bench.request("placed", "o2", of_item(5_000, BREAD), customer_ref="ann")
    assert held(bench.order("o2")) == 5_000


def test_holds_from_before_the_quota_are_not_counted_and_not_given_back():
    bench = furnished()
    bench.report("received", "r1", line(20_000))
    order(bench, "o1", 3_000)
    limit(bench, per_customer_milli=2_000)
    bench.request("cancelled", "o1")
    assert held(order(bench, "o2", 5_000)) == 2_000


def test_other_limits_of_the_same_window_go_on_counting_and_another_window_counts_anew():
    bench = dropped(per_customer_milli=2_000)
    order(bench, "o1", 2_000)
    limit(bench, per_customer_milli=3_000)
    assert held(order(bench, "o2", 5_000)) == 1_000
    limit(bench, per_customer_milli=3_000, from_ms=NOON_MS)
    assert held(order(bench, "o3", 5_000)) == 3_000


def test_a_window_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="before until_ms"):
        ItemQuota(sku=MILK, from_ms=2, until_ms=1)


def test_demand_above_what_a_customer_may_have_is_unmet_demand_too():
    bench = dropped(per_customer_milli=2_000)
    order(bench, "o1", 3_000)
    [demand] = bench.events()[-1]["decision"]["demand"]
    assert (demand["given_store"], demand["quantity_milli"]) == (None, 1_000)
