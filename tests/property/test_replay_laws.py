"""Whatever arrives: batches, restarts and caches leave no trace, and the journal alone tells the whole state."""

from itertools import groupby
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.pool.journal.facts import ORDER_CHANGED, TASK_CHANGED, TRANSFER_CHANGED
from streams.pool.state.dedup_index import FilteredIndex
from streams.pool.state.pool_state import PoolState
from tests.support.pool import POOL, CommittedRows, PoolBench, furnished, processor
from tests.support.worlds import make_small, order_worlds, worlds

FOLLOWS = (ORDER_CHANGED, TASK_CHANGED, TRANSFER_CHANGED)
worlds = st.one_of(worlds, order_worlds)
breaks = st.dictionaries(st.integers(0, 23), st.sampled_from(["late", "at once", "restart"]), max_size=24)
SLOW_SETUP = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    make_small(monkeypatch)


def played(world, breaks=(), **options) -> PoolBench:
    """The world on a bench; `breaks` says where the batch ends, and whether it is committed while the next one runs,
    at once, or at once with a restart of the partition.
    """
    bench = furnished(**options)
    for at, published in enumerate(world):
        published.onto(bench)
        if at in breaks:
            bench.close()
            if breaks[at] != "late":
                bench.settle()
            if breaks[at] == "restart":
                bench.restart()
    bench.commit()
    while any(pool.stale_terms for pool in bench.partition.pools.values()):
        bench.commit()
    return bench


def everything(bench: PoolBench) -> dict[str, Any]:
    """All that a run leaves behind, less how the journal was cut into pages."""
    return {
        "rows": bench.committed.rows,
        "index": bench.committed.index,
        "journal": bench.journal(),
        "dead letters": [(o.topic, o.value, o.headers) for o in bench.dead_letters()],
        "events": [(o.key, o.value) for o in bench.outputs if o.topic == "orders.events.v1"],
        "table": {o.key: o.value for o in bench.outputs if o.topic == "pool.availability.v1"},
        "tasks": bench.tasks(),
    }


@given(
    world=worlds,
    breaks=breaks,
    cached_rows_max=st.sampled_from([0, 1, 50_000]),
)
@settings(max_examples=700, suppress_health_check=SLOW_SETUP)
def test_where_batches_end_where_a_worker_restarts_and_what_it_caches_changes_nothing(world, breaks, cached_rows_max):
    """One batch and no restart against any batches, any restarts and any cache: the same bytes everywhere."""
    assert everything(played(world, breaks, cached_rows_max=cached_rows_max)) == everything(played(world))


@given(world=worlds)
@settings(max_examples=400, suppress_health_check=SLOW_SETUP)
def test_folding_the_journal_from_zero_gives_the_rows_byte_for_byte(world):
    bench = played(world, dict.fromkeys(range(0, 24, 3), False))
    rows = CommittedRows()
    view = rows.view()
    tables = processor().tables(view)
    state = PoolState(POOL, tables, FilteredIndex(view.find_index, lambda: list(rows.index)))
    for entry in bench.journal():
        processor().aggregates.fold(state, entry.fact, entry.fact_bytes, entry.appended_at_ms)
    rows.write(list(tables.drain()))
    assert rows.rows == bench.committed.rows


@given(world=worlds)
@settings(max_examples=400, suppress_health_check=SLOW_SETUP)
def test_deciding_again_in_the_journal_s_order_gives_the_journal_byte_for_byte(world):
    """Only the records that the journal names are needed: what became a dead letter whole left no trace."""
    bench = played(world)
    inputs = {record[:3]: record for record in bench.inputs}
    again = PoolBench()
    for cause in dict.fromkeys(entry.cause for entry in bench.journal()):
        again.apply(inputs[cause])
    assert again.journal() == bench.journal()
    assert again.committed.rows == bench.committed.rows


@given(world=worlds)
@settings(max_examples=200, suppress_health_check=SLOW_SETUP)
def test_every_record_has_an_entry_of_its_own_and_what_follows_or_one_dead_letter(world):
    bench = played(world)
    causes = [entry.cause for entry in bench.journal()]
    journaled = {(cause.topic, cause.offset) for cause in causes}
    firsts = [entry for at, entry in enumerate(bench.journal()) if causes[at] not in causes[:at]]
    assert [cause for cause, _ in groupby(causes)] == [entry.cause for entry in firsts]
    assert not [entry for entry in firsts if entry.fact[0] in FOLLOWS]
    assert not [entry for entry in bench.journal() if entry not in firsts and entry.fact[0] not in FOLLOWS]
    whole = [(record.topic, record.offset) for record in bench.inputs if (record.topic, record.offset) not in journaled]
    letters = {
        (dict(letter.headers)["__connect.errors.topic"], dict(letter.headers)["__connect.errors.offset"])
        for letter in bench.dead_letters()
    }
    assert [(t, o) for t, o in whole if (t.encode(), str(o).encode()) not in letters] == []


@given(world=worlds)
@settings(max_examples=200, suppress_health_check=SLOW_SETUP)
def test_the_table_says_what_a_look_up_says(world):
    bench = played(world)
    for row in bench.availability().values():
        answer = bench.partition.look_up({"pool": POOL, "sku": row["sku"]})
        assert row in answer["stores"]
        assert answer["available_milli"] == sum(one["available_milli"] for one in answer["stores"])
        assert 0 <= row["available_milli"] <= max(row["on_hand_milli"], 0)
