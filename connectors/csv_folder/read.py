"""A whole file, from bytes to batches of events."""

import io
from collections.abc import Iterator
from itertools import chain, islice
from typing import BinaryIO, TextIO

from connectors.csv_folder.columns import DecimalMark, read_layout, separator_line, sniff_decimal_mark
from connectors.csv_folder.memory import DictMemory, FileMemory
from connectors.csv_folder.rows import LINE_MAX_CHARS, BrokenRow, Row, read_rows
from connectors.csv_folder.survey import FileRefused, Survey, survey
from connectors.csv_folder.translate import BATCH_ROWS, Batch, Translator
from connectors.specs import CsvFolderSpec, FileKind

_SAMPLE_ROWS = 200
_HEADER_WITHIN_LINES = 20


def read_batches(
    stream: BinaryIO,
    found: Survey,
    kind: FileKind,
    spec: CsvFolderSpec,
    recorded_at_ms: int,
    memory: FileMemory,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[Batch]:
    """Events and problems of a file, in its order. `stream` stands at its start, `found` is its survey.

    Raises FileRefused when no row can be read, or too many: then as the last thing, after the rows that may be.
    """
    text = io.TextIOWrapper(stream, encoding=found.encoding, newline="")
    try:
        header, first_line, delimiter = _header(text)
        layout = read_layout(header, kind, spec.columns, delimiter)
        rows = read_rows(text, layout.delimiter, first_line)
        sample = list(islice(rows, _SAMPLE_ROWS))
        mark: DecimalMark = sniff_decimal_mark(layout, sample) if spec.decimal_mark == "auto" else spec.decimal_mark
        limit = _RowLimit(chain(sample, rows), spec.rows_max)
        yield from Translator(kind, layout, mark, spec, recorded_at_ms, memory).batches(limit, batch_rows)
    finally:
        text.detach()
    if limit.beyond is not None:
        raise FileRefused(
            f"the rows from here on were not used: a file may have {spec.rows_max} rows; split it", limit.beyond
        )


def read_events(content: bytes, kind: FileKind, spec: CsvFolderSpec, recorded_at_ms: int) -> Iterator[Batch]:
    """`read_batches` for a small file that is in memory. Raises FileRefused."""
    found = survey(io.BytesIO(content))
    return read_batches(io.BytesIO(content), found, kind, spec, recorded_at_ms, DictMemory())


class _RowLimit:
    """The first `rows_max` rows; `beyond` is the line of the next one, if there is one."""

    def __init__(self, rows: Iterator[Row | BrokenRow], rows_max: int) -> None:
        self._rows = rows
        self._rows_max = rows_max
        self.beyond: int | None = None

    def __iter__(self) -> Iterator[Row | BrokenRow]:
        yield from islice(self._rows, self._rows_max)
        following = next(self._rows, None)
        self.beyond = None if following is None else following.line


def _header(text: TextIO) -> tuple[str, int, str | None]:
    """(the header line, the number of the line after it, the delimiter if a line before it named one)."""
    delimiter = None
    for number in range(1, _HEADER_WITHIN_LINES + 1):
        line = text.readline(LINE_MAX_CHARS)
        if not line:
            break
        named = separator_line(line)
        if named is not None:
            delimiter = named
        elif line.strip():
            return line, number + 1, delimiter
    raise FileRefused("the file has no header line")
