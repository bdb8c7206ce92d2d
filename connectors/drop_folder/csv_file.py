"""A CSV file, from bytes to batches of events."""

import io
from collections.abc import Iterator
from itertools import chain, islice
from typing import BinaryIO, TextIO

from connectors.drop_folder.batch import Batch, FileReadContext
from connectors.drop_folder.columns import read_layout, separator_line, sniff_decimal_mark, split_header
from connectors.drop_folder.guess import Sample
from connectors.drop_folder.rows import LINE_MAX_CHARS, Row, read_rows
from connectors.drop_folder.survey import FileRefused, Survey
from connectors.drop_folder.table import HEADER_WITHIN_LINES, SAMPLE_ROWS, table_batches


def read_csv(stream: BinaryIO, reading: FileReadContext) -> Iterator[Batch]:
    """Events and problems of a file, in its order. `stream` stands at its start.

    Raises FileRefused when no row can be read, or too many: then as the last thing, after the rows that may be.
    """
    spec = reading.spec
    text = io.TextIOWrapper(stream, encoding=reading.found.encoding, newline="")
    try:
        header, first_line, delimiter = header_line(text)
        layout = read_layout(header, reading.kind, spec.columns, delimiter)
        rows = read_rows(text, layout.delimiter, first_line)
        sample = list(islice(rows, SAMPLE_ROWS))
        mark = sniff_decimal_mark(layout, sample) if spec.decimal_mark == "auto" else spec.decimal_mark
        yield from table_batches(chain(sample, rows), layout, mark, reading)
    finally:
        text.detach()


def header_line(text: TextIO) -> tuple[str, int, str | None]:
    """(the header line, the number of the line after it, the delimiter if a line before it named one).

    Raises FileRefused when there is none.
    """
    delimiter = None
    for number in range(1, HEADER_WITHIN_LINES + 1):
        line = text.readline(LINE_MAX_CHARS)
        if not line:
            break
        named = separator_line(line)
        if named is not None:
            delimiter = named
        elif line.strip():
            return line, number + 1, delimiter
    raise FileRefused("the file has no header line")


def sample_csv(stream: BinaryIO, found: Survey) -> Sample:
    """The header and the first rows. Raises FileRefused when there is no header."""
    text = io.TextIOWrapper(stream, encoding=found.encoding, newline="")
    try:
        header, first_line, delimiter = header_line(text)
        layout, cells = split_header(header, {}, delimiter)
        rows = islice(read_rows(text, layout.delimiter, first_line), SAMPLE_ROWS)
        return Sample(tuple(cells), tuple(tuple(row.cells) for row in rows if isinstance(row, Row)))
    finally:
        text.detach()
