"""The short way of the plain sale and the general way of any sale are one: the same reading, the same state."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.avro_parts import long_bytes
from schemas.codec import RECORD_MAX_BYTES, topic_codec
from schemas.plain_sale import PlainSale, read_plain_sale
from schemas.topics import POS_SALES
from streams.pool.stock import plain_sale
from streams.pool.stock.decide import decide_sale
from tests.property.test_insane_input import CODES, MAYBE_TEXT, NAMES, TEXTS, UNITS, events
from tests.property.test_replay_laws import SLOW_SETUP, breaks, everything, played
from tests.support.pool import BREAD, NOON_MS, furnished, line, plant, sale
from tests.support.worlds import make_small, worlds

TIMES = st.integers(NOON_MS - 10**9, NOON_MS + 10**9) | st.integers(0, 2**50)
SHORT = st.text(st.characters(codec="ascii"), max_size=63)
LINES = st.fixed_dictionaries(
    {
        "line_id": SHORT | TEXTS,
        "kind": st.sampled_from(["sale", "return", "return_not_restocked", "void"]),
        "code": SHORT | CODES,
        "quantity_milli": st.integers(1, 10_000) | st.integers(0, 2**40),
        "unit": UNITS,
        "price_minor": st.none() | st.integers(-(2**40), 2**40),
    }
)
SALES = events(
    pool=SHORT | NAMES, store=SHORT, id=SHORT, occurred_at_ms=TIMES, recorded_at_ms=TIMES, origin=SHORT,
    source=st.fixed_dictionaries({"system": SHORT, "id": SHORT, "version": st.integers(0, 2**50)}),
    till=st.none() | SHORT | MAYBE_TEXT, order_ref=st.just(None) | MAYBE_TEXT, currency=st.none() | SHORT,
    lines=st.lists(LINES, max_size=70),
)  # fmt: skip


def as_the_codec_reads(value: bytes) -> PlainSale:
    event = topic_codec(POS_SALES.name).decode(value)
    assert event["order_ref"] is None
    source = event["source"]
    lines = tuple(
        (each["line_id"].encode(), each["code"], each["quantity_milli"], each["unit"], each["kind"])
        for each in event["lines"]
    )
    system, source_id = source["system"].encode(), source["id"].encode()
    times = event["occurred_at_ms"], event["recorded_at_ms"]
    return event["pool"], event["store"], system, source_id, *times, lines


@given(event=SALES)
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_read_by_hand_is_what_the_codec_reads(event):
    value = topic_codec(POS_SALES.name).encode(event)
    plain = read_plain_sale(value)
    assert plain is None or plain == as_the_codec_reads(value)


@given(
    event=SALES,
    changes=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=4),
    cut=st.none() | st.integers(0, 400),
    tail=st.binary(max_size=2),
)
@settings(max_examples=1_000, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_bytes_are_left_to_the_codec_or_read_as_it_reads_them(event, changes, cut, tail):
    value = bytearray(topic_codec(POS_SALES.name).encode(event))
    for at, byte in changes:
        value[at % len(value)] = byte
    damaged = bytes(value[:cut]) + tail
    plain = read_plain_sale(damaged)
    assert plain is None or plain == as_the_codec_reads(damaged)


def test_a_number_without_an_end_is_left_to_the_codec_at_once():
    value = sale("s", line(1_000))
    quantity_at = value.rindex(long_bytes(1_000))
    assert read_plain_sale(value[:quantity_at] + b"\xff" * 8 * RECORD_MAX_BYTES) is None


@pytest.mark.parametrize("number", [5, 100, 10_000])
@pytest.mark.parametrize("name", ["version", "quantity_milli", "price_minor"])
def test_a_number_longer_than_it_must_be_is_left_to_the_codec(name, number):
    event = topic_codec(POS_SALES.name).decode(sale("s", line(3_000_000, price_minor=3_000_000), version=3_000_000))
    (event["source"] if name == "version" else event["lines"][0])[name] = number
    value, short = topic_codec(POS_SALES.name).encode(event), long_bytes(number)
    at = value.index(short, 10) if name == "version" else value.rindex(short)
    longer = value[:at] + short[:-1] + bytes((short[-1] | 0x80, 0)) + value[at + len(short) :]
    assert topic_codec(POS_SALES.name).decode(longer) == event
    assert read_plain_sale(value) is not None
    assert read_plain_sale(longer) is None


def test_a_sale_without_lines_is_left_to_the_codec():
    event = topic_codec(POS_SALES.name).decode(sale("s", line(1_000)))
    value = topic_codec(POS_SALES.name).encode({**event, "lines": []})
    assert [read_plain_sale(value), read_plain_sale(value + b"\0")] == [None, None]


@pytest.mark.parametrize("lines", [1, 2, 12, 31])
def test_a_plain_sale_of_some_lines_takes_the_short_way(lines, monkeypatch):
    plant(monkeypatch, decide_sale, lambda *_: pytest.fail("it took the general way"))
    bench = furnished()
    bench.report("opening", "o", line(900_000, BREAD))
    bench.commit()
    bench.sell("s", *[line(1_000, BREAD)] * lines)
    bench.sell("back", *[line(1_000, BREAD, kind="return")] * lines)
    bench.sell("both", *[line(1_000, BREAD), line(1_000, BREAD, kind="void")] * lines)
    assert bench.on_hand(BREAD) == 900_000


@pytest.mark.parametrize(
    "changed", [{"order_ref": "o-1"}, {"till": "Kasse für Käse"}, {"till": "x" * 64}, {"occurred_at_ms": 10**9}]
)
def test_any_other_sale_takes_the_general_way(changed):
    assert read_plain_sale(sale("s", line(1_000))) is not None
    assert read_plain_sale(sale("s", line(1_000), **changed)) is None


@given(world=worlds, breaks=breaks)
@settings(max_examples=500, suppress_health_check=SLOW_SETUP)
def test_with_and_without_the_short_way_the_same_bytes_everywhere(world, breaks):
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        quick = everything(played(world, breaks))
        patch.setattr(plain_sale, "read_plain_sale", lambda _: None)
        assert everything(played(world, breaks)) == quick
