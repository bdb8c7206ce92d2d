"""Quotas are never exceeded, in any interleaving, and the counts are what orders hold or have collected."""

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.models.config import ItemQuota
from streams.pool.orders.index import ORDERS as ORDER_INDEX
from streams.pool.orders.rows import find_order
from tests.support.pool import DAY_MS, HOUR_MS, MILK, NOON_MS, POOL, PoolBench, furnished, line
from tests.support.pool import wanted as of_item
from tests.support.worlds import STORES, make_small, received, reports_on_tasks

SLOW_SETUP = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
STORE_LIMIT, CUSTOMER_LIMIT = 4_000, 3_000
ORDERS = [f"o{n}" for n in range(5)]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    make_small(monkeypatch)


@st.composite
def requests(draw: Any) -> Any:
    kind = draw(st.sampled_from(["placed", "placed", "placed", "amended", "confirmed", "confirmed", "cancelled"]))
    name, fields = draw(st.sampled_from(ORDERS)), {}
    if kind in ("placed", "amended"):
        fields = {
            "customer_ref": draw(st.sampled_from(["ann", "ben", "c/store/d"])),
            "preferred_store": draw(st.sampled_from(STORES)),
            "may_split": draw(st.booleans()),
            "may_part_fill": draw(st.booleans()),
            "deadline_ms": NOON_MS + 2 * DAY_MS,
        }
    told = [of_item(draw(st.integers(1, 5)) * 1_000)] if fields else []
    key = f"{name}/{kind}/{draw(st.integers(1, 3))}"
    return lambda bench: bench.request(kind, name, *told, key=key, **fields)


def publish(one: Any, bench: PoolBench) -> None:
    if callable(one):
        one(bench)
    else:
        one.onto(bench)


ticks = st.sampled_from([HOUR_MS, 2 * HOUR_MS, DAY_MS]).map(
    lambda later: lambda bench: bench.pass_time(NOON_MS + later)
)
tills = st.tuples(st.sampled_from("abc"), st.sampled_from(STORES), st.integers(1, 4)).map(
    lambda sold: lambda bench: bench.sell(sold[0], line(sold[2] * 1_000), store=sold[1])
)
restarts = st.just(lambda bench: (bench.commit(), bench.restart()))
worlds = st.lists(
    st.one_of(requests(), requests(), requests(), reports_on_tasks, ticks, tills, received(), restarts), max_size=25
)


@given(world=worlds)
@settings(max_examples=600, suppress_health_check=SLOW_SETUP)
def test_no_store_gives_and_no_customer_gets_more_than_the_limit_at_any_time(world):
    bench = furnished()
    for store in STORES:
        bench.report("received", f"r-{store}", line(20_000), store=store)
    bench.configure(
        ItemQuota(
            sku=MILK,
            from_ms=0,
            until_ms=NOON_MS + 30 * DAY_MS,
            per_store_milli=STORE_LIMIT,
            per_customer_milli=CUSTOMER_LIMIT,
        )
    )
    for one in world:
        publish(one, bench)
        state = bench.partition.pools[POOL]
        given_by: defaultdict[str, int] = defaultdict(int)
        given_to: defaultdict[str, int] = defaultdict(int)
        for name in ORDERS:
            order = find_order(state, name)
            for hold in order["holds"] if order is not None else ():
                given_by[hold["store"]] += hold["quantity_milli"]
                given_to[order["terms"]["customer_ref"]] += hold["quantity_milli"]
        assert all(milli <= STORE_LIMIT for milli in given_by.values())
        assert all(milli <= CUSTOMER_LIMIT for milli in given_to.values())
        counted = {key[1:]: count for key, count in state[ORDER_INDEX].quota_counts.items() if key[1] != "since"}
        in_orders = {("store", name): milli for name, milli in given_by.items()}
        in_orders |= {("customer", name): milli for name, milli in given_to.items()}
        assert counted == {key: milli for key, milli in in_orders.items() if milli}
