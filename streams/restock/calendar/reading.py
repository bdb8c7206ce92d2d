"""A calendar that was read: what could be used of it, and what could not, with its place."""

from typing import NamedTuple

from streams.pool.orders.geo import Point
from streams.restock.calendar.events import Event

RADIUS_M = 1_000
"""How far an event with a place reaches when nobody says: a quarter of an hour's walk."""
RADIUS_MAX_M = 500_000


class Problem(NamedTuple):
    """A part of a calendar that is not used."""

    row: int
    """From 1: the line of a CSV file, the place of an event among those of an iCalendar file."""
    column: str
    """As the file has it: `first_day`, `DTSTART`."""
    message: str
    """Says what is wrong and what to write instead."""


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
