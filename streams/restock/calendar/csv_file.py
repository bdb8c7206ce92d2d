"""A calendar as CSV: an event a row. docs/restock.md has the columns. Pure."""

import csv
from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeVar

from streams.restock.calendar.events import Event
from streams.restock.calendar.reading import (
    RADIUS_M,
    Calendar,
    Known,
    Problem,
    check_days,
    point_of,
    radius_of,
    short,
)

COLUMNS = ("kind", "name", "first_day", "last_day", "latitude", "longitude", "radius_m", "stores", "skus")
_NEEDED = ("kind", "first_day")
_SHOWN_MAX = 5
_Value = TypeVar("_Value")


class _UnusableError(Exception):
    """A row is not used; the argument is its Problem."""


def read_csv(text: str, known: Known | None = None) -> Calendar:
    """The events of a file with a row of headings. Commas or semicolons separate; a broken row is told and left out.

    known: the stores and items that a row may name; others are told and left out. None: any.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines:
        return Calendar(
            [], [Problem(1, "", f"the file is empty; its first line names columns of {', '.join(COLUMNS)}")]
        )
    semicolons = lines[0].count(";") > lines[0].count(",")
    rows = csv.reader(lines, delimiter=";" if semicolons else ",")
    headings = [heading.strip().lower() for heading in next(rows)]
    missing = [name for name in _NEEDED if name not in headings]
    if missing:
        return Calendar([], [Problem(1, missing[0], f"the first line names no column {' and '.join(missing)}")])
    strange = [Problem(1, name, f"no column is called so; there are {', '.join(COLUMNS)}")
               for name in headings if name not in COLUMNS]  # fmt: skip
    calendar = Calendar([], strange)
    try:
        for cells in rows:
            if any(cell.strip() for cell in cells):
                row = dict(zip(headings, map(str.strip, cells), strict=False))
                _take(calendar, rows.line_num, row, known)
    except csv.Error as error:
        calendar.problems.append(Problem(rows.line_num, "", f"this line is no CSV ({error}); what follows is not read"))
    return calendar


def _take(calendar: Calendar, line: int, row: Mapping[str, str], known: Known | None) -> None:
    try:
        event = _event(line, row)
        stores = _known(calendar, line, "stores", event.stores, None if known is None else known.stores)
        skus = _known(calendar, line, "skus", event.skus, None if known is None else known.skus)
    except _UnusableError as error:
        calendar.problems.append(error.args[0])
    else:
        calendar.events.append(event._replace(stores=stores, skus=skus))


def _known(
    calendar: Calendar, line: int, column: str, named: frozenset[str] | None, known: frozenset[str] | None
) -> frozenset[str] | None:
    """The names that the pool has; the others are told. A row with no other name is not used."""
    unknown = sorted(named - known) if named is not None and known is not None else []
    if named is None or not unknown:
        return named
    rest = "the row counts for the others" if len(unknown) < len(named) else "the row is not used"
    more = f" and {len(unknown) - _SHOWN_MAX} more" if len(unknown) > _SHOWN_MAX else ""
    text = f"the pool has no {column} {', '.join(unknown[:_SHOWN_MAX])}{more}; {rest}"
    problem = Problem(line, column, text)
    if len(unknown) == len(named):
        raise _UnusableError(problem)
    calendar.problems.append(problem)
    return named - frozenset(unknown)


def _event(line: int, row: Mapping[str, str]) -> Event:
    def cell(column: str, read: Callable[[str], _Value]) -> _Value | None:
        text = row.get(column, "")
        try:
            return read(text) if text else None
        except ValueError as error:
            raise _UnusableError(Problem(line, column, str(error))) from None

    kind, name, first = cell("kind", _kind), cell("name", short), cell("first_day", _day)
    if not kind:
        raise _UnusableError(Problem(line, "kind", "it is empty; write what kind of event it is, as street fair"))
    if first is None:
        raise _UnusableError(Problem(line, "first_day", "it is empty; write a date, as 2026-07-04"))
    last = cell("last_day", _day) or first
    try:
        check_days(first, last)
    except ValueError as error:
        raise _UnusableError(Problem(line, "last_day", str(error))) from None
    latitude, longitude = cell("latitude", _degrees), cell("longitude", _degrees)
    if (latitude is None) != (longitude is None):
        raise _UnusableError(Problem(line, "latitude", "a place has a latitude and a longitude; one is missing"))
    place = None
    if latitude is not None and longitude is not None:
        try:
            place = point_of(latitude, longitude)
        except ValueError as error:
            raise _UnusableError(Problem(line, "latitude", str(error))) from None
    radius = cell("radius_m", radius_of)
    return Event(
        kind, name or kind, first, last, place, (RADIUS_M if radius is None else radius) if place else 0,
        cell("stores", _names), cell("skus", _names),
    )  # fmt: skip


def _kind(text: str) -> str:
    return short(text.lower())


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date; write year-month-day, as 2026-07-04") from None


def _degrees(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise ValueError(f"{text!r} is no number of degrees; write it as 50.8075") from None


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())
