"""An aggregate that no module of `streams/pool` knows joins by the processor's tuple and by schemas alone."""

import sys

import pytest

from schemas.codec import Codec
from schemas.topics import POOL_JOURNAL
from streams.pool.state.dedup_index import FilteredIndex
from streams.pool.state.pool_state import PoolState
from tests.support import pool as support
from tests.support.bell import BELL_CHANGED, BELLS, FORGOTTEN_AFTER_MS, RINGS, Bell
from tests.support.pool import NOON_MS, POOL, STORE, CommittedRows, PoolBench, furnished, line

KEY = f"{POOL}/{STORE}"


@pytest.fixture(scope="module")
def bell(tmp_path_factory):
    return Bell(tmp_path_factory.mktemp("vocabulary"))


@pytest.fixture
def bench(bell, monkeypatch) -> PoolBench:
    monkeypatch.setattr(sys.modules[support.__name__], "processor", lambda: bell.processor)
    return furnished()


def ring(bench: PoolBench, bell: Bell, at_ms: int = NOON_MS) -> None:
    bench.put(RINGS.name, bell.ring(at_ms), at_ms)


def facts(bench: PoolBench, bell: Bell) -> list:
    """The journal, read with the schemas that know the bell."""
    bench.commit()
    decode = Codec(POOL_JOURNAL.name, bell.known).decode
    pages = [decode(output.value) for output in bench.outputs if output.topic == POOL_JOURNAL.name]
    return [entry for page in pages for entry in page["entries"]]


def published(bench: PoolBench, bell: Bell) -> list:
    return [(output.key, bell.decode_row(output.value)) for output in bench.outputs if output.topic == BELLS.name]


def test_its_input_is_decided_folded_and_journaled_and_its_table_is_published(bench, bell):
    ring(bench, bell)
    bench.sell("s1", line(1_000))
    ring(bench, bell)
    rows = [{"pool": POOL, "store": STORE, "rings": rings, "rung_at_ms": NOON_MS} for rings in (1, 2)]
    told = [entry["fact"] for entry in facts(bench, bell) if entry["topic"] == RINGS.name]
    assert told == [(BELL_CHANGED, {"kind": "rung", "bell": row}) for row in rows]
    assert published(bench, bell) == [(KEY, rows[1])]


def test_it_reacts_to_a_tick(bench, bell):
    ring(bench, bell)
    bench.commit()
    bench.tick(NOON_MS + FORGOTTEN_AFTER_MS - 1)
    bench.tick(NOON_MS + FORGOTTEN_AFTER_MS)
    kinds = [(entry["topic"], entry["fact"][0], entry["fact"][1].get("kind")) for entry in facts(bench, bell)[-3:]]
    assert kinds == [
        ("pool.ticks.v1", "commonshelf.Tick", None),
        ("pool.ticks.v1", "commonshelf.Tick", None),
        ("pool.ticks.v1", BELL_CHANGED, "forgotten"),
    ]
    assert published(bench, bell)[-1] == (KEY, None)
    assert f"bell/{KEY}" not in bench.committed.rows


def test_it_is_restored_from_the_changelog(bench, bell):
    ring(bench, bell)
    bench.commit()
    bench.restart()
    ring(bench, bell)
    bench.commit()
    assert published(bench, bell)[-1][1]["rings"] == 2
    bench.restart()
    bench.pass_time(NOON_MS + FORGOTTEN_AFTER_MS)
    assert facts(bench, bell)[-1]["fact"][1]["kind"] == "forgotten"


def lived(bench: PoolBench, bell: Bell) -> PoolBench:
    for at in range(4):
        ring(bench, bell, NOON_MS + at * FORGOTTEN_AFTER_MS // 2)
        bench.sell(f"s{at}", line(1_000))
    bench.pass_time(NOON_MS + 2 * FORGOTTEN_AFTER_MS)
    ring(bench, bell, NOON_MS + 2 * FORGOTTEN_AFTER_MS)
    bench.pass_time(NOON_MS + 3 * FORGOTTEN_AFTER_MS)
    ring(bench, bell, NOON_MS + 3 * FORGOTTEN_AFTER_MS)
    bench.commit()
    return bench


def test_folding_its_journal_from_zero_gives_its_rows_byte_for_byte(bench, bell):
    lived(bench, bell)
    rows = CommittedRows()
    view = rows.view()
    tables = bell.processor.tables(view)
    state = PoolState(POOL, tables, FilteredIndex(view.find_index, lambda: list(rows.index)))
    for entry in facts(bench, bell):
        encoded = tables.facts.encode(entry["fact"])
        bell.processor.aggregates.fold(state, entry["fact"], encoded, entry["appended_at_ms"])
    rows.write(list(tables.drain()))
    assert rows.rows == bench.committed.rows


def test_deciding_its_inputs_again_gives_its_journal_byte_for_byte(bench, bell):
    furnishing = len(bench.inputs)
    lived(bench, bell)
    again = PoolBench()
    for inputs in (bench.inputs[:furnishing], bench.inputs[furnishing:]):
        for record in inputs:
            again.apply(record)
        again.commit()
    pages = [output.value for output in bench.outputs if output.topic == POOL_JOURNAL.name]
    assert [output.value for output in again.outputs if output.topic == POOL_JOURNAL.name] == pages
    assert [entry["fact"][1].get("kind") for entry in facts(bench, bell)].count("forgotten") == 1
    assert again.committed.rows == bench.committed.rows
