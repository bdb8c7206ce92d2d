"""Settlement windows on the members' own clock."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.types.agreement import SettlementWindow

LATEST_MS = 253_370_764_800_000
"""The year 9999, whose end no calendar passes: what is later counts as of then."""
_MINUTE_MS = 60_000


def window_of(at_ms: int, terms: SettlementWindow) -> tuple[int, int]:
    """(Start, end) of the window that holds `at_ms`, ms since 1970 UTC; the end is the next one's start."""
    if terms["every"] == "minutes":
        length_ms = terms["minutes"] * _MINUTE_MS
        return at_ms - at_ms % length_ms, at_ms - at_ms % length_ms + length_ms
    zone = ZoneInfo(terms["time_zone"])
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    day = local.date()
    # A clock that is set back shows the cut-off twice: the first one counts, so look a day ahead and go back.
    start = _first_day(day + timedelta(days=1), terms)
    while _cut_off_ms(start, terms, zone) > at_ms:
        start = _first_day(start - timedelta(days=1), terms)
    return _cut_off_ms(start, terms, zone), _cut_off_ms(_next(start, terms), terms, zone)


def _first_day(day: date, terms: SettlementWindow) -> date:
    """The last day, `day` at latest, on which a window begins."""
    if terms["every"] == "daily":
        return day
    if terms["every"] == "weekly":
        return day - timedelta(days=(day.isoweekday() - terms["starts_on"]) % 7)
    if day.day >= terms["starts_on"]:
        return day.replace(day=terms["starts_on"])
    return (day.replace(day=1) - timedelta(days=1)).replace(day=terms["starts_on"])


def _next(start: date, terms: SettlementWindow) -> date:
    if terms["every"] == "daily":
        return start + timedelta(days=1)
    if terms["every"] == "weekly":
        return start + timedelta(days=7)
    return (start.replace(day=1) + timedelta(days=32)).replace(day=terms["starts_on"])


def _cut_off_ms(day: date, terms: SettlementWindow, zone: ZoneInfo) -> int:
    hour, minute = divmod(terms["cut_off_minute"], 60)
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
    return int(local.timestamp() * 1000)
