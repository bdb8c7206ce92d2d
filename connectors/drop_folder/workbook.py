"""An Excel workbook (.xlsx), from bytes to batches of events. Its first sheet is read, formulas as last computed.

A process of its own reads it into rows (`workbook_rows.py`); what is here makes cells of their values.
"""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from itertools import islice
from typing import BinaryIO

from connectors.drop_folder.batch import Batch, FileReadContext
from connectors.drop_folder.columns import CODES, JOINED_FIELD, NUMBER_FIELDS, Header, Layout, cells_header, checked
from connectors.drop_folder.guess import Sample
from connectors.drop_folder.numbers import Marks, unambiguous
from connectors.drop_folder.preset import Preset
from connectors.drop_folder.rows import CELLS_MAX, LINE_MAX_CHARS, BrokenRow, Row
from connectors.drop_folder.settings import FileKind
from connectors.drop_folder.survey import FileRefused, SheetRows, Survey, survey_bytes
from connectors.drop_folder.table import HEADER_WITHIN_LINES, SAMPLE_ROWS, evidence_of, table_batches
from connectors.drop_folder.workbook_measure import BROKEN
from connectors.drop_folder.workbook_rows import rows_of

_MIDNIGHT = time()
_SIGNIFICANT_DIGITS = ".15g"
"""As many as Excel keeps and shows: what it computed as 0.30000000000000004 is 0.3."""
_EXACT_BELOW = 10**15
_AS_SHOWN = ".14E"
"""A longer number has lost its last digits, and so it is shown as Excel does: as no code."""


def survey_workbook(stream: BinaryIO) -> Survey:
    """Raises FileRefused for an empty file, or a workbook that cannot be read; it is ended with its directory."""
    found = survey_bytes(stream, lambda _: True)
    is_ended = zipfile.is_zipfile(stream)
    return replace(found, is_ended=is_ended, rows=rows_of(stream) if is_ended else None)


def read_workbook(stream: BinaryIO, reading: FileReadContext) -> Iterator[Batch]:  # noqa: ARG001  as for other formats
    """Events and problems of a workbook's first sheet, in its order. A problem's line is Excel's row.

    Raises FileRefused when no row can be read, or too many.
    """
    spec = reading.spec
    sheet = sheet_of(reading.found)
    header = _header(sheet, reading.kind, spec.columns)
    layout = checked(header.layout, reading.kind, spec.columns)
    written = Marks() if spec.decimal_mark == "auto" else Marks.of_option(spec.decimal_mark)
    evidence = evidence_of(_rows(_below(sheet, header), layout, None, reading), layout, reading)
    yield from table_batches(lambda: _rows(_below(sheet, header), layout, written, reading), layout, evidence, reading)


def sample_workbook(stream: BinaryIO, found: Survey) -> Sample:  # noqa: ARG001  as for other formats
    """The header and the first rows of the first sheet. Raises FileRefused."""
    sheet = sheet_of(found)
    header = _header(sheet, None, {})
    rows = [row for _, row in islice(_below(sheet, header), SAMPLE_ROWS)]
    texts = (tuple(_field_text(each, None, Marks(), None, is_joined=True) for each in row) for row in rows)
    return Sample(header.layout.header, tuple(texts))


def preset_of_workbook(stream: BinaryIO, found: Survey) -> Preset | None:  # noqa: ARG001  as for other formats
    """The well-known export that the first sheet is, if it is one. Raises FileRefused."""
    header = _found_header(sheet_of(found), None, {})
    return header.layout.preset if header else None


def text_rows(sheet: SheetRows) -> Iterator[tuple[int, list[str]]]:
    """(Excel's row, its cells as text) of a sheet's rows."""
    for line, row in sheet:
        yield line, [_field_text(each, None, None, None, is_joined=True) for each in row]


def sheet_of(found: Survey) -> SheetRows:
    """The rows of the first sheet. Raises FileRefused for a workbook that is not ended."""
    if found.rows is None:
        raise FileRefused(f"{BROKEN}: its end is missing")
    return found.rows


def _header(sheet: SheetRows, kind: FileKind | None, mapping: Mapping[str, str]) -> Header:
    found = _found_header(sheet, kind, mapping)
    if found is None:
        raise FileRefused(f"the first sheet has no header row of {CELLS_MAX} cells or less")
    return found


def _found_header(sheet: SheetRows, kind: FileKind | None, mapping: Mapping[str, str]) -> Header | None:
    rows = [[_text(each) for each in row] for _, row in islice(sheet, HEADER_WITHIN_LINES)]
    for row in rows:
        while row and not row[-1]:
            row.pop()
    return cells_header(rows, kind, mapping)


def _below(sheet: SheetRows, header: Header) -> Iterator[tuple[int, tuple[object, ...]]]:
    """The rows under the header."""
    return islice(sheet, header.at + 1, None)


def _rows(
    cells: Iterator[tuple[int, tuple[object, ...]]], layout: Layout, marks: Marks | None, reading: FileReadContext
) -> Iterator[Row | BrokenRow]:
    fields = {index: field for field, index, _ in layout.columns}
    time_format = reading.spec.time_format
    joins = list(fields.values()).count(JOINED_FIELD) > 1
    has_days = reading.kind != "sales" and not time_format  # of which a cell without a time of day names one
    for line, row in cells:
        texts = [
            _field_text(each, fields.get(index), marks, None if joins else time_format, is_joined=joins or has_days)
            for index, each in enumerate(row)
        ]
        while len(texts) > layout.width and not texts[-1]:
            texts.pop()
        if len(texts) > CELLS_MAX:
            yield BrokenRow(line, f"the row has {len(texts)} cells; at most {CELLS_MAX} are read")
        elif sum(map(len, texts)) > LINE_MAX_CHARS:
            yield BrokenRow(line, f"the row is longer than {LINE_MAX_CHARS} characters")
        elif any(texts):
            # Excel leaves empty cells at the end of a row out.
            yield Row(line, texts + [""] * (layout.width - len(texts)))


def _field_text(
    value: object, field: str | None, marks: Marks | None, time_format: str | None, *, is_joined: bool = False
) -> str:
    """A cell as the text that the same cell of a CSV file would hold; without `marks`, what is no text as none.

    A number that is stored as one shows nothing of how the numbers in texts are written.
    """
    if isinstance(value, datetime):
        if field == "business_date" or (is_joined and value.time() == _MIDNIGHT):
            return value.date().isoformat()
        return value.strftime(time_format) if time_format else value.isoformat(" ")
    text = _text(value)
    if field in NUMBER_FIELDS and not isinstance(value, str):
        return unambiguous(text, marks) if marks else ""
    if field in CODES and isinstance(value, int | float) and abs(value) >= _EXACT_BELOW:
        return format(value, _AS_SHOWN)
    return text


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        text = format(value, _SIGNIFICANT_DIGITS)
        return text if "e" not in text else format(value, ".0f") if value.is_integer() else format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
