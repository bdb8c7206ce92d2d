"""Rates, percentiles, committed offsets, and what an audit finds."""

import struct

import pytest

from bench.audit import check_journal, expect
from bench.commits import offset_in, place_in
from bench.errors import BenchError
from bench.figures import Mark, Sample, percentile, span_of
from schemas.codec import topic_codec
from schemas.topics import POOL_JOURNAL, POS_SALES
from world.uniform import OPENING_UNITS, UNIT_MILLI, UniformPools, overwriting_sales, popular_sales

WORLD = UniformPools(stores=2, items=5)


class JournalPageMessage:
    """A journal message."""

    def __init__(self, first_position, facts, pool="bench"):
        entries = [
            {"topic": POS_SALES.name, "offset": n, "appended_at_ms": 1, "fact": fact} for n, fact in enumerate(facts)
        ]
        page = {"pool": pool, "partition": 0, "first_position": first_position, "entries": entries}
        self._value = topic_codec(POOL_JOURNAL.name).encode(page)

    def value(self):
        return self._value


class Journal:
    """A cluster whose journal has these pages."""

    def __init__(self, *pages):
        self.pages = pages

    def read(self, topic):
        return iter(self.pages)


def taken(sale):
    event = topic_codec(POS_SALES.name).decode(sale[2])
    lines = [{"line": n, "sku": "sku", "delta_milli": -1000} for n in range(len(event["lines"]))]
    nothing = {"reversed": [], "duplicate_lines": 0, "stale_lines": 0, "quarantined": []}
    return "commonshelf.SaleRecorded", {"event": event, "applied": lines, **nothing}


MARKS = [Mark(10.0, 100), Mark(11.0, 200), Mark(12.0, 300), Mark(13.0, 300), Mark(20.0, 100)]


def test_a_rate_leaves_out_the_first_quarter_of_the_lines_and_the_last_commit():
    span = span_of(MARKS, 1_000)
    assert (span.began_s, span.ended_s, span.lines, span.lines_s) == (11.0, 13.0, 600, 300.0)


def test_what_was_done_past_the_lines_that_count_is_left_out():
    assert span_of(MARKS, 700).lines == 300


def test_cpu_time_is_that_of_the_measured_part():
    samples = [Sample(at_s, cpu_s, 0) for at_s, cpu_s in [(9.0, 1.0), (11.0, 3.0), (13.0, 3.6), (21.0, 9.0)]]
    assert span_of(MARKS, 1_000).cpu_s_per_million_lines(samples) == pytest.approx(1_000)


def test_two_batches_tell_no_rate():
    with pytest.raises(BenchError, match="too few"):
        span_of([Mark(10.0, 500), Mark(11.0, 500)], 1_000)


def test_a_committed_offset_is_read_as_kafka_writes_it():
    key = struct.pack(">hh4sh5si", 1, 4, b"ours", 5, b"sales", 7)
    members = struct.pack(">hh4s", 2, 4, b"ours")
    assert (place_in(key), place_in(members)) == (("ours", "sales", 7), ("", "", 0))
    assert offset_in(struct.pack(">hqihq", 3, 41, 0, 0, 1_750_000_000_000)) == 41


def test_a_percentile_is_a_value_that_was_measured():
    assert [percentile([3.0, 1.0, 2.0, 4.0], percent) for percent in (0, 50, 75, 99)] == [1.0, 2.0, 3.0, 4.0]


def test_overwriting_sales_touch_every_row_once_in_each_pass():
    expected = expect(WORLD, overwriting_sales(WORLD, passes=3, lines_per_sale=2))
    assert set(expected.on_hand_milli.values()) == {(OPENING_UNITS - 3) * UNIT_MILLI}
    assert expected.lines == 3 * 2 * 5


def test_an_audit_of_a_whole_journal_finds_nothing():
    sales = list(popular_sales(WORLD, 8, 2))
    first, second, third, fourth = map(taken, sales)
    pages = ((1, [first]), (2, [second]), (3, [third, fourth]))
    journal = Journal(*(JournalPageMessage(*page) for page in pages))
    assert check_journal(journal, POOL_JOURNAL.name, expect(WORLD, sales)) == []


def test_the_journals_of_two_pools_are_numbered_apart():
    sales = list(popular_sales(WORLD, 8, 2))
    pages = [JournalPageMessage(n // 2 + 1, [taken(sale)], pool=f"bench-{n % 2}") for n, sale in enumerate(sales)]
    assert check_journal(Journal(*pages), POOL_JOURNAL.name, expect(WORLD, sales)) == []


def test_an_audit_finds_a_lost_a_repeated_and_a_partly_taken_sale_and_a_gap():
    sales = list(popular_sales(WORLD, 6, 2))
    first, second, _ = map(taken, sales)
    second[1]["applied"].pop()
    journal = Journal(JournalPageMessage(1, [first, first]), JournalPageMessage(4, [second]))
    said = " / ".join(check_journal(journal, POOL_JOURNAL.name, expect(WORLD, sales)))
    for finding in ("twice", "not taken whole", "entry 4 where 3 was due", "1 sales are not in the journal"):
        assert finding in said
