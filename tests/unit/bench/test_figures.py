"""Rates, percentiles, and what an audit finds."""

import pytest

from bench.audit import expect, read_journal
from bench.errors import BenchError
from bench.figures import Mark, Sample, percentile, span_of
from bench.world import OPENING_UNITS, UNIT_MILLI, World, overwriting_sales, popular_sales
from schemas.codec import topic_codec
from schemas.topics import POOL_JOURNAL, POS_SALES

WORLD = World(stores=2, items=5)


class Page:
    """A journal message."""

    def __init__(self, offset, first_number, facts, at_ms=1_000):
        entries = [
            {"topic": POS_SALES.name, "offset": n, "appended_at_ms": 1, "fact": fact} for n, fact in enumerate(facts)
        ]
        page = {"pool": "bench", "partition": 0, "first_number": first_number, "entries": entries}
        self._value, self._offset, self._at_ms = topic_codec(POOL_JOURNAL.name).encode(page), offset, at_ms

    def value(self):
        return self._value

    def offset(self):
        return self._offset

    def timestamp(self):
        return 1, self._at_ms


class Journal:
    """A cluster whose journal has these pages."""

    def __init__(self, *pages):
        self.pages = pages

    def read(self, topic):
        return iter(self.pages)


def taken(sale):
    event = topic_codec(POS_SALES.name).decode(sale)
    lines = [{"line": n, "sku": "sku", "delta_milli": -1000} for n in range(len(event["lines"]))]
    nothing = {"reversed": [], "duplicate_lines": 0, "stale_lines": 0, "quarantined": []}
    return "commonshelf.SaleTaken", {"event": event, "taken": lines, **nothing}


def test_the_first_batch_is_not_counted():
    span = span_of([Mark(10.0, 500), Mark(11.0, 300), Mark(12.0, 100)])
    assert (span.lines, span.lines_s) == (400, 200.0)


def test_cpu_time_is_that_between_the_ends_of_the_first_and_the_last_batch():
    samples = [Sample(at_s, cpu_s, 0) for at_s, cpu_s in [(9.0, 1.0), (11.0, 3.0), (13.0, 3.5)]]
    assert span_of([Mark(10.0, 1), Mark(13.0, 1_000)]).cpu_s_per_million_lines(samples) == 1_500


def test_a_single_batch_tells_no_rate():
    with pytest.raises(BenchError, match="too few"):
        span_of([Mark(10.0, 500)])


def test_a_percentile_is_a_value_that_was_measured():
    assert [percentile([3.0, 1.0, 2.0, 4.0], percent) for percent in (0, 50, 75, 99)] == [1.0, 2.0, 3.0, 4.0]


def test_overwriting_sales_touch_every_row_once_in_each_pass():
    expected = expect(WORLD, overwriting_sales(WORLD, passes=3, lines_per_sale=2))
    assert set(expected.on_hand_milli.values()) == {(OPENING_UNITS - 3) * UNIT_MILLI}
    assert expected.lines == 3 * 2 * 5


def test_an_audit_of_a_whole_journal_finds_nothing_and_sees_the_transactions():
    sales = list(popular_sales(WORLD, 8, 2))
    first, second, third, fourth = map(taken, sales)
    journal = Journal(
        Page(0, 1, [first], at_ms=1_000), Page(1, 2, [second], at_ms=2_000), Page(3, 3, [third, fourth], at_ms=3_000)
    )
    found = read_journal(journal, expect(WORLD, sales))
    assert (found.problems, found.marks) == ([], [Mark(2.0, 4), Mark(3.0, 4)])


def test_an_audit_finds_a_lost_a_repeated_and_a_partly_taken_sale_and_a_gap():
    sales = list(popular_sales(WORLD, 6, 2))
    first, second, _ = map(taken, sales)
    second[1]["taken"].pop()
    found = read_journal(Journal(Page(0, 1, [first, first]), Page(2, 4, [second])), expect(WORLD, sales))
    said = " / ".join(found.problems)
    for finding in ("twice", "not taken whole", "entry 4 where 3 was due", "1 sales are not in the journal"):
        assert finding in said
