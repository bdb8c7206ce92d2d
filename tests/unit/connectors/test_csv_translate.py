"""Rows to events: receipts, line names, revisions, stock reports."""

import io
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.drop_folder.batch import FileReadContext
from connectors.drop_folder.csv_file import read_csv
from connectors.drop_folder.documents import NoDocuments
from connectors.drop_folder.formats import read_events
from connectors.drop_folder.memory import DictMemory, DiskMemory
from connectors.drop_folder.settings import DEFAULT_KINDS, TABLE_FIELDS, DropFolderSpec
from connectors.drop_folder.survey import FileRefused, survey_text
from connectors.drop_folder.translate import LINES_PER_EVENT
from schemas.codec import topic_codec
from schemas.models.pos import Sale

SPEC = DropFolderSpec(pool="north", store="grocer-7", folder=Path("unused"), time_zone="Europe/Berlin")
SEEN_MS = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1000)
SALES = "register,receipt_no,line_no,sold_at,gtin,qty,uom,unit_price,kind"
GTIN = "4006381333931"


def read(text, kind="sales", spec=SPEC):
    content = text if isinstance(text, bytes) else text.encode()
    events, problems = [], []
    try:
        for batch in read_events("file-1.csv", content, kind, spec, SEEN_MS):
            events += batch.events
            problems += batch.problems
    except FileRefused as refused:
        problems.append(refused)
    return events, problems


def test_the_rows_of_one_receipt_are_one_sale():
    events, problems = read(
        f"{SALES}\n1,17,1,2026-03-01 09:15,{GTIN},2,,1.99,sale\n1,18,1,2026-03-01 09:16,{GTIN},1,,1.99,\n"
        "1,17,2,2026-03-01 09:15,96385074,0.485,kg,3.99,\n"
    )
    assert problems == []
    assert [(event.source.id, [line.line_id for line in event.lines]) for event in events] == [
        ("1/2026-03-01/17", ["1", "2"]), ("1/2026-03-01/18", ["1"]),
    ]  # fmt: skip
    first = events[0]
    assert (first.pool, first.store, first.source.system, first.till, first.currency) == (
        "north", "grocer-7", "csv", "1", "EUR",
    )  # fmt: skip
    assert (first.occurred_at_ms, first.recorded_at_ms) == (1772352900000, SEEN_MS)
    assert [(line.code, line.quantity_milli, line.unit, line.price_minor) for line in first.lines] == [
        ("gtin:04006381333931", 2000, "each", 398), ("gtin:00000096385074", 485, "kg", 194),
    ]  # fmt: skip


@pytest.mark.parametrize("total", [",,,,,3,,,", ",Summe,,,,3,,7.95,", "1,,,,,3,,,sale"])
def test_a_row_of_totals_is_left_out_and_counted(total):
    content = f"{SALES}\n1,17,1,2026-03-01 09:15,{GTIN},3,,2.65,sale\n{total}\n".encode()
    (batch,) = read_events("file.csv", content, "sales", SPEC, SEEN_MS)
    assert (batch.line_count, batch.problems, batch.row_count) == (1, (), 2)
    assert [(skip.where, skip.reason) for skip in batch.skipped] == [("line 3", "no_content")]


@pytest.mark.parametrize("row", [f"1,18,1,,{GTIN},3,,,", "1,18,1,2026-03-01 09:15,,3,,,"])
def test_a_line_that_lacks_its_time_or_its_item_is_no_total(row):
    events, problems = read(f"{SALES}\n{row}\n")
    assert (events, len(problems)) == ([], 1)


def test_every_event_fits_the_topics_schema():
    events, _ = read(f"{SALES}\n1,17,1,2026-03-01 09:15,{GTIN},2,,1.99,sale\n")
    codec = topic_codec("pos.sales.v1")
    assert codec.decode(codec.encode(events[0].to_avro())) == events[0].to_avro()


