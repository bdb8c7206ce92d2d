"""Terms of a store with very many shelves are told by many batches, wherever a worker restarts."""

import pytest

from schemas.models.config import StoreSettings
from streams.pool.state import stale_terms
from tests.support.pool import OTHER_STORE, POOL, STORE, PoolBench, furnished, line

ITEMS, A_BATCH = 23, 5


@pytest.fixture
def bench(monkeypatch) -> PoolBench:
    monkeypatch.setattr(stale_terms, "TOLD_MAX", A_BATCH)
    monkeypatch.setattr(stale_terms, "LOOKED_AT_MAX", 2 * A_BATCH)
    bench = furnished()
    for n in range(ITEMS):
        bench.stock_item(f"I{n:02d}")
        for store in (STORE, OTHER_STORE):
            bench.report("received", f"{store}-{n}", line(10_000, f"I{n:02d}"), store=store)
    bench.commit()
    while owed(bench):
        bench.commit()
    bench.outputs.clear()
    return bench


def owed(bench: PoolBench) -> bool:
    return f"stale/{POOL}" in bench.committed.rows


def close(bench: PoolBench, store: str, *, is_open: bool = False) -> None:
    bench.configure(StoreSettings(store=store, name=store, open=is_open))


def told(bench: PoolBench) -> int:
    """Shelves that a further batch tells."""
    before = len(bench.outputs)
    bench.commit()
    return sum(output.topic == "pool.availability.v1" for output in bench.outputs[before:])


@pytest.mark.parametrize("restarts", [False, True])
def test_each_batch_tells_so_many_and_in_the_end_all_are_told_once(bench, restarts):
    close(bench, STORE)
    counts = [told(bench)]
    while owed(bench):
        if restarts:
            bench.restart()
        counts.append(told(bench))
    assert max(counts) <= A_BATCH
    assert sum(counts) == ITEMS
    assert {row["available_milli"] for row in bench.availability().values()} == {0}


def test_a_store_that_changes_while_another_is_being_told_is_told_whole(bench):
    close(bench, STORE)
    told(bench)
    close(bench, OTHER_STORE)
    while owed(bench):
        told(bench)
    assert len(bench.availability()) == 2 * ITEMS
    assert {row["available_milli"] for row in bench.availability().values()} == {0}


def test_what_changes_back_meanwhile_is_told_as_it_is_then(bench):
    close(bench, STORE)
    told(bench)
    close(bench, STORE, is_open=True)
    while owed(bench):
        told(bench)
    assert {row["available_milli"] for row in bench.availability().values()} == {10_000}


def test_very_many_items_are_told_as_the_whole_pool(bench, monkeypatch):
    monkeypatch.setattr(stale_terms, "ITEMS_MAX", 3)
    for n in range(ITEMS):
        for store in (STORE, OTHER_STORE):
            bench.report("counted", f"{store}-{n}-0", line(0, f"I{n:02d}"), store=store)
        bench.stock_item(f"I{n:02d}", unit="kg")
    while told(bench) or owed(bench):
        pass
    assert {row["unit"] for row in bench.availability().values()} == {"kg"}
    assert len(bench.availability()) == 2 * ITEMS
