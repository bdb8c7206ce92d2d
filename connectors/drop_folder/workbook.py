"""An Excel workbook (.xlsx), from bytes to batches of events. Its first sheet is read, formulas as last computed.

Before openpyxl sees it, every part of the archive is measured: what it unpacks to, and what its XML would have openpyxl
hold in memory.
"""

import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from itertools import islice
from typing import BinaryIO, cast

import openpyxl

from connectors.drop_folder.batch import Batch, FileReadContext
from connectors.drop_folder.columns import CODES, JOINED_FIELD, NUMBER_FIELDS, Header, Layout, cells_header, checked
from connectors.drop_folder.guess import Sample
from connectors.drop_folder.numbers import Marks, unambiguous
from connectors.drop_folder.preset import Preset
from connectors.drop_folder.rows import CELLS_MAX, LINE_MAX_CHARS, BrokenRow, Row
from connectors.drop_folder.settings import FileKind
from connectors.drop_folder.survey import FileRefused, Survey, survey_bytes
from connectors.drop_folder.table import HEADER_WITHIN_LINES, SAMPLE_ROWS, evidence_of, table_batches
from connectors.parsing.guarded_xml import XmlRefused, parse

PARTS_MAX = 1_000
UNPACKED_MAX_BYTES = 256 * 1024 * 1024
"""All parts together: some hundred thousand rows. Larger exports come as CSV."""
PART_MAX_BYTES = 32 * 1024 * 1024
"""Any part but a sheet: openpyxl holds it whole."""
RATIO_MAX = 200
"""Unpacked to packed; Excel's own files stay below 100."""
_RATIO_FREE_BYTES = 1024 * 1024
_SHEETS = "xl/worksheets/"
_SHEET_ROWS_MAX, _SHEET_COLUMNS_MAX = 1_048_576, 16_384
_LOOSE_ELEMENTS_MAX = 200_000
_ROW_CHARS_MAX = 4_000_000
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_MIDNIGHT = time()
_BROKEN = "it cannot be read as an Excel workbook (.xlsx)"
_SIGNIFICANT_DIGITS = ".15g"
"""As many as Excel keeps and shows: what it computed as 0.30000000000000004 is 0.3."""
_EXACT_BELOW = 10**15
_AS_SHOWN = ".14E"
"""A longer number has lost its last digits, and so it is shown as Excel does: as no code."""

warnings.filterwarnings("ignore", module="openpyxl")  # of styles and extensions that are not read here


def survey_workbook(stream: BinaryIO) -> Survey:
    """Raises FileRefused for an empty file. A workbook is ended when it has its archive's directory."""
    found = survey_bytes(stream, lambda _: True)
    return Survey(found.size_bytes, found.sha256, "", zipfile.is_zipfile(stream))


def read_workbook(stream: BinaryIO, reading: FileReadContext) -> Iterator[Batch]:
    """Events and problems of a workbook's first sheet, in its order. A problem's line is Excel's row.

    Raises FileRefused when no row can be read, or too many.
    """
    spec = reading.spec
    _check_archive(stream)
    header = _header(stream, reading.kind, spec.columns)
    layout = checked(header.layout, reading.kind, spec.columns)
    written = Marks() if spec.decimal_mark == "auto" else Marks.of_option(spec.decimal_mark)
    evidence = evidence_of(_rows(_below(stream, header), layout, None, reading), layout, reading)
    yield from table_batches(lambda: _rows(_below(stream, header), layout, written, reading), layout, evidence, reading)


def sample_workbook(stream: BinaryIO, found: Survey) -> Sample:  # noqa: ARG001  as for other formats
    """The header and the first rows of the first sheet. Raises FileRefused."""
    _check_archive(stream)
    header = _header(stream, None, {})
    rows = [row for _, row in islice(_below(stream, header), SAMPLE_ROWS)]
    texts = (tuple(_field_text(each, None, Marks(), None, is_joined=True) for each in row) for row in rows)
    return Sample(header.layout.header, tuple(texts))


def preset_of_workbook(stream: BinaryIO, found: Survey) -> Preset | None:  # noqa: ARG001  as for other formats
    """The well-known export that the first sheet is, if it is one. Raises FileRefused."""
    _check_archive(stream)
    header = _found_header(stream, None, {})
    return header.layout.preset if header else None


