"""Opening hours: when a store's working time has passed, in the pool's time zone.

A store without opening hours works around the clock, but for its closed days.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TypedDict
from zoneinfo import ZoneInfo

from schemas.types.config import OpeningHours, StoreSettings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_TIME_MAX_MS = 249_000_000_000_000
"""In the year 9860: what is later counts as then."""
_DAY_MAX = "9860-01-01"
_DAYS_AHEAD = 400
_MIDNIGHT = 1440
_AROUND_THE_CLOCK = ((0, _MIDNIGHT),)
_zone = lru_cache(ZoneInfo)


class Hours(TypedDict):
    """Opening hours and closed days of a store, or of a place of pickup."""

    opening: list[OpeningHours]
    closed_days: list[str]


def local_day(zone: str, at_ms: int) -> int:
    """Days since 1970 on the calendar of `zone`."""
    return _local(zone, at_ms).toordinal() - _EPOCH.toordinal()


def local_hour(zone: str, at_ms: int) -> int:
    """Hour of the day on the clock of `zone`, 0 to 23."""
    return _local(zone, at_ms).hour


def takes_part(store: StoreSettings, zone: str, at_ms: int) -> bool:
    """Does the store take part in its pool on that day, by its first and its last one?"""
    if store["first_day"] is None and store["last_day"] is None:
        return True
    today = _local(zone, at_ms).date().isoformat()
    return (store["first_day"] or today) <= today <= (store["last_day"] or today)


def next_turn_ms(store: StoreSettings, zone: str, at_ms: int) -> int | None:
    """When that is another way next, at the earliest, ms since 1970; None for never."""
    today = _local(zone, at_ms).date().isoformat()
    first, last = store["first_day"], store["last_day"]
    if first is not None and today < first:
        return _at_wall_clock(zone, date.fromisoformat(first), 0)
    if last is not None and today <= last < _DAY_MAX:
        return _at_wall_clock(zone, date.fromisoformat(last) + timedelta(days=1), 0)
    return None


def business_day(store: StoreSettings, zone: str, at_ms: int) -> int:
    """The day that the store counts a time to, in days since 1970.

    It is the calendar's, but for a store that is open over midnight: until it closes, the day before goes on.
    """
    at, day = _local(zone, at_ms), local_day(zone, at_ms)
    yesterday = (at.isoweekday() + 5) % 7 + 1
    stays_open = any(span["weekday"] == yesterday and span["closes_minute"] == _MIDNIGHT for span in store["opening"])
    for span in store["opening"]:
        is_night = (
            span["weekday"] == at.isoweekday() and span["opens_minute"] == 0 and span["closes_minute"] < _MIDNIGHT
        )
        if stays_open and is_night and at.hour * 60 + at.minute < span["closes_minute"]:
            return day - 1
    return day


def local_time_ms(zone: str, day: int, minute: int) -> int:
    """Ms since 1970 of a minute of a day, given in days since 1970, on the clock of `zone`."""
    return _at_wall_clock(zone, date.fromordinal(day + _EPOCH.toordinal()), minute)


def working_time_until(store: StoreSettings, zone: str, now_ms: int, until_ms: int, enough_ms: int) -> bool:
    """Does the store have `enough_ms` of opening time between the two?"""
    return time_after(store, zone, now_ms, enough_ms) <= until_ms


def time_after(store: StoreSettings | Hours, zone: str, now_ms: int, span_ms: int) -> int:
    """When `span_ms` of the store's opening time have passed; of a store that never opens, a year and more ahead."""
    if not store["opening"] and not store["closed_days"]:
        return now_ms + span_ms
    left_ms = span_ms
    for opens_ms, closes_ms in opening_spans(store, zone, now_ms):
        open_ms = closes_ms - max(opens_ms, now_ms)
        if open_ms >= left_ms:
            return max(opens_ms, now_ms) + left_ms
        left_ms -= max(open_ms, 0)
    return now_ms + _DAYS_AHEAD * 86_400_000


def opening_time_between(store: StoreSettings | Hours, zone: str, from_ms: int, until_ms: int) -> int:
    """The store's opening time between the two, ms; 0 when `until_ms` is not later."""
    total_ms = 0
    for opens_ms, closes_ms in opening_spans(store, zone, from_ms):
        if opens_ms >= until_ms:
            break
        total_ms += max(0, min(closes_ms, until_ms) - max(opens_ms, from_ms))
    return total_ms


def opening_spans(store: StoreSettings | Hours, zone: str, from_ms: int) -> Iterator[tuple[int, int]]:
    """(opens, closes) in ms since 1970, of the day that `from_ms` is on and of the 400 days from it on."""
    if not store["opening"] and not store["closed_days"]:
        yield from_ms, from_ms + _DAYS_AHEAD * 86_400_000
        return
    first, closed_days = _local(zone, from_ms).date(), store["closed_days"]
    for days in range(_DAYS_AHEAD):
        day = first + timedelta(days=days)
        if closed_days and day.isoformat() in closed_days:
            continue
        for opens, closes in _minutes(store, day.isoweekday()):
            yield _at_wall_clock(zone, day, opens), _at_wall_clock(zone, day, closes)


@lru_cache(maxsize=65_536)
def _at_wall_clock(zone: str, day: date, minute: int) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=_zone(zone))
    return (midnight + timedelta(minutes=minute) - _EPOCH) // _MS  # within a zone, sums are of the wall clock


def _minutes(store: StoreSettings | Hours, weekday: int) -> tuple[tuple[int, int], ...]:
    if not store["opening"]:
        return _AROUND_THE_CLOCK
    found = [(span["opens_minute"], span["closes_minute"]) for span in store["opening"] if span["weekday"] == weekday]
    return tuple(found if len(found) < 2 else sorted(found))


@lru_cache(maxsize=1_024)
def _local(zone: str, at_ms: int) -> datetime:
    return (_EPOCH + max(0, min(at_ms, _TIME_MAX_MS)) * _MS).astimezone(_zone(zone))