@pytest.mark.parametrize(
    ("kind", "quantity", "expected"),
    [
        ("sale", "1", ("sale", 1000)), ("", "-1", ("return", 1000)), ("Return", "-1", ("return", 1000)),
        ("refund", "1", ("return", 1000)), ("VOID", "1", ("void", 1000)),
        ("return_not_restocked", "1", ("return_not_restocked", 1000)),
    ],
)  # fmt: skip
def test_a_negative_sale_is_a_return(kind, quantity, expected):
    events, _ = read(f"{SALES}\n1,17,1,2026-03-01 09:15,{GTIN},{quantity},,,{kind}\n")
    assert [(line.kind, line.quantity_milli) for line in events[0].lines] == [expected]


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (f"1,17,1,2026-03-01 09:15,{GTIN},,,,", "qty", "missing"),
        (f"1,17,1,2026-03-01 09:15,{GTIN},0.0001,,,", "qty", "less than half a thousandth"),
        ("1,17,1,2026-03-01 09:15,4006381333932,1,,,", "gtin", "check digit"),
        ("1,17,1,2026-03-01 09:15,,1,,,", "", "names no item"),
        (f"1,17,1,yesterday,{GTIN},1,,,", "sold_at", "yesterday"),
        (f"1,17,1,,{GTIN},1,,,", "sold_at", "missing"),
        (f"1,,1,2026-03-01 09:15,{GTIN},1,,,", "receipt_no", "missing"),
        (f"1,17,1,2026-03-01 09:15,{GTIN},1,sackful,,", "uom", 'unit_words = { "sackful"'),
        (f"1,17,1,2026-03-01 09:15,{GTIN},1,,,gift", "kind", "not a kind"),
        (f"1,17,{'x' * 101},2026-03-01 09:15,{GTIN},1,,,", "line_no", "100 characters"),
        (f"1,{'x' * 300},1,2026-03-01 09:15,{GTIN},1,,,", "receipt_no", "200 characters"),
        (f"{'x' * 201},17,1,2026-03-01 09:15,{GTIN},1,,,", "receipt_no", "200 characters"),
        (f"1,17,1,2026-03-01 09:15,{GTIN}", "", "cut off"),
        (f"1,17,1,2026-03-01 09:15,{GTIN},1,,,,x", "", "10 cells under 9 headers"),
        (f'1,17,1,2026-03-01 09:15,"{GTIN},1,,,', "", "quote"),
    ],
)
def test_a_bad_row_is_returned_alone_with_its_column_and_reason(row, column, reason):
    good = f"1,16,1,2026-03-01 09:14,{GTIN},1,,,"
    events, problems = read(f"{SALES}\n{good}\n{row}\n{good.replace('16', '19')}\n")
    assert [event.source.id[-2:] for event in events] == ["16", "19"]
    assert [(problem.line, problem.column) for problem in problems] == [(3, column)]
    assert reason in problems[0].reason


@pytest.mark.parametrize(
    ("row", "item"),
    [
        (f"1,17,1,yesterday,{GTIN},1,,,", f"gtin:0{GTIN}"), (f"1,17,1,,{GTIN},1,,,", f"gtin:0{GTIN}"),
        (f"1,,1,2026-03-01 09:15,{GTIN},1,,,", f"gtin:0{GTIN}"), (f"1,17,1,2026-03-01 09:15,{GTIN}", ""),
        ("1,17,1,yesterday,4006381333932,1,,,", ""),
    ],
)  # fmt: skip
def test_a_row_without_a_time_or_a_receipt_is_refused_with_its_item_as_far_as_it_was_read(row, item):
    good = "1,16,1,2026-03-01 09:14,96385074,1,,,"
    _, problems = read(f"{SALES}\n{good}\n{row}\n")
    assert [(problem.line, problem.item) for problem in problems] == [(3, item)]


@pytest.mark.parametrize("price", ["x", "1.2.3", "12 £", "999999999999999999", "#REF!"])
def test_a_price_that_cannot_be_read_costs_no_line_and_is_noted(price):
    content = f"{SALES}\n1,17,1,2026-03-01 09:15,{GTIN},2,,{price},\n".encode()
    (batch,) = read_events("file.csv", content, "sales", SPEC, SEEN_MS)
    assert [(line.quantity_milli, line.price_minor) for line in batch.events[0].lines] == [(2000, None)]
    assert (batch.problems, [(note.line, note.column) for note in batch.notes]) == ((), [(2, "unit_price")])


@pytest.mark.parametrize("price", ["0", "0.00", "$0.00", "0,00"])
def test_a_price_of_nothing_is_a_price(price):
    events, _ = read(
        f'{SALES}\n1,17,1,2026-03-01 09:15,{GTIN},2,,"{price}",\n', spec=SPEC.model_copy(update={"currency": "USD"})
    )
    assert events[0].lines[0].price_minor == 0


def test_the_good_lines_of_a_receipt_with_a_bad_one_are_used():
    events, problems = read(f"{SALES}\n1,17,1,2026-03-01 09:15,{GTIN},1,,,\n1,17,2,2026-03-01 09:15,bad,1,,,\n")
    assert ([line.line_id for line in events[0].lines], [problem.line for problem in problems]) == (["1"], [3])


def test_a_revision_with_a_bad_line_is_not_used_at_all_since_it_would_take_the_missing_line_back():
    header = "receipt_no,version,line_no,sold_at,gtin,qty"
    events, problems = read(f"{header}\n17,2,1,2026-03-01 09:15,{GTIN},1\n17,2,2,2026-03-01 09:15,bad,1\n")
    assert (events, [problem.line for problem in problems]) == ([], [2, 3])


