"""Counts of pools are shown by the worker that holds them, and by no other."""

from types import SimpleNamespace

from streams.pool.state.metrics import PoolCounts
from streams.pool.state.pool_state import empty_pool_row

POOL = "riverside"


def shown(counts):
    return {
        sample.labels["pool"]
        for family in counts.collect()
        for sample in family.samples
        if family.name == "commonshelf_pool_journal_position"
    }  # fmt: skip


def test_a_pool_is_shown_until_it_is_another_workers():
    counts = PoolCounts()
    for pool in (POOL, "lakeside"):
        counts.show(SimpleNamespace(pool=pool, row=empty_pool_row()))
    assert shown(counts) == {POOL, "lakeside"}
    counts.forget([POOL, "never seen"])
    assert shown(counts) == {"lakeside"}
