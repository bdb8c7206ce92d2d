"""Units of transfers are conserved, whatever is told of them, in whatever order, and no unit is promised twice."""

from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.models.config import PoolSettings
from streams.pool.orders.rows import find_order
from streams.pool.transfers.rows import find_transfer
from tests.support.pool import BREAD, DAY_MS, HOUR_MS, MILK, NOON_MS, OTHER_STORE, POOL, STORE, PoolBench, line, wanted
from tests.support.transfers import came, discrepancies, gone, in_transit, place, row, stocked, tell
from tests.support.worlds import STORES, OnTask, make_small, reports_on_tasks

SLOW_SETUP = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
SKUS = (MILK, BREAD)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    make_small(monkeypatch)


class Told(NamedTuple):
    """One call of a function of tests.support.transfers, or of the bench, with what it says."""

    what: str
    args: tuple[Any, ...]
    fields: dict[str, Any]

    def onto(self, bench: PoolBench) -> None:
        if self.what == "place":
            place(bench, *self.args, **self.fields)
        elif self.what == "tell":
            tell(bench, *self.args, **self.fields)
        else:
            getattr(bench, self.what)(*self.args, **self.fields)


names = st.sampled_from(["t1", "t2"])
units = st.integers(1, 5).map(lambda n: n * 1_000)


@st.composite
def placings(draw: Any) -> Told:
    name, ends = draw(names), draw(st.permutations(STORES))
    lines = [wanted(draw(units), sku) for sku in draw(st.lists(st.sampled_from(SKUS), min_size=1, unique=True))]
    return Told("place", tuple(lines), {"transfer": name, "from_store": ends[0], "to_store": ends[1], "raw": True})


@st.composite
def shipments(draw: Any) -> Told:
    lines = [came(draw(units), sku) for sku in draw(st.lists(st.sampled_from(SKUS), min_size=1, unique=True))]
    lines = [{**one, "sku": one["line_id"].upper()} for one in lines]
    fields = {"transfer": draw(names), "store": draw(st.sampled_from(STORES)), "report_id": draw(st.sampled_from("xy"))}
    return Told("tell", ("shipped", *lines), fields)


@st.composite
def arrivals(draw: Any) -> Told:
    lines = []
    for sku in draw(st.lists(st.sampled_from(SKUS), min_size=1, max_size=3)):
        reason = draw(st.sampled_from([None, None, "damaged", "wrong_item", "not_found"]))
        other = {MILK: BREAD, BREAD: MILK}[sku]
        lines.append(came(draw(units), sku, reason=reason, sku=other if reason == "wrong_item" else sku))
    fields = {
        "transfer": draw(names),
        "store": draw(st.sampled_from(STORES)),
        "report_id": draw(st.sampled_from("abc")),
    }
    return Told("tell", ("received", *lines), fields)


minutes = st.integers(0, 5).map(lambda n: NOON_MS + n * HOUR_MS)
ticks = st.sampled_from([HOUR_MS, 9 * HOUR_MS, 2 * DAY_MS, 8 * DAY_MS, 12 * DAY_MS]).map(
    lambda later: Told("tick", (NOON_MS + later,), {})
)
cancels = names.map(lambda name: Told("request", ("cancelled", name), {}))
transfers = st.one_of(
    placings(), placings(), shipments(), arrivals(), arrivals(), reports_on_tasks, reports_on_tasks, cancels
)
orders = st.builds(
    lambda name, kind, milli: Told(
        "request", (kind, name, *([wanted(milli)] if kind == "placed" else [])), {"key": f"{name}/{kind}"}
    ),
    st.sampled_from(["o1", "o2"]), st.sampled_from(["placed", "confirmed", "cancelled"]), units,
)  # fmt: skip
tills = st.builds(
    lambda name, store, milli: Told("sell", (name, line(milli)), {"store": store}),
    st.sampled_from(["s1", "s2", "s3"]), st.sampled_from(STORES), units,
)  # fmt: skip


def is_plain(told: Any) -> bool:
    """Nothing that the sender itself finds damaged, which leaves its books besides the transfer."""
    return not (isinstance(told, OnTask) and told.reported.reason == "damaged")


