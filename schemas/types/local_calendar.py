"""The records of `schemas/records/local_calendar`. Made by `python -m schemas.generate`; change these."""

from typing import TypedDict


class LocalEvent(TypedDict):
    """Something on one day or more that draws customers or keeps them away."""

    kind: str
    name: str
    first_day: str
    last_day: str
    latitude_e6: int | None
    longitude_e6: int | None
    radius_m: int
    stores: list[str]
    skus: list[str]


class LocalCalendar(TypedDict):
    """Events that an operator knows of, as one file told them. Said again, it is as said, whole."""

    calendar: str
    events: list[LocalEvent]
