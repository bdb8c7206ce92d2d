"""Lists of an operator, such as a product master: read as the tables of the drop folder are.

CSV in UTF-8, UTF-16 or Windows-1252, with commas, semicolons, tabs or bars, or an Excel workbook; a title above the
header, blank rows and rows of totals are left out.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from connectors.drop_folder.columns import DELIMITERS, separator_line
from connectors.drop_folder.csv_file import first_lines, rows_below
from connectors.drop_folder.formats import format_of
from connectors.drop_folder.preset import normal_header
from connectors.drop_folder.rows import BrokenRow, Row, split_line
from connectors.drop_folder.survey import FileRefused
from connectors.drop_folder.totals import is_total_word
from connectors.drop_folder.workbook import sheet_of, text_rows
from connectors.parsing.spreadsheet import clean_cell

_HEADER_WITHIN_ROWS = 20


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row: the file's line, and its filled cells by field."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OperatorList:
    """A list under a header. rows: may be asked for several times."""

    header_line: int
    fields: frozenset[str]
    rows: Callable[[], Iterator[ListRow]]


def read_list(name: str, content: bytes, names: Mapping[str, Sequence[str]]) -> OperatorList:
    """Find the header of a list. Raises FileRefused; so do the rows, for one that is broken.

    names: field → the headers that it may have, as `normal_header` gives them, the likeliest first; of several columns
    of one field the likeliest counts. A column with another header is known by that.
    """
    form = format_of(name)
    stream = io.BytesIO(content)
    if name.lower().endswith(".xlsx"):
        sheet = sheet_of(form.survey(stream))
        at, columns = _header([cells for _, cells in _first(text_rows(sheet))], names)
        return OperatorList(at + 1, frozenset(columns.values()), lambda: _below(text_rows(sheet), at + 1, columns))
    encoding = form.survey(stream).encoding
    at, delimiter, columns = _text_header(first_lines(stream, encoding), names)
    return OperatorList(
        at + 1,
        frozenset(columns.values()),
        lambda: _of_rows(rows_below(stream, encoding, delimiter, at), columns),
    )


def _first(rows: Iterator[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    return [row for row, _ in zip(rows, range(_HEADER_WITHIN_ROWS), strict=False)]


def _text_header(lines: Sequence[str], names: Mapping[str, Sequence[str]]) -> tuple[int, str, dict[int, str]]:
    named: str | None = None
    best: tuple[int, int, str, dict[int, str]] = (-1, 0, ",", {})
    for at, line in enumerate(lines):
        separator = separator_line(line)
        if separator is not None:
            named = separator
            continue
        for delimiter in (named,) if named else DELIMITERS:
            columns = _columns(split_line(line, delimiter), names)
            score = _score(columns, names)
            if score > best[0]:
                best = (score, at, delimiter, columns)
    return best[1], best[2], best[3]


def _header(rows: Sequence[list[str]], names: Mapping[str, Sequence[str]]) -> tuple[int, dict[int, str]]:
    found = [_columns(cells, names) for cells in rows]
    at = max(range(len(found)), key=lambda each: (_score(found[each], names), -each), default=None)
    if at is None:
        raise FileRefused("the first sheet is empty")
    return at, found[at]


def _score(columns: Mapping[int, str], names: Mapping[str, Sequence[str]]) -> int:
    return sum(field in names for field in columns.values())


def _columns(cells: Sequence[str], names: Mapping[str, Sequence[str]]) -> dict[int, str]:
    """Index → field."""
    headers = [normal_header(cell) for cell in cells]
    columns: dict[int, str] = {}
    for field, wanted in names.items():
        found = next((headers.index(name) for name in (field, *wanted) if name in headers), None)
        if found is not None and found not in columns:
            columns[found] = field
    taken = set(columns.values()) | set(chain.from_iterable(names.values()))
    return columns | {
        at: header for at, header in enumerate(headers) if header and at not in columns and header not in taken
    }


def _of_rows(rows: Iterator[Row | BrokenRow], columns: Mapping[int, str]) -> Iterator[ListRow]:
    for row in rows:
        if isinstance(row, BrokenRow):
            raise FileRefused(row.reason, row.line)
        found = _row(row.line, row.cells, columns)
        if found is not None:
            yield found


def _below(rows: Iterator[tuple[int, list[str]]], header_line: int, columns: Mapping[int, str]) -> Iterator[ListRow]:
    for line, cells in rows:
        found = _row(line, cells, columns) if line > header_line else None
        if found is not None:
            yield found


def _row(line: int, cells: Sequence[str], columns: Mapping[int, str]) -> ListRow | None:
    found = {columns[at]: text for at, cell in enumerate(cells) if at in columns and (text := clean_cell(cell))}
    if not found or is_total_word(next(filter(None, map(clean_cell, cells)), "")):
        return None
    return ListRow(line, found)
