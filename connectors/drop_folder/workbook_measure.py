"""The measure of a workbook, before its reader sees it: all that the reader would hold and fill in.

Any part may be a sheet, whatever its name: the workbook's own relations say which. So every part is measured as one.
"""

import zipfile
from collections.abc import Sequence
from typing import BinaryIO, cast

from connectors.drop_folder.survey import FileRefused
from connectors.parsing.guarded_xml import XmlRefused, parse

BROKEN = "it cannot be read as an Excel workbook (.xlsx)"
PARTS_MAX = 1_000
UNPACKED_MAX_BYTES = 256 * 1024 * 1024
"""All parts together: some hundred thousand rows. Larger exports come as CSV."""
PART_MAX_BYTES = 32 * 1024 * 1024
"""Any part but a sheet: openpyxl holds it whole."""
RATIO_MAX = 200
"""Unpacked to packed; Excel's own files stay below 100."""
CELLS_MAX_IN_ALL = 32_000_000
"""Of all rows together, those included that a row only counts past: openpyxl fills them in."""
_RATIO_FREE_BYTES = 1024 * 1024
_SHEETS = "xl/worksheets/"
_SHEET_ROWS_MAX, _SHEET_COLUMNS_MAX = 1_048_576, 16_384
_LOOSE_ELEMENTS_MAX = 200_000
_TREE_ELEMENTS_MAX = 4_000_000
_ROW_CHARS_MAX = 4_000_000
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ROW, _CELL = f"{_MAIN}row", f"{_MAIN}c"


class TooMuch(XmlRefused):
    """Well-formed, and more than any spreadsheet holds."""


def measure(stream: BinaryIO) -> None:
    """Raise FileRefused for what is no archive, or would unpack to too much."""
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = archive.infolist()
            _check_sizes(parts)
            for part in parts:
                with archive.open(part) as content:
                    _measure_part(part.filename, cast("BinaryIO", content))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise FileRefused(f"{BROKEN}: {error}") from error
    except XmlRefused as error:
        raise FileRefused(f"{BROKEN}: {error}") from error


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


def _measure_part(name: str, content: BinaryIO) -> None:
    """An image is no XML, and nobody takes it for a sheet; what reads as XML is measured as far as it can be read."""
    try:
        for _ in parse(content, _Measure()):
            pass
    except TooMuch:
        raise
    except XmlRefused as error:
        if name.endswith((".xml", ".rels")) or not error.is_malformed:
            raise


class _Measure:
    """Refuses rows and cells that are numbered so that a reader would fill in millions, and endless elements."""

    def __init__(self) -> None:
        self._row = self._column = self._loose = self._chars = self._elements = self._cells = 0

    def start(self, tag: str, attributes: dict[str, str], depth: int, line: int) -> None:
        self._elements += 1
        if tag == _ROW:
            self._begin_row(attributes, line)
        elif self._row or tag == _CELL or self._loose:
            if self._row and tag == _CELL:
                self._count_cell(attributes, line)
            self._loose += 1
            if self._loose > _LOOSE_ELEMENTS_MAX:
                raise TooMuch(f"more than {_LOOSE_ELEMENTS_MAX} elements stand in row {self._row} or after it", line)
        elif self._elements > _TREE_ELEMENTS_MAX:
            raise TooMuch(f"a part has more than {_TREE_ELEMENTS_MAX} elements", line)

    def data(self, text: str) -> None:
        self._chars += len(text)
        if self._row and self._chars > _ROW_CHARS_MAX:
            raise TooMuch(f"row {self._row} is longer than {_ROW_CHARS_MAX} characters")

    def end(self, tag: str, depth: int) -> None:
        """Nothing is kept."""

    def _begin_row(self, attributes: dict[str, str], line: int) -> None:
        number = attributes.get("r", str(self._row + 1))
        if not (number.isascii() and number.isdigit() and self._row < int(number[:8]) <= _SHEET_ROWS_MAX):
            raise TooMuch(f"a row is numbered {number[:20]!r} after row {self._row}", line)
        self._row = int(number)
        self._column = self._loose = self._chars = 0

    def _count_cell(self, attributes: dict[str, str], line: int) -> None:
        reference = attributes.get("r")
        column = self._column + 1 if reference is None else self._column_of(reference)
        if reference is None and column > _SHEET_COLUMNS_MAX:
            raise TooMuch(f"row {self._row} has more than {_SHEET_COLUMNS_MAX} cells", line)
        if not 0 < column <= _SHEET_COLUMNS_MAX:
            raise TooMuch(f"a cell of row {self._row} is numbered {str(reference)[:20]!r}", line)
        self._cells += max(1, column - self._column)
        self._column = max(column, self._column)
        if self._cells > CELLS_MAX_IN_ALL:
            raise TooMuch(f"it has more than {CELLS_MAX_IN_ALL} cells, with those that are left out between", line)

    def _column_of(self, reference: str) -> int:
        """The column of a cell of this row; 0 for what is none."""
        letters = reference.rstrip("0123456789")
        is_usual = letters.isascii() and letters.isalpha() and letters.isupper() and len(letters) <= 3
        if not is_usual or reference[len(letters) :] != str(self._row):
            return 0
        number = 0
        for letter in letters:
            number = 26 * number + ord(letter) - ord("A") + 1
        return number
