"""Pieces: quantities that were posted in one go, and are taken off again from one end; the last one is divided."""

from typing import Any, NamedTuple

from streams.settlement.ledger.debts import debt_of, kept
from streams.settlement.money import scaled

Piece = list[Any]
"""A row's list, as JSON keeps it."""


class Columns(NamedTuple):
    """The places in a kind of piece of its quantity, in thousandths, and of what is divided with it."""

    milli: int
    value: int | None = None
    """Minor units, or None while it waits for a price."""
    debt: int | None = None
    """As `kept`, or None where there is none."""


def take(pieces: list[Piece], milli: int, columns: Columns, *, oldest_first: bool = False) -> list[Piece]:
    """Take pieces that make `milli`, or all there are, off one end; a part and the rest of it make the whole."""
    end = 0 if oldest_first else -1
    taken = []
    while milli and pieces:
        piece = pieces[end]
        if piece[columns.milli] <= milli:
            pieces.pop(end)
        else:
            piece, pieces[end] = _divided(piece, milli, columns)
        milli -= piece[columns.milli]
        taken.append(piece)
    return taken


def _divided(piece: Piece, milli: int, columns: Columns) -> tuple[Piece, Piece]:
    part, rest, whole = list(piece), list(piece), piece[columns.milli]
    part[columns.milli], rest[columns.milli] = milli, whole - milli
    if columns.value is not None and piece[columns.value] is not None:
        rest[columns.value] = scaled(piece[columns.value], whole - milli, whole)
        part[columns.value] = piece[columns.value] - rest[columns.value]
    if columns.debt is not None and piece[columns.debt] is not None:
        debt = debt_of(piece[columns.debt])
        gone = debt.part(milli, whole)
        part[columns.debt], rest[columns.debt] = kept(gone), kept(debt.less(gone))
    return part, rest
