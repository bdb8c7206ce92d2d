"""Times as tills write them, to milliseconds since 1970 UTC."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.contract import Refused
from connectors.parsing.quantities import shorten

_ISO = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)? ?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII | re.IGNORECASE
)
_DOTTED = re.compile(r"(\d\d?)\.(\d\d?)\.(\d{4})[ T,]+(\d\d?):(\d\d)(?::(\d\d))?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)
"""Every zone has a date for it. Hours later some are past the last day that a calendar has."""
_MS = timedelta(milliseconds=1)
_TEXT_MAX = 64


def instant_ms(text: str, zone: ZoneInfo, time_format: str | None = None) -> int:
    """The instant that `text` names. Raises Refused.

    Without `time_format` (of strptime) it reads ISO 8601 (2026-03-01T09:15:00+01:00; seconds and offset may be
    missing) and 01.03.2026 09:15. A time without an offset is the wall clock of `zone`. Where that clock shows a time
    twice (end of summer time) the first one is meant; a time that it leaves out counts on from before the gap. Refused
    as well is what lies before 1970, or after 9999-12-31T00:00:00Z: every zone has a date for what is read.
    """
    text = text.strip()
    if len(text) > _TEXT_MAX:
        raise Refused(f"{shorten(text)} is too long for a time")
    try:
        moment = datetime.strptime(text, time_format) if time_format else _read(text)  # noqa: DTZ007  zone follows
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone, fold=0)
        at_ms = (moment - _EPOCH) // _MS
    except (ValueError, OverflowError) as error:
        like = f"the format {time_format}" if time_format else "a date and time such as 2026-03-01T09:15:00+01:00"
        raise Refused(f"{shorten(text)} is not {like}") from error
    if at_ms < 0:
        raise Refused(f"{shorten(text)} is before 1970")
    if moment > _LATEST:
        raise Refused(f"{shorten(text)} is after {_LATEST:%Y-%m-%dT%H:%M:%SZ}")
    return at_ms


def local_date(at_ms: int, zone: ZoneInfo) -> str:
    """The calendar day of an instant of `instant_ms` in `zone`, as 2026-03-01."""
    return (_EPOCH + at_ms * _MS).astimezone(zone).date().isoformat()


def minute_text(at_ms: int, zone: ZoneInfo) -> str:
    """An instant to the minute in `zone`, as 2026-03-01 09:15; what no calendar has as the bare number."""
    try:
        return datetime.fromtimestamp(at_ms / 1000, zone).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return f"{at_ms} ms"


def calendar_day(text: str) -> str:
    """A day written 2026-03-01, 20260301 or 01.03.2026, as 2026-03-01. Raises Refused."""
    text = text.strip()
    dotted = re.fullmatch(r"(\d\d?)\.(\d\d?)\.(\d{4})", text, re.ASCII)
    try:
        if dotted:
            return date(int(dotted[3]), int(dotted[2]), int(dotted[1])).isoformat()
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise Refused(f"{shorten(text)} is not a day such as 2026-03-01") from error


def _read(text: str) -> datetime:
    if _ISO.fullmatch(text):
        compact = text.upper().replace(",", ".")
        return datetime.fromisoformat(compact[:10] + compact[10:].replace(" ", "T", 1).replace(" ", ""))
    dotted = _DOTTED.fullmatch(text)
    if dotted is None:
        raise ValueError(text)
    day, month, year, hour, minute, second = (int(part or 0) for part in dotted.groups())
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  the zone follows
