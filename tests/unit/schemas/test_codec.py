"""Whatever bytes arrive, the codec answers with a value or BadMessage, in bounded time and memory."""

import io
import json
import struct
import tracemalloc
from contextlib import suppress

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec as codec_module
from schemas.codec import HEADER_BYTES, RECORD_MAX_BYTES, BadMessage, Codec, topic_codec
from schemas.examples import examples
from schemas.registry import Registry, registry

TOPICS = sorted(subject.removesuffix("-value") for subject in registry().by_subject)
SALES = "pos.sales.v1"


def header(topic):
    return struct.pack(">bI", 0, registry().latest(topic).id)


def encoded(topic, number=0):
    return topic_codec(topic).encode(examples(topic)[number].value)


def refused(topic, value):
    with pytest.raises(BadMessage) as caught:
        topic_codec(topic).decode(value)
    return caught.value.reason


def decode_or_refuse(topic, value):
    with suppress(BadMessage):
        topic_codec(topic).decode(value)


@pytest.mark.parametrize("topic", TOPICS)
@given(body=st.binary(max_size=400))
@settings(max_examples=300)
def test_any_bytes_after_the_header_are_a_value_or_a_bad_message(topic, body):
    decode_or_refuse(topic, header(topic) + body)


@given(value=st.none() | st.binary(max_size=40))
@settings(max_examples=500)
def test_any_bytes_at_all_are_a_value_or_a_bad_message(value):
    decode_or_refuse(SALES, value)


@pytest.mark.parametrize("topic", TOPICS)
@given(data=st.data())
@settings(max_examples=150)
def test_a_good_value_with_bytes_changed_is_a_value_or_a_bad_message(topic, data):
    good = bytearray(encoded(topic, data.draw(st.integers(0, len(examples(topic)) - 1))))
    for at in data.draw(st.lists(st.integers(0, len(good) - 1), min_size=1, max_size=5)):
        good[at] = data.draw(st.integers(0, 255))
    decode_or_refuse(topic, bytes(good))


@pytest.mark.parametrize("topic", TOPICS)
def test_a_good_value_cut_anywhere_is_a_bad_message(topic):
    for number in range(len(examples(topic))):
        good = encoded(topic, number)
        for length in range(len(good)):
            with pytest.raises(BadMessage):
                topic_codec(topic).decode(good[:length])


def test_a_value_is_refused_by_what_is_wrong_with_it():
    good = encoded(SALES)
    assert refused(SALES, None) == "no_value"
    assert refused(SALES, b"") == "not_avro"
    assert refused(SALES, b'{"json": true}') == "not_avro"
    assert refused(SALES, b"\x01" + good[1:]) == "not_avro"
    assert refused(SALES, good[:HEADER_BYTES]) == "undecodable"
    assert refused(SALES, good[:-1]) == "undecodable"
    assert refused(SALES, good + b"\x00") == "trailing_bytes"
    assert refused(SALES, struct.pack(">bI", 0, 4_000_000_000) + good[HEADER_BYTES:]) == "foreign_schema"


@pytest.mark.parametrize("topic", TOPICS)
def test_the_schema_of_another_topic_is_foreign(topic):
    for other in TOPICS:
        if other != topic:
            assert refused(topic, encoded(other)) == "foreign_schema"


def test_a_value_as_large_as_the_limit_is_read_and_a_larger_one_is_not():
    pad = RECORD_MAX_BYTES - len(encoded("pool.ticks.v1")) - 2
    tick = examples("pool.ticks.v1")[0].value
    values = [topic_codec("pool.ticks.v1").encode(tick | {"origin": "x" * length}) for length in range(pad, pad + 12)]
    sizes = {len(value): value for value in values}
    assert topic_codec("pool.ticks.v1").decode(sizes[RECORD_MAX_BYTES])["pool"] == tick["pool"]
    assert refused("pool.ticks.v1", sizes[RECORD_MAX_BYTES + 1]) == "too_large"


