"""A table of rows under a header, whatever file it came from, to batches of events."""

from collections.abc import Iterator
from itertools import islice

from connectors.drop_folder.batch import Batch, FileReadContext
from connectors.drop_folder.columns import DecimalMark, Layout
from connectors.drop_folder.rows import BrokenRow, Row
from connectors.drop_folder.survey import FileRefused
from connectors.drop_folder.translate import Translator

SAMPLE_ROWS = 200
"""So many rows tell the decimal mark of all."""
HEADER_WITHIN_LINES = 20


def table_batches(
    rows: Iterator[Row | BrokenRow], layout: Layout, decimal_mark: DecimalMark, reading: FileReadContext
) -> Iterator[Batch]:
    """Events and problems of the rows, in their order. Raises FileRefused after the last row that a file may have."""
    spec = reading.spec
    limit = _RowLimit(rows, spec.rows_max)
    translator = Translator(reading.kind, layout, decimal_mark, spec, reading.recorded_at_ms, reading.memory)
    yield from translator.batches(limit, reading.batch_rows)
    if limit.beyond is not None:
        raise FileRefused(
            f"the rows from here on were not used: a file may have {spec.rows_max} rows; split it", limit.beyond
        )


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
