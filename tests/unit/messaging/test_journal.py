"""The journal's reader gives what the Avro library gives, entry by entry, with the bytes as they were written."""

import io

import pytest
from fastavro import schemaless_reader

from messaging.journal import Cause, read_page
from schemas.codec import BadMessage, topic_codec
from schemas.topics import POOL_JOURNAL
from tests.support.pool import NOON_MS, furnished, line

codec = topic_codec(POOL_JOURNAL.name)


def pages(bench):
    bench.commit()
    return [output.value for output in bench.outputs if output.topic == POOL_JOURNAL.name]


@pytest.fixture
def bench():
    """A pool that has sold, counted, and refused something."""
    bench = furnished()
    bench.report("opening", "o1", line(9_000))
    bench.sell("s1", line(1_000), line(2_000))
    bench.sell("s1", line(1_000), line(2_000))
    bench.tick(NOON_MS)
    bench.report("counted", "c1", line(5_000))
    bench.commit()
    bench.sell("s2", line(1_000))
    return bench


def test_entries_are_what_the_library_decodes(bench):
    for value in pages(bench):
        page = codec.decode(value)
        entries = list(read_page(value))
        assert [entry.position for entry in entries] == [
            page["first_position"] + at for at in range(len(page["entries"]))
        ]
        assert {entry.pool for entry in entries} == {page["pool"]}
        assert [(*entry.cause, entry.appended_at_ms, entry.fact) for entry in entries] == [
            (plain["topic"], page["partition"], plain["offset"], plain["appended_at_ms"], plain["fact"])
            for plain in page["entries"]
        ]


def test_a_fact_s_bytes_are_the_fact(bench):
    union = next(field for field in codec._schema["fields"] if field["name"] == "entries")["type"]["items"]
    schema = next(field["type"] for field in union["fields"] if field["name"] == "fact")
    for value in pages(bench):
        for entry in read_page(value):
            stream = io.BytesIO(entry.fact_bytes)
            fact = schemaless_reader(stream, schema, None, return_record_name=True, return_record_name_override=True)
            assert (fact, stream.read()) == (entry.fact, b"")
            assert entry.fact_bytes in value


def test_the_cause_names_topic_partition_and_offset(bench):
    [entry] = read_page(pages(bench)[-1])
    assert entry.cause == Cause("pos.sales.v1", 0, 2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: None, "no_value"),
        (lambda value: value[:3], "not_avro"),
        (lambda value: b"\0\0\0\xff\xff" + value[5:], "foreign_schema"),
        (lambda value: value[:-4], "undecodable"),
        (lambda value: value + b"\0", "trailing_bytes"),
    ],
)
def test_bytes_that_are_no_page_are_told_of(bench, change, reason):
    with pytest.raises(BadMessage) as told:
        list(read_page(change(pages(bench)[0])))
    assert told.value.reason == reason