@pytest.mark.parametrize(("line_no", "unread"), [("2", ("2",)), ("x" * 100, ("x" * 100,)), ("x" * 101, ())])
def test_a_row_left_out_of_a_revision_costs_no_other_whatever_its_number(line_no, unread):
    header = "receipt_no,version,line_no,sold_at,gtin,qty,kind"
    rows = f"17,2,1,2026-03-01 09:15,{GTIN},1,sale\n17,2,{line_no},2026-03-01 09:15,{GTIN},1,tip\n"
    events, problems = read(f"{header}\n{rows}")
    assert ([(len(event.lines), event.unread_lines) for event in events], problems) == ([(1, unread)], [])


def test_lines_without_numbers_get_the_same_names_in_every_export():
    header = "receipt_no,sold_at,gtin,qty"
    rows = [f"17,2026-03-01 09:15,{GTIN},1", "17,2026-03-01 09:15,96385074,2", f"17,2026-03-01 09:15,{GTIN},1"]
    events, _ = read("\n".join([header, *rows]))
    swapped, _ = read("\n".join([header, rows[1], rows[0], rows[2]]))
    assert [line.line_id for line in events[0].lines] == [
        "gtin:04006381333931#1", "gtin:00000096385074#1", "gtin:04006381333931#2",
    ]  # fmt: skip
    assert {line.line_id for line in events[0].lines} == {line.line_id for line in swapped[0].lines}


def test_a_receipt_whose_rows_lie_far_apart_keeps_one_name_one_time_and_distinct_lines():
    header = "receipt_no,sold_at,gtin,qty"
    filler = [f"x{n},2026-03-01 10:00,{GTIN},1" for n in range(5_000)]
    events, problems = read(
        "\n".join([header, f"17,2026-03-01 09:15,{GTIN},1", *filler, f"17,2026-03-01 09:59,{GTIN},1"])
    )
    parts = [event for event in events if event.source.id.endswith("/17")]
    assert problems == []
    assert len(parts) == 2
    assert {event.occurred_at_ms for event in parts} == {1772352900000}
    assert [line.line_id for event in parts for line in event.lines] == [
        "gtin:04006381333931#1", "gtin:04006381333931#2",
    ]  # fmt: skip


def test_a_very_long_receipt_comes_in_several_events_and_loses_no_line():
    rows = [f"1,17,{n},2026-03-01 09:15,{GTIN},1,,," for n in range(10_001)]
    events, problems = read("\n".join([SALES, *rows]))
    assert problems == []
    assert max(len(event.lines) for event in events) <= LINES_PER_EVENT
    assert Counter(line.line_id for event in events for line in event.lines) == Counter(str(n) for n in range(10_001))


def test_a_slash_in_a_register_or_receipt_cannot_make_two_receipts_one():
    header = "register,receipt_no,business_date,sold_at,gtin,qty"
    rest = f"2026-03-01,2026-03-01 09:15,{GTIN},1"
    events, _ = read(f"{header}\n1/2026-03-01,7,{rest}\n1,2026-03-01/7,{rest}\n")
    assert len({event.source.id for event in events}) == 2


def test_unknown_columns_are_dropped():
    events, _ = read(f"{SALES},customer,email\n1,17,1,2026-03-01 09:15,{GTIN},1,,,,CANARY,canary@example.org\n")
    assert "canary" not in repr(events).lower()


def test_a_file_of_two_stores_gives_only_the_first_ones_rows():
    header = f"store_id,{SALES}"
    events, problems = read(f"{header}\n7,1,17,1,2026-03-01 09:15,{GTIN},1,,,\n8,1,18,1,2026-03-01 09:15,{GTIN},1,,,\n")
    assert ([event.source.id for event in events], [problem.line for problem in problems]) == (["1/2026-03-01/17"], [3])


@pytest.mark.parametrize(
    ("kind", "reason", "quantity", "milli"),
    [
        ("opening", "", "12", 12_000), ("received", "", "6", 6_000), ("counted", "", "0", 0),
        ("level", "", "-2", -2_000),
        ("adjusted", "waste", "3", -3_000), ("adjusted", "waste", "-3", -3_000), ("adjusted", "found", "1", 1_000),
        ("adjusted", "", "-1", -1_000), ("adjusted", "other", "1", 1_000),
    ],
)  # fmt: skip
def test_a_stock_report_says_what_its_kind_means(kind, reason, quantity, milli):
    events, problems = read(f"as_of,sku,qty,reason\n2026-03-01 09:15,MILK,{quantity},{reason}\n", kind)
    assert problems == []
    (event,) = events
    assert (event.kind, event.source.id) == (kind, f"{kind}/file-1/1772352900000")
    assert [(line.code, line.quantity_milli) for line in event.lines] == [("sku:MILK", milli)]


