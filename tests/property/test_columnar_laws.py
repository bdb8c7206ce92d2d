"""The columnar lane and the ordinary one are one: the same reading, the same bytes everywhere, however runs are cut."""

import random
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.codec import topic_codec
from schemas.plain_sale import KINDS, UNITS, PlainSale, plain_sender, read_plain_sale
from schemas.plain_sale_columns import SaleColumns, read_plain_sales
from schemas.topics import POS_SALES
from streams.pool.state.shelf import Shelf
from streams.pool.stock import columnar, sales_run
from streams.runtime.contract import InputRecord
from tests.property.test_plain_sale_laws import SALES
from tests.property.test_replay_laws import SLOW_SETUP, breaks, everything, played
from tests.support.pool import NOON_MS, PoolBench, furnished, line, sale
from tests.support.sale_streams import SaleStream, furnish_other_pool, hand_over_unrung
from tests.support.worlds import make_small, order_worlds, worlds

SEEDS = st.integers(0, 2**32)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    make_small(monkeypatch)


# --- reading ----------------------------------------------------------------------------------------------


def read_back(columns: SaleColumns, record: int) -> PlainSale:
    own = slice(int(columns.line_starts[record]), int(columns.line_starts[record + 1]))
    numbers = (column[own].tolist() for column in (columns.quantities_milli, columns.units, columns.kinds))
    lines = [
        (code.decode(), milli, UNITS[unit], KINDS[kind])
        for code, milli, unit, kind in zip(columns.codes[own], *numbers, strict=True)
    ]
    pool, store, system = plain_sender(columns.senders[record])
    times = int(columns.occurred_ms[record]), int(columns.recorded_ms[record])
    return pool, store, system, columns.source_ids[record], *times, tuple(lines)


def without_ids(plain: PlainSale) -> Any:
    *head, lines = plain
    return *head, tuple(told[1:] for told in lines)


def assert_read_as_one_by_one(values: list[bytes | None]) -> SaleColumns:
    columns = read_plain_sales(values)
    for record, value in enumerate(values):
        if columns.is_plain[record]:
            plain = read_plain_sale(value or b"")
            assert plain is not None
            assert read_back(columns, record) == without_ids(plain)
            assert len({told[0] for told in plain[-1]}) == len(plain[-1])
            assert columns.bodies[record] == (value or b"")[5:]
    return columns


@given(events=st.lists(SALES, max_size=6))
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_read_by_columns_is_what_is_read_one_by_one(events):
    assert_read_as_one_by_one([topic_codec(POS_SALES.name).encode(event) for event in events])


@given(
    events=st.lists(SALES, min_size=1, max_size=3),
    changes=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=4),
    cut=st.none() | st.integers(0, 400),
    tail=st.binary(max_size=2),
)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_bytes_are_refused_or_read_as_one_by_one_whatever_stands_beside_them(events, changes, cut, tail):
    values = [bytearray(topic_codec(POS_SALES.name).encode(event)) for event in events]
    for at, byte in changes:
        values[0][at % len(values[0])] = byte
    damaged = bytes(values[0][:cut]) + tail
    assert_read_as_one_by_one([damaged, *map(bytes, values[1:]), None, b"", damaged])


@pytest.mark.parametrize("lines", [1, 2, 12, 63])
def test_a_sale_as_tills_send_it_is_read_by_columns(lines):
    value = sale("s", *[line(1_000, price_minor=199)] * lines, till="1", currency="EUR")
    assert assert_read_as_one_by_one([value, None, value]).is_plain.tolist() == [True, False, True]


def test_nothing_at_all_is_read_too():
    assert not assert_read_as_one_by_one([]).is_plain.size
    assert not assert_read_as_one_by_one([None]).is_plain.any()


# --- the same bytes ---------------------------------------------------------------------------------------


def by_columns(inputs: list[InputRecord], seed: int, cached_rows_max: int = 50_000) -> PoolBench:
    """The same records on another bench: sales in runs that are cut anywhere, and batches and restarts anywhere."""
    bench, chance = PoolBench(cached_rows_max=cached_rows_max), random.Random(seed)
    often = chance.choice([0.0, 0.05, 0.5])
    for run in _runs(inputs, chance, chance.choice([0.0, 0.1, 0.5])):
        if run[0].topic == POS_SALES.name:
            bench.apply_run(run)
        else:
            bench.apply(run[0])
        if chance.random() < often:
            bench.close()
            if chance.random() < 0.5:
                bench.settle()
            if chance.random() < 0.3:
                bench.restart()
    bench.commit()
    while any(pool.stale_terms for pool in bench.partition.pools.values()):
        bench.commit()
    return bench


