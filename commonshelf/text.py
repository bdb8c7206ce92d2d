"""Plain text for the terminal. Tables are not cut to its width, so that names can be copied and lines searched."""

from collections.abc import Collection, Sequence


def in_columns(head: Sequence[str], rows: Sequence[Sequence[object]], numbers: Collection[str] = ()) -> str:
    """A line for the head and for each row; the columns named in `numbers` are aligned to the right."""
    cells = [list(head), *([_one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    lines = []
    for row in cells:
        padded = [
            cell.rjust(width) if name in numbers else cell.ljust(width)
            for cell, width, name in zip(row, widths, head, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def counted(number: int, noun: str) -> str:
    """1 letter, 2 letters."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def units(milli: int) -> str:
    """Thousandths as a plain decimal: 1500 → 1.5."""
    sign, whole, part = "-" if milli < 0 else "", abs(milli) // 1000, abs(milli) % 1000
    return f"{sign}{whole}" + (f".{part:03d}".rstrip("0") if part else "")


def _one_line(cell: object) -> str:
    """Without control characters: what a till sent must not steer the terminal."""
    return "".join(char if char.isprintable() else "�" for char in str(cell))