def played(world: Any) -> PoolBench:
    bench = stocked()
    bench.configure(PoolSettings(name="North", ended_retention_ms=30 * DAY_MS))
    for one in world:
        one.onto(bench)
    return bench


@given(world=st.lists(st.one_of(transfers, ticks).filter(is_plain), max_size=25))
@settings(max_examples=600, suppress_health_check=SLOW_SETUP)
def test_every_unit_is_on_a_shelf_on_its_way_damaged_or_lost(world):
    bench = played(world)
    for sku, had_milli in ((MILK, 10_000), (BREAD, 5_000)):
        on_shelves = sum(bench.on_hand(sku, store) for store in STORES)
        assert in_transit(bench, sku) >= 0
        assert on_shelves + in_transit(bench, sku) + gone(bench, sku) == had_milli


@given(world=st.lists(st.one_of(transfers, ticks, orders, tills), max_size=25))
@settings(max_examples=400, suppress_health_check=SLOW_SETUP)
def test_what_is_held_is_what_orders_and_transfers_keep_and_never_more_than_there_is(world):
    bench = played(world)
    state = bench.partition.pools[POOL]
    bench.commit()
    for sku in SKUS:
        for store in STORES:
            shelf = state.shelf(sku, store)
            kept = picked = 0
            for name in ("t1", "t2"):
                transfer = find_transfer(state, name)
                for one in transfer["lines"] if transfer is not None else ():
                    kept += one["held_milli"] if (one["sku"], transfer["from_store"]) == (sku, store) else 0
            for name in ("o1", "o2"):
                order = find_order(state, name)
                for hold in order["holds"] if order is not None else ():
                    if (hold["sku"], hold["store"]) == (sku, store) and hold["state"] != "collected":
                        kept += hold["quantity_milli"] - hold["sold_at_till_milli"]
                        picked += hold["quantity_milli"] if hold["state"] == "picked" else 0
            assert kept == (0 if shelf is None else shelf.held_milli)
            assert kept <= max(0 if shelf is None else shelf.on_hand_milli, picked)


@given(world=st.lists(transfers, max_size=20))
@settings(max_examples=300, suppress_health_check=SLOW_SETUP)
def test_every_transfer_ends_and_its_differences_add_up(world):
    """Time alone ends it; what the journal told of differences is what the rows say in the end."""
    bench = played(world)
    for day in range(1, 20):
        bench.pass_time(NOON_MS + day * DAY_MS)
    bench.commit()
    told = discrepancies(bench)
    for kind, name in (("lost", "lost_milli"), ("damaged", "damaged_milli")):
        for sku in SKUS:
            rows = [row(bench, one) for one in ("t1", "t2") if f"transfer/{POOL}/{one}" in bench.committed.rows]
            assert {one["status"] for one in rows} <= {"ended"}
            in_rows = sum(one[name] for of in rows for one in of["lines"] if one["sku"] == sku)
            assert told.get((sku, kind), (0, 0))[0] == in_rows
    assert not [task for task in bench.tasks().values() if task["transfer"] and task["status"] in ("open", "claimed")]


@given(parts=st.permutations(["shipped", "a", "b", "c"]), sizes=st.tuples(units, units, units, units))
@settings(max_examples=300, suppress_health_check=SLOW_SETUP)
def test_the_order_of_reports_changes_neither_books_nor_differences(parts, sizes):
    def ended(order: Any) -> Any:
        bench = stocked()
        place(bench, wanted(5_000), wanted(2_000, BREAD))
        told = {
            "shipped": lambda: tell(bench, "shipped", came(sizes[0]), came(sizes[1], BREAD)),
            "a": lambda: tell(bench, "received", came(sizes[2]), report_id="a"),
            "b": lambda: tell(bench, "received", came(1_000, reason="wrong_item", sku=BREAD), report_id="b"),
            "c": lambda: tell(bench, "received", came(sizes[3], BREAD, reason="damaged"), report_id="c"),
        }
        for part in order:
            told[part]()
        shelves = [bench.on_hand(sku, store) for sku in SKUS for store in (STORE, OTHER_STORE)]
        return shelves, discrepancies(bench), [in_transit(bench, sku) for sku in SKUS], row(bench)["outcome"]

    assert ended(parts) == ended(["shipped", "a", "b", "c"])