def test_the_journal_of_the_largest_input_is_read():
    """An input as large as the limit comes back whole in its journal page, with what became of its lines."""
    lines = [
        {"line_id": f"{n:04}{'x' * 90}", "kind": "sale", "code": f"sku:{'c' * 90}", "quantity_milli": 1}
        | {"unit": "each", "price_minor": None}
        for n in range(5_000)
    ]
    sale = examples(SALES)[0].value | {"lines": lines}
    assert len(topic_codec(SALES).encode(sale)) > 0.9 * RECORD_MAX_BYTES
    page = examples("pool.journal.v1")[0].value
    (entry,) = [e for e in page["entries"] if e["fact"][0] == "commonshelf.SaleRecorded"]
    taken = [{"line": n, "sku": "s" * 200, "delta_milli": -1} for n in range(5_000)]
    fact = ("commonshelf.SaleRecorded", entry["fact"][1] | {"event": sale, "applied": taken})
    value = topic_codec("pool.journal.v1").encode(page | {"entries": [entry | {"fact": fact}]})
    assert len(value) > RECORD_MAX_BYTES
    assert len(topic_codec("pool.journal.v1").decode(value)["entries"]) == 1


def varint(number):
    zigzag = (number << 1) ^ (number >> 63)
    out = bytearray()
    while zigzag & ~0x7F:
        out.append((zigzag & 0x7F) | 0x80)
        zigzag >>= 7
    return bytes(out) + bytes([zigzag])


@pytest.mark.parametrize("length", [2**40, 2**62, -1, -(2**40)])
def test_a_huge_or_negative_length_is_refused_without_taking_memory(length):
    tracemalloc.start()
    assert refused(SALES, header(SALES) + varint(length) + b"xyz") == "undecodable"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * RECORD_MAX_BYTES


@pytest.mark.parametrize("topic", TOPICS)
def test_the_most_inflating_value_of_a_topic_takes_bounded_memory(topic):
    """Zero bytes are empty items of every list there is, so announce lists of many items at every place."""
    body = bytes(RECORD_MAX_BYTES - 200)
    worst_bytes = 0
    for place in range(24):
        for count in (len(body), len(body) // 2, len(body) // 6):
            bomb = header(topic) + bytes(place) + varint(count) + body
            tracemalloc.start()
            decode_or_refuse(topic, bomb)
            worst_bytes = max(worst_bytes, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert worst_bytes < 200 * RECORD_MAX_BYTES


def test_a_value_of_an_older_version_is_read_as_the_newest(tmp_path, monkeypatch):
    old = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}
    new = {**old, "fields": [*old["fields"], {"name": "b", "type": ["null", "string"], "default": None}]}
    for number, schema in enumerate((old, new), start=1):
        (tmp_path / f"{number}.avsc").write_text(json.dumps(schema))
    entries = [{"id": number, "file": f"{number}.avsc"} for number in (1, 2)]
    (tmp_path / "registry.json").write_text(json.dumps({"subjects": {"t.v1-value": entries}}))
    monkeypatch.setattr(codec_module, "registry", lambda: Registry(tmp_path))
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(old), {"a": 7})
    assert Codec("t.v1").decode(b"\x00" + struct.pack(">I", 1) + body.getvalue()) == {"a": 7, "b": None}
    assert Codec("t.v1").schema_id == 2


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"at_ms": None}, "a missing number"),
        ({"at_ms": "12"}, "text for a number"),
        ({"at_ms": 2**63}, "a number beyond 64 bits"),
        ({"pool": None}, "no text"),
        ({"pool": 7}, "a number for text"),
        ({"pool": "\ud800"}, "text that UTF-8 cannot write"),
    ],
)
def test_a_datum_that_does_not_fit_is_the_caller_s_error(change, what):
    tick = examples("pool.ticks.v1")[0].value | change
    with pytest.raises((ValueError, TypeError, OverflowError)):
        topic_codec("pool.ticks.v1").encode(tick)


def test_a_field_left_out_is_the_caller_s_error():
    with pytest.raises((ValueError, TypeError)):
        topic_codec("pool.ticks.v1").encode({"pool": "p", "origin": "x"})
