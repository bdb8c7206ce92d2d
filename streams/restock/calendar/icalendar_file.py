"""A calendar as iCalendar, RFC 5545: each VEVENT is an event; CATEGORIES, or else SUMMARY, name its kind."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar import Calendar as VCalendar

from streams.restock.calendar.events import Event
from streams.restock.calendar.reading import RADIUS_M, Calendar, Problem, check_days, point_of, radius_of, short

RADIUS_PROPERTY = "X-RADIUS-M"
"""How far an event with a GEO reaches, metres; RFC 5545 has no property for it."""
_Value = TypeVar("_Value", date, timedelta)
_TIMES_MAX = 1_000
"""Dates of one event that repeats."""


def read_icalendar(text: str, zone: ZoneInfo, first_day: date, last_day: date) -> Calendar:
    """The events on the days, last one included; those that repeat on each of their dates.

    zone: in which a time of day is turned into a date. A broken event is told and left out.
    """
    try:
        components = VCalendar.from_ical(text).walk("VEVENT")
    except ValueError as error:
        return Calendar([], [Problem(1, "", f"this is no iCalendar file ({error}); export it anew as .ics")])
    calendar = Calendar([], [])
    for row, component in enumerate(components, start=1):
        try:
            calendar.events.extend(_events(component, zone, first_day, last_day))
        except _UnreadableError as error:
            calendar.problems.append(Problem(row, error.column, str(error)))
    return calendar


class _UnreadableError(Exception):
    """An event cannot be used."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


def _events(component: Any, zone: ZoneInfo, first_day: date, last_day: date) -> Iterator[Event]:
    """The dates of one VEVENT. DTEND is the day after the last one, where both are dates."""
    for name, _ in component.errors:
        raise _UnreadableError(str(name), f"its value is not what RFC 5545 has for {name}")
    begins = _value(component, "DTSTART", date)
    if begins is None:
        raise _UnreadableError("DTSTART", "the event has no beginning")
    begin = _local(begins, zone)
    days = max((_last(component, begin, zone) - begin).days, 0)
    summary = str(component.get("SUMMARY") or "").strip()
    kind = _kind(component) or summary.lower()
    if not kind:
        raise _UnreadableError("SUMMARY", "the event has neither CATEGORIES nor SUMMARY to say what kind it is")
    try:
        kind, summary = short(kind), short(summary)
        check_days(begin, begin + timedelta(days=days))
    except ValueError as error:
        raise _UnreadableError("DTEND" if days else "SUMMARY", str(error)) from None
    place, radius_m = _place(component)
    skipped = set(_exceptions(component, zone))
    for day in _dates(component, begin, first_day - timedelta(days=days), last_day):
        if day not in skipped and day + timedelta(days=days) >= first_day:
            yield Event(kind, summary or kind, day, day + timedelta(days=days), place, radius_m)


def _dates(component: Any, begin: date, first_day: date, last_day: date) -> list[date]:
    rule = component.get("RRULE")
    if rule is None:
        return [begin] if begin <= last_day else []
    if isinstance(rule, list):
        raise _UnreadableError("RRULE", "the event has two rules to repeat; RFC 5545 allows one")
    dates_only = {name: value for name, value in rule.items() if name not in ("BYHOUR", "BYMINUTE", "BYSECOND")}
    until = dates_only.pop("UNTIL", None)
    text = ";".join(f"{name}={','.join(map(str, value))}" for name, value in dates_only.items())
    try:
        dates = rrulestr(text, dtstart=datetime(begin.year, begin.month, begin.day))  # noqa: DTZ001 - dates alone
    except ValueError as error:
        raise _UnreadableError("RRULE", f"the rule to repeat cannot be read: {error}") from None
    end = last_day if until is None else min(last_day, _day(until[0]))
    since = datetime(first_day.year, first_day.month, first_day.day)  # noqa: DTZ001
    found = islice(dates.xafter(since, inc=True), _TIMES_MAX)
    return [one.date() for one in found if one.date() <= end]


def _kind(component: Any) -> str:
    named = [str(one).strip().lower() for part in _listed(component.get("CATEGORIES")) for one in part.cats]
    return next((name for name in named if name), "")


def _place(component: Any) -> tuple[tuple[int, int] | None, int]:
    geo = component.get("GEO")
    if geo is None:
        return None, 0
    try:
        place = point_of(geo.latitude, geo.longitude)
    except ValueError as error:
        raise _UnreadableError("GEO", str(error)) from None
    try:
        return place, radius_of(str(component.get(RADIUS_PROPERTY, RADIUS_M)))
    except ValueError as error:
        raise _UnreadableError(RADIUS_PROPERTY, str(error)) from None


def _last(component: Any, begin: date, zone: ZoneInfo) -> date:
    end = _value(component, "DTEND", date)
    if end is not None:
        return _local(end - timedelta(microseconds=1), zone) if isinstance(end, datetime) else end - timedelta(days=1)
    duration = _value(component, "DURATION", timedelta)
    return begin if duration is None else begin + max(duration - timedelta(days=1), timedelta(0))


def _value(component: Any, name: str, wanted: type[_Value]) -> _Value | None:
    """A property that stands at most once."""
    found = component.get(name)
    if found is None:
        return None
    value = getattr(found, "dt", None)
    if not isinstance(value, wanted):
        raise _UnreadableError(name, f"{name} stands twice, or its value is not what RFC 5545 has for it")
    return value


def _exceptions(component: Any, zone: ZoneInfo) -> Iterator[date]:
    """The dates on which the event is not there."""
    for part in _listed(component.get("EXDATE")):
        for one in part.dts:
            if not isinstance(one.dt, date):
                raise _UnreadableError("EXDATE", "one of its values is no date")
            yield _local(one.dt, zone)


def _local(moment: date, zone: ZoneInfo) -> date:
    if not isinstance(moment, datetime):
        return moment
    local = moment if moment.tzinfo is None else moment.astimezone(zone)
    return local.date()


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _listed(found: Any) -> list[Any]:
    """A property that may stand once, several times or not at all."""
    if found is None:
        return []
    return found if isinstance(found, list) else [found]