def _runs(inputs: list[InputRecord], chance: random.Random, often: float) -> Iterator[list[InputRecord]]:
    for topic, group in groupby(inputs, key=lambda record: record.topic):
        run: list[InputRecord] = []
        for record in group:
            run.append(record)
            if topic != POS_SALES.name or chance.random() < often:
                yield run
                run = []
        if run:
            yield run


def streamed(seed: int, events: int = 60) -> PoolBench:
    bench = furnished()
    furnish_other_pool(bench)
    hand_over_unrung(bench)
    SaleStream(bench, seed, any_mix(seed)).put(events)
    bench.commit()
    while any(pool.stale_terms for pool in bench.partition.pools.values()):
        bench.commit()
    return bench


def any_mix(seed: int) -> dict[str, int]:
    """Any proportion of returns and repeats: none, all, and what lies between."""
    chance = random.Random(f"mix {seed}")
    return {kind: chance.choice([0, 2, 20, 300]) for kind in ("returned", "sold and returned", "told again")}


def assert_lanes_agree(bench: PoolBench, seed: int, cached_rows_max: int = 50_000) -> None:
    both = by_columns(bench.inputs, seed, cached_rows_max)
    assert everything(both) == everything(bench)


@given(seed=SEEDS, cuts=SEEDS, cached_rows_max=st.sampled_from([0, 1, 50_000]))
@settings(max_examples=80, suppress_health_check=SLOW_SETUP)
def test_a_stream_of_sales_leaves_the_same_bytes_in_both_lanes_however_it_is_cut(seed, cuts, cached_rows_max):
    assert_lanes_agree(streamed(seed), cuts, cached_rows_max)


@given(world=st.one_of(worlds, order_worlds), breaks=breaks, cuts=SEEDS)
@settings(max_examples=80, suppress_health_check=SLOW_SETUP)
def test_whatever_arrives_leaves_the_same_bytes_in_both_lanes(world, breaks, cuts):
    assert_lanes_agree(played(world, breaks), cuts)


def test_of_one_run_in_one_batch_even_the_published_records_come_in_the_same_order():
    bench = streamed(0, events=0)
    again = by_columns(bench.inputs, 0)
    again.commit()
    stream = SaleStream(bench, 7)
    for _ in range(40):
        stream._put_sold()
    sales = bench.inputs[len(again.inputs) :]
    again.apply_run(sales)
    batch, expected = again.commit(), bench.commit()
    assert batch.outputs == expected.outputs
    assert sorted(batch.rows) == sorted(expected.rows)


def test_a_stream_of_plain_sales_takes_the_columnar_lane(monkeypatch):
    bench = furnished()
    bench.report("received", "r", line(900_000))
    monkeypatch.setattr(type(bench.partition), "apply", lambda *_: pytest.fail("it took the ordinary lane"))
    records = [
        InputRecord(POS_SALES.name, 0, at, NOON_MS, b"k", sale(f"s{at}", *[line(1_000, kind=kind)] * (1 + at % 3)))
        for at, kind in enumerate(["sale"] * 87 + ["return", "void", "return_not_restocked"])
    ]  # fmt: skip
    bench.apply_run(records)
    bench.apply_run([record._replace(offset=100 + at) for at, record in enumerate(records)])
    assert bench.on_hand() == 900_000 - 174_000 + 1_000 + 2_000
    assert bench.counts()["duplicate"] == 180


# --- planted bugs -----------------------------------------------------------------------------------------


def _late_is_taken(_: Any) -> Any:
    return lambda _, run, at, behind, states: (
        run.columns.is_plain[at:behind] & np.isin(run.sender_of[at:behind], list(states))
    )


def _moving_again(tell: Any) -> Any:
    def told(run: Any, at: int, end: int, states: Any, shelves: Any) -> Any:
        shelf_of = shelves.of.copy()
        found = tell(run, at, end, states, shelves)
        shelves.of[:] = shelf_of
        return found

    return told


def _remembered_again(apply: Any) -> Any:
    return lambda *given: apply(*given[:-1], given[-1]._replace(are_repeats=np.zeros_like(given[-1].are_repeats)))


