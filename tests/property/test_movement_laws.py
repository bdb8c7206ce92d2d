"""The movements of a journal sum up to the books, whatever arrives: goods come from somewhere and go somewhere."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from streams.pool.journal.facts import CATALOG_ITEM
from tests.property.test_transfer_laws import SKUS, orders, played, ticks, tills, transfers
from tests.support.movements import assert_movements_are_the_books, movements
from tests.support.pool import POOL, furnished
from tests.support.transfers import in_transit
from tests.support.worlds import make_small, order_worlds, worlds

SLOW_SETUP = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    make_small(monkeypatch)


@given(world=st.one_of(worlds, order_worlds))
@settings(max_examples=400, suppress_health_check=SLOW_SETUP)
def test_what_moved_sums_up_to_the_books(world):
    bench = furnished()
    for one in world:
        one.onto(bench)
    bench.commit()
    assume(not _units_changed(bench.journal()))
    assert_movements_are_the_books(bench.journal(), bench.committed, POOL)


def _units_changed(entries):
    """An empty shelf begins anew when its item's unit changes, of which movements know nothing."""
    units = {}
    for entry in entries:
        if entry.fact[0] == CATALOG_ITEM:
            item = entry.fact[1]
            if units.setdefault(item["sku"], item["unit"]) != item["unit"]:
                return True
    return False


@given(world=st.lists(st.one_of(transfers, ticks, orders, tills), max_size=25))
@settings(max_examples=300, suppress_health_check=SLOW_SETUP)
def test_what_left_in_transfers_came_was_lost_or_is_on_its_way(world):
    bench = played(world)
    bench.commit()
    assert_movements_are_the_books(bench.journal(), bench.committed, POOL)
    on_the_way: Counter[str] = Counter()
    for movement in movements(bench.journal()):
        if movement.cause in ("transfer_out", "transfer_in", "transfer_back"):
            on_the_way[movement.sku] -= movement.quantity_milli
        elif movement.cause in ("lost_in_transit", "damaged_in_transit"):
            on_the_way[movement.sku] += movement.quantity_milli
    assert {sku: on_the_way[sku] for sku in SKUS} == {sku: in_transit(bench, sku) for sku in SKUS}
