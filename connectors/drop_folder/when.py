"""Dates and times as tills and spreadsheets write them, to instants.

Whether 3/4/26 is in March or in April, the file's other dates show, or a clock in the United States, or the option
time_format; where none of them does, it is refused with both readings.
"""

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.contract import Refused
from connectors.parsing.quantities import shorten
from connectors.parsing.times import instant_ms

DateOrder = Literal["ymd", "dmy", "mdy"]
_CLOCK = (
    r"(?P<hour>\d{1,2})[:.h](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:\.\d{1,9})?)?(?: ?(?P<half>[ap])\.?m\.?)?"
    r"(?: uhr| uur)?(?: (?P<zone>[a-z]{2,5}))?"
)
_AT = rf"(?:(?:[ t]|, ?| at ){_CLOCK})?"
_NUMERIC = re.compile(
    rf"(?P<a>\d{{1,4}})(?P<sep>[./-])(?P<b>\d{{1,2}})(?P=sep)(?P<c>\d{{4}}|\d{{2}})\.?{_AT}", re.ASCII
)
_DAY_FIRST = re.compile(
    r"(?:[a-z]{2,4}\.?,? )?(?P<day>\d{1,2})[. -]{1,2}(?P<month>[^\W\d_]{3,9})[. -]{1,2}"
    rf"(?P<year>\d{{4}}|\d{{2}}){_AT}"
)
_MONTH_FIRST = re.compile(
    rf"(?:[a-z]{{3}},? )?(?P<month>[^\W\d_]{{3,9}})\.? (?P<day>\d{{1,2}}),? (?P<year>\d{{4}}){_AT}"
)
_SERIAL = re.compile(r"(?P<day>\d{5})(?:(?P<fraction>\.\d+)| (?P<clock>0?\.\d+)| 0)?", re.ASCII)
_DAY_AND_FRACTION = re.compile(r"(?P<day>\S+) (?P<clock>0?\.\d+|0)", re.ASCII)
_BARE_CLOCK = re.compile(_CLOCK)
_SERIAL_FROM, _SERIAL_UNTIL = 36_526, 73_051
"""The years 2000 to 2099 as Excel counts days."""
_SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001  a day, and no instant
_MONTH_NAMES = (
    "jan january januar janvier janv enero ene gennaio gen januari",
    "feb february februar février fevrier févr fév febrero febbraio februari",
    "mar march märz maerz mrz mär mars marzo maart mrt",
    "apr april avril avr abril abr aprile",
    "may mai mayo maggio mag mei",
    "jun june juni juin junio giugno giu",
    "jul july juli juillet juil julio luglio lug",
    "aug august août aout agosto ago augustus",
    "sep sept september septembre septiembre settembre set",
    "oct october oktober okt octobre octubre ottobre ott",
    "nov november novembre noviembre",
    "dec december dezember dez décembre decembre déc diciembre dic dicembre",
)
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, start=1) for name in names.split()}
"""In English, German, French, Spanish, Italian and Dutch."""
_UNITED_STATES = frozenset(
    f"America/{city}"
    for city in (
        "New_York", "Detroit", "Chicago", "Menominee", "Denver", "Boise", "Phoenix", "Los_Angeles", "Anchorage",
        "Juneau", "Sitka", "Nome", "Adak", "Kentucky/Louisville", "Kentucky/Monticello", "Indiana/Indianapolis",
        "Indiana/Vincennes", "Indiana/Winamac", "Indiana/Marengo", "Indiana/Petersburg", "Indiana/Vevay",
        "Indiana/Tell_City", "Indiana/Knox", "North_Dakota/Center", "North_Dakota/New_Salem", "North_Dakota/Beulah",
    )
) | {"Pacific/Honolulu"}  # fmt: skip
_RAILS_ZONES = {
    "eastern time (us & canada)": "America/New_York", "central time (us & canada)": "America/Chicago",
    "mountain time (us & canada)": "America/Denver", "pacific time (us & canada)": "America/Los_Angeles",
    "arizona": "America/Phoenix", "alaska": "America/Anchorage", "hawaii": "Pacific/Honolulu",
    "indiana (east)": "America/Indiana/Indianapolis", "atlantic time (canada)": "America/Halifax",
    "newfoundland": "America/St_Johns", "saskatchewan": "America/Regina", "london": "Europe/London",
    "edinburgh": "Europe/London", "dublin": "Europe/Dublin", "paris": "Europe/Paris", "madrid": "Europe/Madrid",
    "berlin": "Europe/Berlin", "sydney": "Australia/Sydney", "melbourne": "Australia/Melbourne",
    "brisbane": "Australia/Brisbane", "adelaide": "Australia/Adelaide", "perth": "Australia/Perth",
    "hobart": "Australia/Hobart", "darwin": "Australia/Darwin", "canberra": "Australia/Sydney", "tokyo": "Asia/Tokyo",
    "osaka": "Asia/Tokyo", "auckland": "Pacific/Auckland",
}  # fmt: skip
"""The names by which Square and others call the zones of the countries where they sell."""
_BLANKS = re.compile(r"[\s\u00a0\u202f\u2009]+")
_CLOCK_DIRECTIVE = re.compile(r"%-?[HIMSpXcTR]")
_LAST_OF_DAY = timedelta(hours=23, minutes=59, seconds=59)


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant in ms since 1970 UTC; of a bare day, its first instant and its last second."""

    at_ms: int
    day_end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class TimeReader:
    """The way in which the times of one file are read.

    orders: those that all dates between slashes or hyphens fit; time_format: the operator's, of strptime.
    """

    zone: ZoneInfo
    time_format: str | None = None
    orders: frozenset[DateOrder] = frozenset({"dmy", "mdy"})

    def moment(self, text: str) -> Moment:
        """Raises Refused."""
        if self.time_format:
            text = _BLANKS.sub(" ", text.strip())
            at_ms = instant_ms(text, self.zone, self.time_format)
            if _CLOCK_DIRECTIVE.search(self.time_format):
                return Moment(at_ms)
            start = datetime.fromtimestamp(at_ms / 1000, self.zone).replace(tzinfo=None)
            return self._moment(start, has_clock=False)
        try:
            return Moment(instant_ms(text, self.zone))
        except Refused as refused:
            text = _BLANKS.sub(" ", text.strip())
            if not text.isascii() or len(text) <= 64:
                found = self._read(text, refused)
                if found is not None:
                    return found
            raise

    def _read(self, text: str, refused: Refused) -> Moment | None:
        lower = text.lower()
        fraction = _DAY_AND_FRACTION.fullmatch(lower)
        if fraction and not _SERIAL.fullmatch(lower):
            day = self._read(fraction["day"], refused)
            if day is None or day.day_end_ms is None:
                return None
            start = datetime.fromtimestamp(day.at_ms / 1000, self.zone).replace(tzinfo=None)
            return self._moment(start + _of_day(fraction["clock"]), has_clock=True)
        serial = _SERIAL.fullmatch(lower)
        if serial:
            days = int(serial["day"])
            if not _SERIAL_FROM <= days < _SERIAL_UNTIL:
                return None
            clock = serial["fraction"] or serial["clock"]
            return self._moment(_SERIAL_ZERO + timedelta(days) + _of_day(clock or "0"), has_clock=clock is not None)
        if _BARE_CLOCK.fullmatch(lower):
            raise Refused(
                f"{shorten(text)} is a time of day without its day; if that stands in another column, map both to "
                "occurred_at in the option columns, the day first"
            ) from refused
        parts = _NUMERIC.fullmatch(lower)
        if parts:
            year, month, day_of_month = self._numeric(text, parts)
        else:
            parts = _DAY_FIRST.fullmatch(lower) or _MONTH_FIRST.fullmatch(lower)
            if parts is None or parts["month"] not in _MONTHS:
                return None
            year, month, day_of_month = int(parts["year"]), _MONTHS[parts["month"]], int(parts["day"])
        year += 2000 if year < 100 else 0
        if not (1 <= month <= 12 and 1970 <= year <= 9998 and 1 <= day_of_month <= monthrange(year, month)[1]):
            raise Refused(f"{shorten(text)} names a day that there is not") from refused
        moment = datetime(year, month, day_of_month)  # noqa: DTZ001  the zone follows
        if parts["hour"] is None:
            return self._moment(moment, has_clock=False)
        return self._clocked(text, moment, parts)

    def _numeric(self, text: str, parts: re.Match[str]) -> tuple[int, int, int]:
        first, second, third = int(parts["a"]), int(parts["b"]), int(parts["c"])
        if len(parts["a"]) > 2:
            return first, second, third
        if parts["sep"] == "." or second == first:
            return third, second, first
        orders = set(self.orders)
        if len(orders) > 1 and self.zone.key in _UNITED_STATES:
            orders = {"mdy"}
        if first > 12:
            orders = {"dmy"}
        elif second > 12:
            orders = {"mdy"}
        if len(orders) == 1:
            return (third, second, first) if "dmy" in orders else (third, first, second)
        year = third + (2000 if third < 100 else 0)
        if not (1 <= first <= 12 and 1 <= second <= 12):
            raise Refused(f"{shorten(text)} names a day that there is not")
        readings = f"{date(year, second, first):%d %B %Y} or as {date(year, first, second):%d %B %Y}"
        raise Refused(
            f"{shorten(text)} can be read in two ways, as {readings}, and no other date of the file shows which: "
            f"set the option time_format, to {_format_of(parts, 'dmy')!r} or to {_format_of(parts, 'mdy')!r}"
        )

    def _clocked(self, text: str, day: datetime, parts: re.Match[str]) -> Moment:
        hour, minute, second = int(parts["hour"]), int(parts["minute"]), int(parts["second"] or 0)
        if parts["half"]:
            if not 1 <= hour <= 12:
                raise Refused(f"{shorten(text)} is no time on a clock of twelve hours")
            hour = hour % 12 + (12 if parts["half"] == "p" else 0)
        if hour > 23 or minute > 59 or second > 59:
            raise Refused(f"{shorten(text)} is no time of day")
        at = day.replace(hour=hour, minute=minute, second=second)
        named = (parts["zone"] or "").upper()
        if named in ("UTC", "GMT", "Z") and named != (at.replace(tzinfo=self.zone).tzname() or ""):
            return Moment(int(at.replace(tzinfo=UTC).timestamp()) * 1000)
        if named:
            folds = [fold for fold in (0, 1) if at.replace(tzinfo=self.zone, fold=fold).tzname() == named]
            if not folds:
                raise Refused(f"{shorten(text)} is in the time zone {named}, and the store in {self.zone.key}")
            return Moment(int(at.replace(tzinfo=self.zone, fold=folds[0]).timestamp()) * 1000)
        return self._moment(at, has_clock=True)

    def _moment(self, at: datetime, *, has_clock: bool) -> Moment:
        at_ms = instant_ms(at.isoformat(), self.zone)
        if has_clock:
            return Moment(at_ms)
        return Moment(at_ms, instant_ms((at + _LAST_OF_DAY).isoformat(), self.zone))


def orders_shown(cells: Iterable[str]) -> frozenset[DateOrder]:
    """The orders of day and month that `cells` show: none without evidence, both when they contradict each other."""
    shown: set[DateOrder] = set()
    for cell in cells:
        if "/" not in cell and "-" not in cell[:4]:
            continue
        parts = _NUMERIC.match(_BLANKS.sub(" ", cell.strip().lower()))
        if parts and parts["sep"] != "." and len(parts["a"]) <= 2:
            if int(parts["a"]) > 12:
                shown.add("dmy")
            elif int(parts["b"]) > 12:
                shown.add("mdy")
    return frozenset(shown)


def looks_like_time(text: str) -> bool:
    """True for a date, with or without a time of day, in any of the forms that are read."""
    try:
        return not _SERIAL.fullmatch(text.strip()) and TimeReader(ZoneInfo("America/New_York")).moment(text).at_ms > 0
    except Refused:
        return False


def is_in_united_states(zone: ZoneInfo) -> bool:
    """Whether the month stands before the day on its clocks."""
    return zone.key in _UNITED_STATES


def zone_named(text: str, store: ZoneInfo) -> ZoneInfo:
    """The time zone of a till's name for it: of IANA, as Europe/Berlin, or of Rails. Raises Refused."""
    name = _RAILS_ZONES.get(text.strip().lower(), text.strip())
    if name == store.key:
        return store
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused(f"{shorten(text)} is not a time zone that is known, such as {store.key}") from error


def _of_day(fraction: str) -> timedelta:
    return timedelta(seconds=round(float(fraction) * 86_400))


def _format_of(parts: re.Match[str], order: DateOrder) -> str:
    """The format of strptime for texts like this one."""
    year = "%y" if len(parts["c"]) == 2 else "%Y"
    day = parts["sep"].join({"dmy": ("%d", "%m", year), "mdy": ("%m", "%d", year), "ymd": (year, "%m", "%d")}[order])
    if parts["hour"] is None:
        return day
    seconds = ":%S" if parts["second"] else ""
    return f"{day} %I:%M{seconds} %p" if parts["half"] else f"{day} %H:%M{seconds}"
