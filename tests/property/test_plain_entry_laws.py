"""The short way to read a journal's entry and the library's are one: the same entries, the same refusals."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messaging import journal
from messaging.journal import JournalEntry, read_page
from messaging.plain_entry import read_plain_entry
from schemas.avro_parts import long_bytes, string_bytes
from schemas.codec import BadMessage
from streams.pool.journal.facts import encode_entry, fact_codec
from tests.property.test_insane_input import TEXTS
from tests.property.test_plain_sale_laws import SALES, SHORT, TIMES
from tests.support.pool import BREAD, NOON_MS, furnished, line

PLAIN = {"sold_at_till_milli": 0, "kept": False, "handed_over_milli": 0, "waiting_milli": 0, "moved_milli": None}
APPLIED = st.fixed_dictionaries(
    {
        "line": st.integers(0, 70),
        "sku": SHORT | TEXTS,
        "delta_milli": st.integers(-(2**40), 2**40),
        "rest": st.sampled_from([PLAIN] * 9 + [PLAIN | {"moved_milli": 250}, PLAIN | {"kept": True}]),
    }
).map(lambda one: {name: one[name] for name in ("line", "sku", "delta_milli")} | one["rest"])
FACTS = st.fixed_dictionaries(
    {
        "event": SALES,
        "applied": st.lists(APPLIED, max_size=70),
        "reversed": st.just([]),
        "duplicate_lines": st.sampled_from([0] * 9 + [1]),
        "stale_lines": st.sampled_from([0] * 9 + [1]),
        "quarantined": st.just([]),
        "hand_overs": st.just([]),
    }
)
ENTRIES = st.tuples(SHORT | TEXTS, st.integers(0, 2**50), TIMES, FACTS)


def page_of(*entries) -> bytes:
    codec = fact_codec()
    return codec.encode_page("pool", 0, 1, [
        encode_entry(topic, offset, at_ms, codec.encode(("commonshelf.SaleRecorded", fact)))
        for topic, offset, at_ms, fact in entries
    ])  # fmt: skip


def both_ways(page) -> tuple[list[JournalEntry] | str, list[JournalEntry] | str]:
    def read() -> list[JournalEntry] | str:
        try:
            return list(read_page(page))
        except BadMessage as error:
            return error.reason

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "read_plain_entry", lambda *_: None)
        by_library = read()
    return read(), by_library


@given(entries=st.lists(ENTRIES, min_size=1, max_size=3))
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_read_by_hand_is_what_the_library_reads(entries):
    by_hand, by_library = both_ways(page_of(*entries))
    assert by_hand == by_library
    assert len(by_hand) == len(entries)


@given(
    entry=ENTRIES,
    changes=st.lists(st.tuples(st.integers(5, 2_000), st.integers(0, 255)), max_size=4),
    cut=st.none() | st.integers(5, 400),
    tail=st.binary(max_size=2),
)
@settings(max_examples=1_000, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_bytes_are_read_or_refused_as_the_library_does(entry, changes, cut, tail):
    page = bytearray(page_of(entry))
    for at, byte in changes:
        if at < len(page):
            page[at] = byte
    by_hand, by_library = both_ways(bytes(page[:cut]) + tail)
    assert by_hand == by_library


@pytest.mark.parametrize("lines", [1, 2, 12, 63])
def test_a_plain_sale_s_entry_is_read_by_hand(lines):
    bench = furnished()
    bench.report("opening", "o", line(900_000, BREAD))
    bench.commit()
    bench.sell("s", *[line(1_000, BREAD)] * lines)
    entry = bench.journal()[-1]
    raw = encode_entry(entry.cause.topic, entry.cause.offset, entry.appended_at_ms, entry.fact_bytes)
    found = read_plain_entry(b"\0" + raw, 1)
    assert found is not None
    assert (found.fact, found.end) == (entry.fact, 1 + len(raw))


def test_what_one_reader_does_to_a_fact_the_next_does_not_see():
    bench = furnished()
    bench.sell("s1", line(1_000))
    bench.sell("s2", line(1_000))
    first, second = bench.journal()[-2:]
    first.fact[1]["applied"][0]["delta_milli"] = 5
    first.fact[1]["event"]["lines"][0]["quantity_milli"] = 5
    assert second.fact[1]["applied"][0]["delta_milli"] == -1_000
    assert second.fact[1]["event"]["lines"][0]["quantity_milli"] == 1_000


def test_a_number_without_an_end_is_left_to_the_library_at_once():
    head = string_bytes("pos.sales.v1") + long_bytes(1) + long_bytes(NOON_MS)
    assert read_plain_entry(string_bytes("pos.sales.v1") + b"\xff" * 20_000_000, 0) is None
    assert read_plain_entry(head + b"\0" + b"\xff" * 20_000_000, 0) is None
