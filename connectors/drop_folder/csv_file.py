"""A CSV file, from bytes to batches of events. It is read twice: what a number means, the whole file shows."""

import io
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import BinaryIO

from connectors.drop_folder.batch import Batch, FileReadContext
from connectors.drop_folder.columns import Header, checked, text_header
from connectors.drop_folder.guess import Sample
from connectors.drop_folder.preset import Preset
from connectors.drop_folder.rows import CELLS_MAX, LINE_MAX_CHARS, BrokenRow, Row, read_rows
from connectors.drop_folder.survey import FileRefused, Survey
from connectors.drop_folder.table import HEADER_WITHIN_LINES, SAMPLE_ROWS, evidence_of, table_batches


def read_csv(stream: BinaryIO, reading: FileReadContext) -> Iterator[Batch]:
    """Events and problems of a file, in its order. `stream` stands at its start.

    Raises FileRefused when no row can be read, or too many: then as the last thing, after the rows that may be.
    """
    mapping = reading.spec.columns
    header = _header(text_header(first_lines(stream, reading.found.encoding), reading.kind, mapping))
    layout = checked(header.layout, reading.kind, mapping)
    open_rows = partial(_rows, stream, reading.found.encoding, header)
    evidence = evidence_of(open_rows(), layout, reading)
    yield from table_batches(open_rows, layout, evidence, reading)


def sample_csv(stream: BinaryIO, found: Survey) -> Sample:
    """The header and the first rows. Raises FileRefused when there is no header."""
    header = _header(text_header(first_lines(stream, found.encoding), None, {}))
    rows = islice(_rows(stream, found.encoding, header), SAMPLE_ROWS)
    return Sample(header.layout.header, tuple(tuple(row.cells) for row in rows if isinstance(row, Row)))


def preset_of_csv(stream: BinaryIO, found: Survey) -> Preset | None:
    """The well-known export that the file is, if it is one."""
    header = text_header(first_lines(stream, found.encoding), None, {})
    return header.layout.preset if header else None


def _header(found: Header | None) -> Header:
    if found is None:
        raise FileRefused(f"the file has no header line of {CELLS_MAX} cells or less")
    return found


def first_lines(stream: BinaryIO, encoding: str) -> list[str]:
    """The lines among which the header stands."""
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    try:
        return [line for _ in range(HEADER_WITHIN_LINES) if (line := text.readline(LINE_MAX_CHARS))]
    finally:
        text.detach()


def _rows(stream: BinaryIO, encoding: str, header: Header) -> Iterator[Row | BrokenRow]:
    return rows_below(stream, encoding, header.layout.delimiter, header.at)


def rows_below(stream: BinaryIO, encoding: str, delimiter: str, header_at: int) -> Iterator[Row | BrokenRow]:
    """The rows under the header, which is line `header_at` from 0, from the stream's start on."""
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    try:
        for _ in range(header_at + 1):
            text.readline(LINE_MAX_CHARS)
        yield from read_rows(text, delimiter, header_at + 2)
    finally:
        if not stream.closed:  # as it may be when nobody reads on
            text.detach()
