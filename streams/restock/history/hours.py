"""Business days and opening hours of a store, as its history counts them, in the pool's time zone."""

from datetime import date
from functools import lru_cache

from schemas.types.config import StoreSettings
from streams.pool.tasks.opening_hours import business_day, local_day, local_time_ms

__all__ = ["business_day", "close_ms", "date_of", "end_ms", "local_day", "open_ms", "spans"]
_EPOCH = date(1970, 1, 1).toordinal()
_MIDNIGHT = 1440


def date_of(day: int) -> date:
    """The date of days since 1970."""
    return date.fromordinal(max(day, 0) + _EPOCH)


def spans(store: StoreSettings, zone: str, day: int) -> tuple[tuple[int, int], ...]:
    """(opens, closes) of a business day, ms since 1970, in order; none when it is closed.

    What goes on after midnight belongs to the day before. A store without opening hours is open around the clock.
    """
    opening = tuple(sorted((s["weekday"], s["opens_minute"], s["closes_minute"]) for s in store["opening"]))
    closed = tuple(one for one in store["closed_days"] if one in (_iso(day), _iso(day + 1)))
    return _spans(opening, closed, zone, day)


def close_ms(store: StoreSettings, zone: str, day: int) -> int | None:
    """When the business day's opening ends, ms since 1970; None when it is closed all day."""
    found = spans(store, zone, day)
    return found[-1][1] if found else None


def end_ms(store: StoreSettings, zone: str, day: int) -> int:
    """When the business day is over: at midnight, or later when the store is open then."""
    return max(close_ms(store, zone, day) or 0, local_time_ms(zone, day + 1, 0))


def open_ms(store: StoreSettings, zone: str, day: int, from_ms: int, until_ms: int) -> int:
    """Opening time of the business day between two times, ms."""
    return sum(
        max(min(closes, until_ms) - max(opens, from_ms), 0) for opens, closes in spans(store, zone, day)
    )  # fmt: skip


@lru_cache(maxsize=4_096)
def _spans(
    opening: tuple[tuple[int, int, int], ...], closed: tuple[str, ...], zone: str, day: int
) -> tuple[tuple[int, int], ...]:
    if not opening:
        whole = (local_time_ms(zone, day, 0), local_time_ms(zone, day + 1, 0))
        return () if _iso(day) in closed else (whole,)
    found = []
    for calendar_day in (day, day + 1):
        if _iso(calendar_day) in closed:
            continue
        weekday = date_of(calendar_day).isoweekday()
        for on, opens, closes in opening:
            if on == weekday and (calendar_day == day) != _goes_on(opening, on, opens, closes):
                found.append((local_time_ms(zone, calendar_day, opens), local_time_ms(zone, calendar_day, closes)))
    return tuple(sorted(found))


def _goes_on(opening: tuple[tuple[int, int, int], ...], weekday: int, opens: int, closes: int) -> bool:
    """Does the span go on with that of the evening before?"""
    before = (weekday + 5) % 7 + 1
    return opens == 0 and closes < _MIDNIGHT and any(on == before and end == _MIDNIGHT for on, _, end in opening)


def _iso(day: int) -> str:
    return date_of(day).isoformat()
