"""Plain text for people: tables, counts, quantities, times."""

import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, tzinfo

_GAP = "  "
_FOLDED_TO = 14
"""The narrowest that a column may be folded to, in characters; a table that needs less prints a block a row."""
_PIECES = re.compile(r"[^._/]*[._/]+|[^._/]+")
"""What is too long for a line is broken behind these, as names of settings and paths have them."""
_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3_600, 60


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]], numbers: Collection[str] = ()) -> None:
    """Print a table: folded to the terminal's width, or one line a row where the output is no terminal.

    The columns named in `numbers` are aligned to the right.
    """
    print(table_text(head, rows, numbers, terminal_width()))


def table_text(
    head: Sequence[str], rows: Sequence[Sequence[object]], numbers: Collection[str] = (), width: int | None = None
) -> str:
    """A line for the head and for each row, nothing cut.

    width: what a terminal has, in characters: long cells are folded, and where columns of a readable width still
    do not fit, each row is a block of `name: value` lines. None: as wide as it comes, a line a row.
    """
    cells = [list(head), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    if width is not None:
        folded = _folded(cells, width - len(_GAP) * (len(head) - 1))
        if folded is None:
            return _as_blocks(head, cells[1:], width)
        widths = folded
    return "\n".join(line for row in cells for line in _lines(row, head, widths, numbers))


def _folded(cells: list[list[str]], room: int) -> list[int] | None:
    """Widths that fit into `room`, the widest columns narrowed first; None when none can be that are readable.

    A head is folded between its words, whatever its column holds.
    """
    columns = list(zip(*cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    least = [
        max(min(max(map(len, column[1:]), default=0), _FOLDED_TO), *map(len, column[0].split())) for column in columns
    ]
    while sum(widths) > room:
        at = max(range(len(widths)), key=lambda one: widths[one] - least[one])
        if widths[at] == least[at]:
            return None
        widths[at] -= 1
    return widths


def _lines(row: list[str], head: Sequence[str], widths: list[int], numbers: Collection[str]) -> list[str]:
    parts = [wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    lines = []
    for at in range(max(len(part) for part in parts)):
        padded = [
            (part[at] if at < len(part) else "").rjust(width)
            if name in numbers
            else (part[at] if at < len(part) else "").ljust(width)
            for part, width, name in zip(parts, widths, head, strict=True)
        ]
        lines.append(_GAP.join(padded).rstrip())
    return lines


def _as_blocks(head: Sequence[str], rows: list[list[str]], width: int) -> str:
    margin = max(len(name) for name in head) + 2
    blocks = []
    for row in rows:
        lines = []
        for name, cell in zip(head, row, strict=True):
            for number, part in enumerate(wrapped(cell, max(width - margin, _FOLDED_TO)) if cell else ()):
                lines.append(f"{f'{name}:' if not number else '':{margin}}{part}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def terminal_width() -> int | None:
    """In characters; None where the output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def wrapped(cell: str, width: int) -> list[str]:
    """Its lines of so many characters; what has no spaces is broken at its punctuation."""
    if len(cell) <= width:
        return [cell]
    lines = [""]
    for word in textwrap.wrap(cell, width, break_on_hyphens=False, break_long_words=False) or [""]:
        for piece in _PIECES.findall(word) if len(word) > width else (word,):
            if len(word) <= width or len(lines[-1]) + len(piece) > width:
                lines += textwrap.wrap(piece, width, drop_whitespace=False) or [""]
            else:
                lines[-1] += piece
    return lines if lines[0] else lines[1:]


def counted(number: int, noun: str) -> str:
    """1 letter, 2 letters."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def units(milli: int) -> str:
    """Thousandths as a plain decimal: 1500 → 1.5."""
    sign, whole, part = "-" if milli < 0 else "", abs(milli) // 1000, abs(milli) % 1000
    return f"{sign}{whole}" + (f".{part:03d}".rstrip("0") if part else "")


def duration(seconds: float) -> str:
    """As people say it, in the two largest units: 45 s, 3 min, 2 h 5 min, 4 d 3 h."""
    whole = round(abs(seconds))
    if whole < _MINUTE_S:
        return f"{whole} s"
    for large_s, large, small_s, small in (
        (_DAY_S, "d", _HOUR_S, "h"),
        (_HOUR_S, "h", _MINUTE_S, "min"),
        (_MINUTE_S, "min", 1, "s"),
    ):
        if whole >= large_s:
            more = whole % large_s // small_s
            return f"{whole // large_s} {large}" + (f" {more} {small}" if more else "")
    raise AssertionError(whole)


def time_text(at_ms: int, zone: tzinfo = UTC, form: str = "%Y-%m-%d %H:%M:%S %Z") -> str:
    """To the second in `zone`, with its short name, unless `form` asks otherwise; what no calendar has as the number.

    at_ms: milliseconds since 1970.
    """
    try:
        return datetime.fromtimestamp(at_ms / 1000, zone).strftime(form)
    except (ValueError, OverflowError, OSError):
        return f"{at_ms} ms"


def one_line(cell: object) -> str:
    """Without control characters: what a till sent must not steer the terminal."""
    return "".join(char if char.isprintable() else "�" for char in str(cell))