@pytest.mark.parametrize(("kind", "quantity"), [("opening", "-1"), ("received", "-1"), ("counted", "-1")])
def test_a_quantity_below_zero_is_refused_where_it_means_nothing(kind, quantity):
    events, problems = read(f"as_of,sku,qty\n2026-03-01 09:15,MILK,{quantity}\n", kind)
    assert (events, [problem.column for problem in problems]) == ([], ["qty"])


def test_levels_without_a_time_are_as_of_when_the_file_was_first_seen():
    events, _ = read("barcode,quantity,price\n4006381333931,3,1.99\n", "level")
    assert (events[0].occurred_at_ms, events[0].source.id) == (SEEN_MS, f"level/file-1/{SEEN_MS}")


def test_the_tills_own_time_of_recording_is_kept():
    events, _ = read(f"exported_at,{SALES}\n2026-03-01 12:00,1,17,1,2026-03-01 09:15,{GTIN},1,,,\n")
    assert events[0].recorded_at_ms - events[0].occurred_at_ms == (2 * 60 + 45) * 60_000


def test_a_file_with_too_many_rows_says_where_it_was_cut():
    spec = SPEC.model_copy(update={"rows_max": 2})
    row = f"1,17,{{}},2026-03-01 09:15,{GTIN},1,,,"
    events, problems = read("\n".join([SALES, *(row.format(n) for n in range(4))]), spec=spec)
    assert ([line.line_id for event in events for line in event.lines], problems[0].line) == (["0", "1"], 4)


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 7, 100])
def test_every_batch_size_gives_the_same_lines(batch_rows):
    rows = [f"{n % 5},{n % 3},,2026-03-01 09:15,{GTIN},{n % 4 + 1},,," for n in range(60)]
    text = "\n".join([SALES, *rows])
    whole, _ = read(text)
    stream = io.BytesIO(text.encode())
    surveyed = survey_text(stream)
    stream.seek(0)
    found = []
    reading = FileReadContext(surveyed, "sales", SPEC, SEEN_MS, DiskMemory(), "file-1.csv", NoDocuments(), batch_rows)
    for batch in read_csv(stream, reading):
        found += batch.events

    def lines(events):
        return Counter((event.source.id, event.occurred_at_ms, line) for event in events for line in event.lines)

    assert lines(found) == lines(whole)


def test_memory_on_disk_and_in_a_dict_agree():
    disk, plain = DiskMemory(), DictMemory()
    for name in ("a", "b", "a", "c", "a", "b", "\ud800"):
        assert disk.next_ordinal(name) == plain.next_ordinal(name)
        assert disk.first_time_ms(name, len(name) + ord(name)) == plain.first_time_ms(name, len(name) + ord(name))
        assert disk.value(name) == plain.value(name)
        disk.put(name, -len(name))
        plain.put(name, -len(name))
        assert disk.value(name) == plain.value(name)
    disk.close()


KINDS = st.sampled_from(sorted(set(DEFAULT_KINDS.values())))
CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from([GTIN, "1", "-1,5", "0.485", "2026-03-01 09:15", "kg", "sale", '"', "=1+1", "\x00"]),
)


@settings(max_examples=300)
@given(st.binary(max_size=400), KINDS)
def test_any_bytes_are_events_or_problems_and_never_a_crash(content, kind):
    events, problems = read(content, kind)
    assert all(isinstance(event, Sale) is (kind == "sales") for event in events)
    assert all(problem.reason for problem in problems if not isinstance(problem, FileRefused))


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(TABLE_FIELDS), min_size=3, max_size=12, unique=True),
    st.lists(st.lists(CELLS, min_size=1, max_size=12), max_size=12),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    KINDS,
)
def test_no_row_under_a_known_header_is_dropped_in_silence(header, rows, delimiter, encoding, kind):
    lines = [delimiter.join(header), *(delimiter.join(row) for row in rows)]
    content = "\n".join(lines).encode(encoding, "replace")
    try:
        batches = list(read_events("file-1.csv", content, kind, SPEC, SEEN_MS))
    except FileRefused:
        return
    row_count = sum(batch.row_count for batch in batches)
    used = sum(batch.line_count for batch in batches)
    refused = {problem.line for batch in batches for problem in batch.problems}
    skipped = {skip.where for batch in batches for skip in batch.skipped}
    assert row_count == used + len(refused) + len(skipped)
    codec = topic_codec("pos.sales.v1" if kind == "sales" else "pos.stock.v1")
    for batch in batches:
        for event in batch.events:
            codec.encode(event.to_avro())
