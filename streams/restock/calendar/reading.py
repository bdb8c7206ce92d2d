"""A calendar that was read: what could be used of it, and what could not, with its place."""

from datetime import date
from typing import NamedTuple

from schemas.models.base import TEXT_MAX
from schemas.models.local_calendar import EVENT_DAYS_MAX, RADIUS_MAX_M
from streams.pool.orders.geo import Point
from streams.restock.calendar.events import Event

RADIUS_M = 1_000
"""How far an event with a place reaches when nobody says: a quarter of an hour's walk."""


class Problem(NamedTuple):
    """A part of a calendar that is not used."""

    row: int
    """From 1: the line of a CSV file, the place of an event among those of an iCalendar file."""
    column: str
    """As the file has it: `first_day`, `DTSTART`."""
    message: str
    """Says what is wrong and what to write instead."""


class Known(NamedTuple):
    """The stores and items that a pool has."""

    stores: frozenset[str]
    skus: frozenset[str]


class Calendar(NamedTuple):
    """The events of a file, and what was left out."""

    events: list[Event]
    problems: list[Problem]


def point_of(latitude: float, longitude: float) -> Point:
    """A place, in millionths of a degree. Raises ValueError for one that is not on Earth."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError(f"{latitude}, {longitude} is no latitude and longitude in degrees")
    return round(latitude * 1_000_000), round(longitude * 1_000_000)


def radius_of(text: str) -> int:
    """Whole metres. Raises ValueError for anything else."""
    if not text.isascii() or not text.isdigit() or int(text) > RADIUS_MAX_M:
        raise ValueError(f"{text!r} is no radius: write whole metres up to {RADIUS_MAX_M}, as 800")
    return int(text)


def short(text: str) -> str:
    """A kind or a name. Raises ValueError for one that is too long."""
    if len(text) > TEXT_MAX:
        raise ValueError(f"{text[:20]!r}… has {len(text)} characters: write {TEXT_MAX} at most")
    return text


def check_days(first: date, last: date) -> None:
    """Raise ValueError for days that are no event's."""
    if last < first:
        raise ValueError(f"{last} is before the first day, {first}")
    if (last - first).days >= EVENT_DAYS_MAX:
        raise ValueError(f"{last} is more than {EVENT_DAYS_MAX - 1} days after {first}; make it several events")
