"""Local calendars: events that are known ahead to change demand. Their Avro records are made from these models."""

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.models.base import Day, Name, Record, Text

EVENTS_MAX = 2_000
NAMES_MAX = 10_000
EVENT_DAYS_MAX = 400
RADIUS_MAX_M = 500_000


class LocalEvent(Record):
    """Something on one day or more that draws customers or keeps them away."""

    kind: Text
    """Of which uplifts are learned, in small letters: street fair, leaflet, or a new one."""
    name: Text
    """For people."""
    first_day: Day
    """As 2026-07-04, by the store's business day."""
    last_day: Day
    """The same; of an event of one day the same day."""
    latitude_e6: Annotated[int, Field(ge=-90_000_000, le=90_000_000)] | None = None
    """Of its place, millionths of a degree; null when it has none and reaches all stores."""
    longitude_e6: Annotated[int, Field(ge=-180_000_000, le=180_000_000)] | None = None
    """The same, east of Greenwich."""
    radius_m: Annotated[int, Field(ge=0, le=RADIUS_MAX_M)] = 0
    """How far from its place a store feels it, metres."""
    stores: Annotated[tuple[Name, ...], Field(max_length=1_000)] = ()
    """Stores that it reaches; none for all within its radius."""
    skus: Annotated[tuple[Text, ...], Field(max_length=5_000)] = ()
    """Items that it reaches; none for all."""

    @model_validator(mode="after")
    def _has_days_and_a_whole_place(self) -> Self:
        days = [date.fromisoformat(day) for day in (self.first_day, self.last_day)]  # ValueError for no date
        if not 0 <= (days[1] - days[0]).days < EVENT_DAYS_MAX:
            raise ValueError(f"last_day must be no more than {EVENT_DAYS_MAX - 1} days after first_day, and not before")
        if (self.latitude_e6 is None) != (self.longitude_e6 is None):
            raise ValueError("a place has a latitude and a longitude; one is missing")
        return self


class LocalCalendar(Record):
    """Events that an operator knows of, as one file told them. Said again, it is as said, whole."""

    calendar: Name
    """Its id; one that is told without events is taken away."""
    events: Annotated[tuple[LocalEvent, ...], Field(max_length=EVENTS_MAX)] = ()
    """By first day, then by name."""

    @model_validator(mode="after")
    def _names_so_many_that_a_record_holds_them(self) -> Self:
        if sum(len(event.stores) + len(event.skus) for event in self.events) > NAMES_MAX:
            raise ValueError(f"its events name more than {NAMES_MAX} stores and items together; make it two calendars")
        return self
