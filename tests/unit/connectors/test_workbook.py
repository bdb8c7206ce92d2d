"""Workbooks: cells read as a CSV file's would be, and archives that would unpack to harm refused."""

import io
import resource
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.drop_folder.formats import read_events
from connectors.drop_folder.settings import DropFolderSpec
from connectors.drop_folder.survey import FileRefused
from connectors.drop_folder.workbook import survey_workbook

SPEC = DropFolderSpec(pool="north", store="grocer-7", folder=Path("unused"), time_zone="Europe/Berlin")
SEEN_MS = 1_772_400_000_000
GTIN = "4006381333931"
HEADER = ["register", "receipt_no", "line_no", "business_date", "sold_at", "ean", "qty", "uom", "price"]
NINE = datetime(2026, 3, 1, 9, 15)  # noqa: DTZ001  a cell has no zone
CANARY = "Erika Mustermann"
SHEET = "xl/worksheets/sheet1.xml"


def workbook(*rows, header=HEADER):
    book = openpyxl.Workbook()
    for row in ([header] if header else []) + list(rows):
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def read(content, kind="sales", spec=SPEC):
    batches = list(read_events("sales.xlsx", content, kind, spec, SEEN_MS))
    return [event for batch in batches for event in batch.events], [one for batch in batches for one in batch.problems]