def _seen_by_no_count(first_fall: Any) -> Any:
    """What came back before a count is taken for goods that are there beside what was counted."""

    def found(run: Any, at: int, end: int, shelves: Any, groups: Any) -> Any:
        counted = [shelf.counted_at_ms for shelf in shelves.shelves]
        try:
            for shelf in shelves.shelves:
                shelf.counted_at_ms = 0
            return first_fall(run, at, end, shelves, groups)
        finally:
            for shelf, at_ms in zip(shelves.shelves, counted, strict=True):
                shelf.counted_at_ms = at_ms

    return found


def _below_zero_for_good(first_fall: Any) -> Any:
    """Books that are below zero once are not looked at again, whatever comes back."""

    def found(run: Any, at: int, end: int, shelves: Any, groups: Any) -> Any:
        is_above = [shelf.on_hand_milli >= 0 for shelf in shelves.shelves]
        fine = shelves._replace(
            shelves=[shelf if above else Shelf() for shelf, above in zip(shelves.shelves, is_above, strict=True)]
        )
        for shelf, above in zip(fine.shelves, is_above, strict=True):
            shelf.on_hand_milli = shelf.on_hand_milli if above else -(2**40)
        return first_fall(run, at, end, fine, groups)

    return found


def _any_order(group: Any) -> Any:
    def grouped(*arguments: Any) -> Any:
        found = group(*arguments)
        order = found.order.copy()
        for start, end in zip(found.starts, found.ends, strict=True):
            order[start:end] = order[start:end][::-1]
        return found._replace(order=order)

    return grouped


def _yesterdays_catalogue(find: Any) -> Any:
    """What a code means is looked up once, and kept."""
    kept: dict[tuple[str, str, str], Any] = {}

    def found(run: Any, at: int, end: int, states: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            for state in states.values():
                config, name = state.config, state.pool
                meaning, plain = config.plain_meaning, config.plain_meanings()
                patch.setattr(config, "plain_meanings", dict)
                patch.setattr(config, "plain_meaning", lambda store, code, name=name, meaning=meaning, plain=plain:
                    kept.setdefault((name, store, code), plain.get(code) or meaning(store, code)))  # fmt: skip
            return find(run, at, end, states)

    return found


PLANTED: dict[str, tuple[Any, str, Callable[[Any], Any]]] = {
    "a repeat is taken again": (columnar, "_known", lambda _: lambda *_: iter(())),
    "whatever is told of a known event is a repeat": (columnar, "tells_again", lambda _: lambda *_: True),
    "a repeat moves the goods again": (columnar, "_tell", _moving_again),
    "a repeat counts as new": (columnar, "_apply", _remembered_again),
    "books fall below zero, and nobody doubts them": (columnar, "_first_fall", lambda _: lambda *given: given[2]),
    "what came back before the count is there beside it": (columnar, "_first_fall", _seen_by_no_count),
    "books that came back from below zero may fall again": (columnar, "_first_fall", _below_zero_for_good),
    "returns are sales": (sales_run, "_signs", lambda _: lambda: np.array([-1, -1, -1, -1])),
    "what is not restocked is there again": (sales_run, "_signs", lambda _: lambda: np.array([-1, 1, 1, 1])),
    "goods handed over are sold again": (columnar, "_is_owed", lambda _: lambda *_: False),
    "late sales are taken": (columnar.ColumnarLane, "_are_acceptable", _late_is_taken),
    "movements of a shelf change places": (columnar, "_group", _any_order),
    "yesterday's catalogue counts": (columnar, "_find_shelves", _yesterdays_catalogue),
    "all units are one": (columnar, "UNITS", lambda _: type("Any", (), {"__getitem__": lambda *_: _ANY_UNIT})()),
}  # fmt: skip


class _AnyUnit(str):
    __slots__ = ()

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


_ANY_UNIT = _AnyUnit()


@pytest.mark.parametrize("bug", PLANTED)
def test_a_bug_that_is_planted_in_the_columnar_lane_is_found(bug, monkeypatch):
    where, name, change = PLANTED[bug]
    monkeypatch.setattr(where, name, change(getattr(where, name)))
    assert any(is_found(seed) for seed in range(40))


def is_found(seed: int) -> bool:
    bench = streamed(seed, 120)
    try:
        return everything(by_columns(bench.inputs, seed)) != everything(bench)
    except AssertionError:
        return True  # an agenda that is not empty, a journal with a gap
