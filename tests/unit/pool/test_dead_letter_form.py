"""Dead letters have Kafka Connect's form, and whatever bytes arrive on whatever topic become one, never a crash."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import RECORD_MAX_BYTES, topic_codec
from schemas.examples import examples
from schemas.registry import registry
from schemas.topics import TOPICS
from streams.pool.processor import PoolProcessor
from tests.support.pool import furnished, headers_of, line, sale

INPUTS = (*PoolProcessor().priority_inputs, *PoolProcessor().inputs)
PRODUCER_LIMIT_BYTES = 8 * 1024 * 1024


def test_the_headers_are_kafka_connect_s_and_the_bytes_are_the_original_ones():
    bench = furnished()
    bench.put("pos.sales.v1", b"", key=None)
    bench.put("pos.sales.v1", b"\x01not avro", key=b"\xff")
    letter = bench.dead_letters()[1]
    assert (letter.topic, letter.key, letter.value) == ("pos.sales.dlq.v1", b"\xff", b"\x01not avro")
    assert headers_of(letter) == {
        "__connect.errors.topic": "pos.sales.v1",
        "__connect.errors.partition": "0",
        "__connect.errors.offset": "1",
        "__connect.errors.connector.name": "pool",
        "__connect.errors.task.id": "0",
        "__connect.errors.stage": "VALUE_CONVERTER",
        "__connect.errors.class.name": "streams.pool.processor.PoolProcessor",
        "__connect.errors.exception.class.name": "commonshelf.not_avro",
        "__connect.errors.exception.message": "no Confluent wire format header; the value starts '016e6f7420617672'",
        "commonshelf.reason": "not_avro",
    }


def test_a_line_set_aside_says_that_it_failed_in_the_task():
    bench = furnished()
    bench.sell("s1", line(1_000, "NO"), line(1_000))
    assert headers_of(bench.dead_letters()[0])["__connect.errors.stage"] == "TASK_PUT"


@pytest.mark.parametrize("topic", INPUTS)
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no_value"),
        (b"", "not_avro"),
        (b"\0\0", "not_avro"),
        (b"{}", "not_avro"),
        (struct.pack(">bI", 0, 2**32 - 1), "foreign_schema"),
        (struct.pack(">bI", 0, registry().latest("pool.journal.v1").id), "foreign_schema"),
        (b"\0" * (RECORD_MAX_BYTES + 1), "too_large"),
    ],
    ids=["none", "empty", "short", "json", "unknown id", "other topic", "large"],
)
def test_bad_bytes_on_any_topic_are_a_dead_letter_of_that_topic(topic, value, reason):
    bench = furnished()
    bench.put(topic, value)
    assert [letter.topic for letter in bench.dead_letters()] == [topic.replace(".v1", ".dlq.v1")]
    assert bench.reasons() == [reason]
    assert len(bench.journal()) == len(furnished().journal())


@pytest.mark.parametrize("topic", INPUTS)
def test_a_value_cut_short_or_with_bytes_after_it_is_a_dead_letter(topic):
    whole = topic_codec(topic).encode(examples(topic)[0].value)
    bench = furnished()
    bench.put(topic, whole[:-1])
    bench.put(topic, whole + b"\0")
    assert bench.reasons() == ["undecodable", "trailing_bytes"]


def test_every_dead_letter_topic_is_declared():
    assert [topic for topic in INPUTS if topic.replace(".v1", ".dlq.v1") not in TOPICS] == []


@pytest.mark.parametrize("size", [RECORD_MAX_BYTES + 1, PRODUCER_LIMIT_BYTES - 10, 3 * PRODUCER_LIMIT_BYTES])
@pytest.mark.parametrize("where", ["key", "value"])
def test_the_dead_letter_of_a_record_of_any_size_fits_into_a_record(where, size):
    """The broker checks a batch after compression, so a record of zeros may be as large as it likes."""
    bench = furnished()
    bench.put("pos.sales.v1", **({"key": b"k", "value": b"v"} | {where: bytes(size)}))
    (letter,) = bench.dead_letters()
    headers = sum(len(name) + len(value) for name, value in letter.headers)
    assert len(letter.key) + len(letter.value) + headers < PRODUCER_LIMIT_BYTES * 3 // 4


def test_a_dead_letter_that_was_cut_says_where_the_whole_record_is():
    bench = furnished()
    bench.put("pos.sales.v1", bytes(RECORD_MAX_BYTES + 1), key=None)
    cut = headers_of(bench.dead_letters()[0])["commonshelf.cut"]
    assert cut == f"key 0 bytes, value {RECORD_MAX_BYTES + 1} bytes; whole at pos.sales.v1[0] offset 0"


def test_a_message_quotes_what_arrived_in_short():
    bench = furnished()
    bench.put("pos.sales.v1", sale("s1", line(1_000), raw=True, pool="\0" * 500_000))
    bench.put("pos.sales.v1", sale("x" * 500_000, line(1_000), raw=True, store="y" * 400_000))
    messages = [headers_of(letter)["__connect.errors.exception.message"] for letter in bench.dead_letters()]
    assert [len(message) <= 1_000 for message in messages] == [True, True]


@pytest.mark.parametrize(
    ("topic", "change"),
    [
        ("pool.config.v1", {"pool": "no spaces"}),
        ("pool.config.v1", {"pool": ""}),
        ("pool.config.v1", {"recorded_at_ms": -1}),
        ("pool.config.v1", {"change": ("commonshelf.CodeMapping", {"store": None, "code": "4011", "sku": "X"})}),
        ("pool.config.v1", {"change": ("commonshelf.ParkedOffset",
                                       {"topic": "t", "partition": -1, "offset": 0, "reason": "r"})}),
        ("catalog.items.v1", {"gtin": "123"}),
        ("catalog.items.v1", {"sku": ""}),
        ("catalog.items.v1", {"pack_milli": 0}),
    ],
)  # fmt: skip
def test_a_setting_out_of_range_is_a_dead_letter_and_changes_nothing(topic, change):
    bench = furnished()
    entries = len(bench.journal())
    value = {**examples(topic)[0].value, "pool": "north", **change}
    bench.put(topic, topic_codec(topic).encode(value))
    assert (bench.reasons(), len(bench.journal())) == (["invalid"], entries)


@given(records=st.lists(st.tuples(st.sampled_from(INPUTS), st.none() | st.binary(max_size=60)), max_size=8))
@settings(max_examples=100)
def test_any_bytes_on_any_topic_become_a_dead_letter_each(records):
    bench = furnished()
    for topic, value in records:
        bench.put(topic, value)
    letters = bench.dead_letters()
    assert [(letter.topic, letter.value) for letter in letters] == [
        (topic.replace(".v1", ".dlq.v1"), value) for topic, value in records
    ]


@given(data=st.data())
@settings(max_examples=300)
def test_good_values_with_bytes_changed_never_raise(data):
    bench = furnished()
    for _ in range(4):
        topic = data.draw(st.sampled_from(INPUTS))
        good = bytearray(topic_codec(topic).encode(data.draw(st.sampled_from(examples(topic))).value))
        for at in data.draw(st.lists(st.integers(5, len(good) - 1), max_size=4)):
            good[at] = data.draw(st.integers(0, 255))
        bench.put(topic, bytes(good))
    bench.commit()
    bench.restart()