def with_part(content, name, change):
    """The same archive with one part changed, deflated anew."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.namelist():
            new.writestr(each, change(old.read(each)) if each == name else old.read(each))
    return changed.getvalue()


def test_a_workbook_gives_the_same_events_as_the_csv_of_its_cells():
    rows = [
        [1, 17, 1, date(2026, 3, 1), NINE, GTIN, 2, None, 3.98],
        ["1", "17", "2", "2026-03-01", NINE, 96385074, 0.485, "kg"],
    ]
    csv = (
        "register,receipt_no,line_no,business_date,sold_at,ean,qty,uom,price\n"
        f"1,17,1,2026-03-01,2026-03-01 09:15:00,{GTIN},2,,3.98\n"
        "1,17,2,2026-03-01,2026-03-01 09:15:00,96385074,0.485,kg,\n"
    )
    events, problems = read(workbook(*rows))
    assert problems == []
    assert events == [
        event for batch in read_events("sales.csv", csv.encode(), "sales", SPEC, SEEN_MS) for event in batch.events
    ]


@pytest.mark.parametrize(
    ("cell", "milli"), [(0.1 + 0.2, 300), (1e3, 1_000_000), (-0.485, 485), ("0,485", 485), (2, 2000), (1 / 4, 250)]
)
def test_what_excel_shows_is_what_counts(cell, milli):
    events, problems = read(workbook([1, 17, 1, None, NINE, GTIN, cell]))
    assert ([line.quantity_milli for line in events[0].lines], problems) == ([milli], [])


def test_numbers_and_text_with_a_comma_may_stand_side_by_side():
    events, problems = read(workbook([1, 17, 1, None, NINE, GTIN, "0,5"], [1, 17, 2, None, NINE, GTIN, 1.5]))
    assert ([line.quantity_milli for line in events[0].lines], problems) == ([500, 1500], [])


def test_a_time_is_the_stores_and_follows_the_operators_format_where_it_is_text():
    spec = SPEC.model_copy(update={"time_format": "%m/%d/%Y %H:%M"})
    rows = [[1, 17, 1, None, NINE, GTIN, 1], [1, 18, 1, None, "03/01/2026 09:15", GTIN, 1]]
    events, problems = read(workbook(*rows), spec=spec)
    assert (problems, {event.occurred_at_ms for event in events}) == ([], {1772352900000})


def test_a_problem_names_excels_row_and_the_column():
    bad = [1, 17, 2, None, NINE, GTIN, "#N/A", None, None, CANARY]
    events, problems = read(workbook([None], [1, 17, 1, None, NINE, GTIN, 1], [], bad))
    assert (len(events), [(one.line, one.column) for one in problems]) == (1, [(5, "")])
    events, problems = read(workbook([1, 17, 2, None, NINE, "4006381333932", 1]))
    assert (events, [(one.line, one.column) for one in problems]) == ([], [(2, "ean")])


def test_columns_without_a_meaning_go_nowhere():
    content = workbook([1, 17, 1, None, NINE, GTIN, 1, None, None, CANARY], header=[*HEADER, "customer"])
    events, problems = read(content)
    assert (len(events), problems) == (1, [])
    assert CANARY not in repr(events)


@pytest.mark.parametrize("rows", [[], [[None]], [["", None]]])
def test_a_sheet_without_a_header_is_refused(rows):
    with pytest.raises(FileRefused, match="header"):
        read(workbook(*rows, header=None))


def test_a_workbook_is_ended_when_its_directory_is_there():
    content = workbook([1])
    assert [survey_workbook(io.BytesIO(content[:size])).is_ended for size in (len(content), len(content) // 2)] == [
        True, False,
    ]  # fmt: skip


def sheet(rows):
    namespace = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return f"<worksheet {namespace}><sheetData>{rows}</sheetData></worksheet>".encode()


def noise(count):
    """Numbers that pack badly, so that the ratio is no shield."""
    return "".join(f"<c><v>{n * 2654435761 % 2**32}</v></c>" for n in range(count))


LAUGHS = b'<!DOCTYPE s [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>'


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (sheet("<row><c/></row>" + " " * 300_000_000), "unpacks to more"),
        (sheet(" " * 20_000_000), "packed more tightly"),
        (sheet("<row r='2000000000'/>"), "numbered '2000000000'"),
        (sheet("<row r='2'/><row r='1'/>"), "numbered '1' after row 2"),
        (sheet("<row r='1'><c r='ZZZZZZ1'/></row>"), "numbered 'ZZZZZZ1'"),
        (sheet("<row r='1'><c r='XFE1'/></row>"), "numbered 'XFE1'"),
        (sheet("<row r='1'><c r='A2'/></row>"), "numbered 'A2'"),
        (sheet(f"<row>{noise(150_000)}</row>"), "more than 16384 cells"),
        (sheet("</sheetData>" + noise(150_000) + "<sheetData>"), "more than 200000 elements"),
        (LAUGHS, "DOCTYPE"),
        (b"<!DOCTYPE s SYSTEM 'http://127.0.0.1:9/x.dtd'><worksheet/>", "DOCTYPE"),
        (sheet("<a>" * 100_000), "deeper than|packed more"),
        (b"<worksheet>", "well-formed"), (b"", "well-formed"),
    ],
    ids=range(14),
)  # fmt: skip
def test_a_sheet_that_would_do_harm_is_refused_before_it_is_unpacked(part, reason):
    content = with_part(workbook([1]), SHEET, lambda _: part)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FileRefused, match=reason):
        read(content)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 200_000


def test_a_size_that_is_a_lie_does_not_help():
    content = bytearray(with_part(workbook([1]), SHEET, lambda _: sheet(" " * 50_000_000)))
    true_size = len(sheet(" " * 50_000_000)).to_bytes(4, "little")
    while (at := content.find(true_size)) >= 0:
        content[at : at + 4] = (100).to_bytes(4, "little")
    with pytest.raises(FileRefused, match="cannot be read"):
        read(bytes(content))


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18, b"not a zip", workbook([1])[:-30], b"\xd0\xcf\x11\xe0" + b"\0" * 600],
)
def test_what_is_no_workbook_is_refused(content):
    with pytest.raises(FileRefused, match=r"cannot be read|header"):
        read(content)


def test_too_many_parts_are_refused():
    content = io.BytesIO(workbook([1]))
    with zipfile.ZipFile(content, "a") as archive:
        for number in range(1_001):
            archive.writestr(f"xl/media/{number}", b"")
    with pytest.raises(FileRefused, match="1000 parts"):
        read(content.getvalue())


cells = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=10), st.just(GTIN), st.just(NINE),
    st.dates(date(1950, 1, 1), date(2100, 1, 1)),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(cells, min_size=7, max_size=9), min_size=1, max_size=6))
def test_every_row_of_any_cells_is_a_line_a_skip_or_a_problem(rows):
    batches = list(read_events("sales.xlsx", workbook(*rows), "sales", SPEC, SEEN_MS))
    told = sum(batch.line_count + len(batch.problems) + len(batch.skipped) for batch in batches)
    filled = [row for row in rows if any(each is not None and each != "" for each in row)]
    assert told == sum(batch.row_count for batch in batches) == len(filled)
