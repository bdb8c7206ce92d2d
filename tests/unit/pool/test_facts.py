"""Bytes put together by hand are the bytes that the Avro library writes."""

import io
from types import SimpleNamespace

import pytest
from fastavro import schemaless_writer
from fastavro.schema import parse_schema
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro_parts import bytes_bytes, long_bytes, string_bytes
from schemas.codec import HEADER_BYTES, topic_codec
from streams.catalog import PoolConfig
from streams.pool.journal.facts import (
    SALE_RECORDED,
    encode_applied,
    encode_plain_sale,
    encode_repeated_sale,
    fact_codec,
    line_counts,
    tells_again,
)
from streams.pool.state.availability import availability_row, encode_availability
from streams.pool.state.shelf import Shelf
from tests.support.pool import BREAD, DAY_MS, NOON_MS, furnished, line, sale

INT64 = st.integers(-(2**63), 2**63 - 1)


def as_fastavro_writes(schema, value):
    out = io.BytesIO()
    schemaless_writer(out, parse_schema(schema), value)
    return out.getvalue()


@given(INT64)
@settings(max_examples=500)
def test_a_long_is_written_as_the_library_does(number):
    assert long_bytes(number) == as_fastavro_writes("long", number)


@pytest.mark.parametrize("power", range(64))
def test_a_long_beside_each_power_of_two_is_written_as_the_library_does(power):
    for number in (2**power - 1, 2**power, 2**power + 1):
        for signed in (number, -number, -number - 1):
            if -(2**63) <= signed < 2**63:
                assert long_bytes(signed) == as_fastavro_writes("long", signed)


@given(st.text(), st.binary())
def test_text_and_bytes_are_written_as_the_library_does(text, value):
    assert string_bytes(text) == as_fastavro_writes("string", text)
    assert bytes_bytes(value) == as_fastavro_writes("bytes", value)


@given(st.lists(st.tuples(st.integers(0, 4_999), st.text(max_size=20), INT64), min_size=1, max_size=8))
def test_a_plain_sale_put_together_by_hand_is_what_the_library_writes(lines):
    value = sale("s1", line(1_000), line(2_000, BREAD), till="1", currency="EUR")
    event = topic_codec("pos.sales.v1").decode(value)
    plainly = {"sold_at_till_milli": 0, "kept": False, "handed_over_milli": 0, "waiting_milli": 0, "moved_milli": None}
    taken = [{"line": at, "sku": sku, "delta_milli": delta, **plainly} for at, sku, delta in lines]
    rest = {"reversed": [], "duplicate_lines": 0, "stale_lines": 0, "quarantined": [], "hand_overs": []}
    fact = (SALE_RECORDED, {"event": event, "applied": taken, **rest})
    assert encode_plain_sale(value[HEADER_BYTES:], [encode_applied(*each) for each in lines]) == fact_codec().encode(
        fact
    )
    assert fact_codec().recall(b"before" + fact_codec().mark + fact_codec().encode(fact), 6) == fact


@given(st.integers(1, 5_000))
def test_a_repeated_sale_put_together_by_hand_is_what_the_library_writes(lines):
    value = sale("s1", line(1_000), till="1", currency="EUR")
    rest = {"applied": [], "reversed": [], "stale_lines": 0, "quarantined": [], "hand_overs": []}
    fact = {"event": topic_codec("pos.sales.v1").decode(value), "duplicate_lines": lines, **rest}
    assert encode_repeated_sale(value[HEADER_BYTES:], lines) == fact_codec().encode((SALE_RECORDED, fact))


def told(milli=1_000, sku=BREAD, **fields):
    """(fact of a sale, place of the time at which it was recorded in the sale)"""
    value = sale("s1", line(milli), raw=True, **fields)
    event = topic_codec("pos.sales.v1").decode(value)
    times = long_bytes(event["occurred_at_ms"]) + long_bytes(event["recorded_at_ms"])
    body = value[HEADER_BYTES:]
    return encode_plain_sale(body, [encode_applied(0, sku, -milli)]), body.index(times) + 6


@pytest.mark.parametrize("behind", [b"", b"another fact"])
def test_a_sale_told_again_later_is_the_same(behind):
    fact, recorded_at = told()
    for again, _ in (told(), told(recorded_at_ms=NOON_MS + DAY_MS)):
        assert tells_again(fact, again + behind, recorded_at)


@pytest.mark.parametrize(
    "other",
    [
        {"milli": 2_000}, {"sku": "RYE"}, {"occurred_at_ms": NOON_MS - 1}, {"recorded_at_ms": 2**45}, {"version": 2},
        {"recorded_at_ms": 2**33}, {"recorded_at_ms": 0}, {"recorded_at_ms": -1}, {"till": "2"}, {"store": "mill"},
    ],
)  # fmt: skip
def test_a_sale_told_otherwise_is_another(other):
    fact, recorded_at = told()
    assert not tells_again(fact, told(**other)[0], recorded_at)


def test_a_time_of_another_length_is_no_time_of_this_one():
    """A longer time whose end is what begins the rest here."""
    fact, recorded_at = told()
    at = 1 + recorded_at
    longer = fact[:at] + b"\x80" * 6 + fact[at + 6 :]
    assert not tells_again(fact, longer, recorded_at)
    assert not tells_again(fact, fact[:at], recorded_at)


@given(st.tuples(*[st.text(min_size=1, max_size=30)] * 3), st.tuples(*[INT64] * 7, st.integers(0, 2**31 - 1)))
def test_an_availability_row_put_together_by_hand_is_what_the_codec_writes(key, numbers):
    shelf = Shelf()
    fields = (
        "on_hand_milli", "used_milli", "counted_at_ms", "drift_milli", "recorded_at_ms", "appended_at_ms", "position",
        "negatives",
    )  # fmt: skip
    for name, number in zip(fields, numbers, strict=True):
        setattr(shelf, name, number)
    pool = SimpleNamespace(config=PoolConfig())
    row = availability_row(pool.config, key, shelf)
    assert encode_availability({key[0]: pool}, key, shelf) == topic_codec("pool.availability.v1").encode(row)


def test_the_line_counts_of_a_fact_add_up_to_the_lines_of_its_event():
    bench = furnished()
    bench.sell("s1", line(1_000), line(2_000, "NO"), line(1_000, line_id="1"))
    bench.sell("s1", line(1_000))
    bench.sell("s1", line(1_000), version=0)
    bench.report("counted", "c1", line(1_000), line(3_000))
    bench.sell("s2", line(1_000), line(1_000), store="nowhere")
    bench.tick(NOON_MS)
    assert [line_counts(entry.fact) for entry in bench.journal()[-6:]] == [
        (1, 1, 1), (0, 1, 0), (0, 1, 0), (1, 0, 1), (0, 0, 2), (0, 0, 0),
    ]  # fmt: skip


def test_the_journal_carries_the_bytes_that_arrived():
    bench = furnished()
    bench.sell("s1", line(1_000))
    assert sale("s1", line(1_000))[HEADER_BYTES:] in bench.journal()[-1].fact_bytes


def test_a_long_journal_is_cut_into_pages_numbered_without_gaps():
    bench = furnished()
    for n in range(30):
        bench.sell(f"s{n}", *(line(1, line_id=f"{at:0100}") for at in range(100)))
    bench.commit()
    pages = [output for output in bench.outputs if output.topic == "pool.journal.v1"]
    assert len(pages) > 2
    assert max(len(page.value) for page in pages) < 300_000
    assert len(bench.journal()) == 36