def text_rows(stream: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """(Excel's row, its cells as text) of the first sheet. Raises FileRefused."""
    _check_archive(stream)
    for line, row in _cells(stream):
        yield line, [_field_text(each, None, None, None, is_joined=True) for each in row]


def _header(stream: BinaryIO, kind: FileKind | None, mapping: Mapping[str, str]) -> Header:
    found = _found_header(stream, kind, mapping)
    if found is None:
        raise FileRefused("the first sheet has no header row")
    return found


def _found_header(stream: BinaryIO, kind: FileKind | None, mapping: Mapping[str, str]) -> Header | None:
    rows = [[_text(each) for each in row] for _, row in islice(_cells(stream), HEADER_WITHIN_LINES)]
    for row in rows:
        while row and not row[-1]:
            row.pop()
    return cells_header(rows, kind, mapping)


def _below(stream: BinaryIO, header: Header) -> Iterator[tuple[int, tuple[object, ...]]]:
    """The rows under the header."""
    return islice(_cells(stream), header.at + 1, None)


def _check_archive(stream: BinaryIO) -> None:
    """Raise FileRefused for what is no archive, or would unpack to too much."""
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = archive.infolist()
            _check_sizes(parts)
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as content:
                        for _ in parse(cast("BinaryIO", content), _Measure(part.filename)):
                            pass
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise FileRefused(f"{_BROKEN}: {error}") from error
    except XmlRefused as error:
        raise FileRefused(f"{_BROKEN}: {error}") from error


def _check_sizes(parts: Sequence[zipfile.ZipInfo]) -> None:
    if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > UNPACKED_MAX_BYTES:
        raise FileRefused(
            f"the workbook unpacks to more than {UNPACKED_MAX_BYTES} bytes or {PARTS_MAX} parts; save the sheet as CSV"
        )
    for part in parts:
        is_sheet = part.filename.startswith(_SHEETS)
        if part.file_size > PART_MAX_BYTES and not is_sheet:
            raise FileRefused("a part of the workbook is too large; save the sheet as CSV")
        if part.file_size > max(_RATIO_FREE_BYTES, RATIO_MAX * part.compress_size):
            raise FileRefused("the workbook is packed more tightly than any that Excel writes; save the sheet as CSV")


class _Measure:
    """Refuses rows and cells that are numbered so that a reader would fill in millions, and endless loose elements."""

    def __init__(self, name: str) -> None:
        self._is_sheet = name.startswith(_SHEETS)
        self._row = self._loose = self._chars = 0

    def start(self, tag: str, attributes: dict[str, str], depth: int, line: int) -> None:
        if not self._is_sheet:
            return
        name = tag.rpartition("}")[2]
        if name == "row":
            number = attributes.get("r", str(self._row + 1))
            if not (number.isascii() and number.isdigit() and self._row < int(number) <= _SHEET_ROWS_MAX):
                raise XmlRefused(f"a row is numbered {number[:20]!r} after row {self._row}", line)
            self._row = int(number)
            self._loose = self._chars = 0
            return
        if name == "c" and "r" in attributes:
            found = _REFERENCE.fullmatch(attributes["r"])
            if not found or int(found[2]) != self._row or _column_number(found[1]) > _SHEET_COLUMNS_MAX:
                raise XmlRefused(f"a cell of row {self._row} is numbered {attributes['r'][:20]!r}", line)
        self._loose += 1
        if self._loose > _LOOSE_ELEMENTS_MAX:
            raise XmlRefused(f"more than {_LOOSE_ELEMENTS_MAX} elements stand in row {self._row} or after it", line)

    def data(self, text: str) -> None:
        self._chars += len(text)
        if self._is_sheet and self._chars > _ROW_CHARS_MAX:
            raise XmlRefused(f"row {self._row} is longer than {_ROW_CHARS_MAX} characters")

    def end(self, tag: str, depth: int) -> None:
        """Nothing is kept."""


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


def _cells(stream: BinaryIO) -> Iterator[tuple[int, tuple[object, ...]]]:
    """(row number, its values) of the first sheet's rows."""
    stream.seek(0)
    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its size need not be so
        yield from enumerate(sheet.iter_rows(values_only=True), start=1)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a malformed part makes openpyxl raise whatever it happens to lead to
        raise FileRefused(f"{_BROKEN}: {type(error).__name__}") from error


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
