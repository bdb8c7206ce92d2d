"""Text to rows of cells, with limits, and so that a broken row costs only itself.

The csv module alone would let one stray quote swallow all that follows it.
"""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

LINE_MAX_CHARS = 65_536
CELLS_MAX = 200
QUOTED_LINES_MAX = 50
"""A quoted cell may hold line breaks, but a row no more lines than this."""

_OPEN_QUOTE = "unexpected end of data"


@dataclass(frozen=True, slots=True)
class Row:
    """A row and the file's line on which it begins, counted from 1."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A line that is no row, and why."""

    line: int
    reason: str


def read_rows(text: TextIO, delimiter: str, first_line: int = 1) -> Iterator[Row | BrokenRow]:
    """Rows of `text`, which was opened with newline="". Empty lines are left out. Never raises for its content."""
    lines = _Lines(text, first_line)
    while (taken := lines.take()) is not None:
        number, line, is_whole = taken
        if not is_whole:
            yield BrokenRow(number, f"the line is longer than {LINE_MAX_CHARS} characters")
            continue
        cells = _cells(line, delimiter)
        if cells is None:
            cells = _over_several_lines(line, lines, delimiter)
        if isinstance(cells, str):
            yield BrokenRow(number, cells)
        elif len(cells) > CELLS_MAX:
            yield BrokenRow(number, f"the row has {len(cells)} cells; at most {CELLS_MAX} are read")
        elif any(cells):
            yield Row(number, cells)


def split_line(line: str, delimiter: str) -> list[str]:
    """Cells of one line; empty when it is no row by itself."""
    cells = _cells(line, delimiter)
    return cells if isinstance(cells, list) else []


class _Lines:
    """Physical lines with their numbers; lines can be put back."""

    def __init__(self, text: TextIO, first_line: int) -> None:
        self._text = text
        self._number = first_line
        self._returned: deque[tuple[int, str, bool]] = deque()

    def take(self) -> tuple[int, str, bool] | None:
        """(number, line, False if it was too long and is cut), or None at the end."""
        if self._returned:
            return self._returned.popleft()
        line = self._text.readline(LINE_MAX_CHARS)
        if not line:
            return None
        number = self._number
        self._number += 1
        is_whole = len(line) < LINE_MAX_CHARS or line[-1] in "\r\n"
        rest = line
        while rest and rest[-1] not in "\r\n":
            rest = self._text.readline(LINE_MAX_CHARS)
        return number, line, is_whole

    def put_back(self, lines: list[tuple[int, str, bool]]) -> None:
        self._returned.extendleft(reversed(lines))


def _cells(line: str, delimiter: str) -> list[str] | str | None:
    """The cells; a reason why there are none; or None when a quote is still open at the line's end."""
    try:
        return next(csv.reader((line,), delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        return None if str(error) == _OPEN_QUOTE else f"the row is not CSV: {error}"


def _over_several_lines(first: str, lines: _Lines, delimiter: str) -> list[str] | str:
    joined = [first]
    length = len(first)
    quotes = first.count('"')
    taken: list[tuple[int, str, bool]] = []
    while len(joined) < QUOTED_LINES_MAX and length < LINE_MAX_CHARS and (following := lines.take()) is not None:
        taken.append(following)
        joined.append(following[1])
        length += len(following[1])
        quotes += following[1].count('"')
        if quotes % 2 == 0:
            cells = _cells("".join(joined), delimiter) if following[2] else None
            if isinstance(cells, list):
                return cells
            break
    lines.put_back(taken)
    return "a quote is opened and not closed"
