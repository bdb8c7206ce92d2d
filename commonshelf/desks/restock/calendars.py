"""Local calendars at the desk: files become settings of a pool; what the pool has learned of their events."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from commonshelf.config.names import check_name
from commonshelf.config.publishing import current, publish_settings
from commonshelf.desks.onboarding import config_changes, settings_in, stores_of
from commonshelf.desks.restock.state import PoolState
from commonshelf.stack.connection import Connection
from messaging.clock import wall_clock_ms
from messaging.errors import UserError
from schemas.models.config import ConfigChange
from schemas.models.local_calendar import LocalCalendar
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS
from streams.restock.calendar.csv_file import read_csv
from streams.restock.calendar.events import Event, kinds_named
from streams.restock.calendar.icalendar_file import read_icalendar
from streams.restock.calendar.reading import Calendar, Known
from streams.restock.forecast.rates import kind_uplifts

_AROUND_DAYS = 400
"""Days before and after today of which an iCalendar's repeated events are written out."""
_YEARS = 3
"""Of public holidays: last year's, so that what they do is learned of past sales, this year's and those of two more."""


class UnusableCalendarError(UserError):
    """A file that is no calendar at all."""


def read_calendar(file: Path, zone: ZoneInfo, known: Known, today: date) -> Calendar:
    """The events of a file, and what was left out. Raises UnusableCalendarError."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UnusableCalendarError(
            f"{file} cannot be read ({error.strerror}); check the path and its rights"
        ) from None
    except UnicodeDecodeError as error:
        raise UnusableCalendarError(
            f"{file} is not text in UTF-8 (byte {error.start + 1}); save it anew as UTF-8"
        ) from None
    if file.suffix.lower() == ".ics" or text.startswith("BEGIN:VCALENDAR"):
        around = timedelta(days=_AROUND_DAYS)
        return read_icalendar(text, zone, today - around, today + around)
    return read_csv(text, known)


def holidays_around(country: str, region: str | None, today: date) -> list[Event]:
    """Public holidays, and the days before them, from last year on. Raises UnusableCalendarError for a country or
    region that nobody knows.
    """
    from streams.restock.calendar.public_holidays import UnknownRegionError, public_holidays

    try:
        return public_holidays(country, region, date(today.year - 1, 1, 1), date(today.year + _YEARS - 1, 12, 31))
    except UnknownRegionError as error:
        raise UnusableCalendarError(str(error)) from None


def names_of(connection: Connection, pool: str) -> Known:
    """The stores and items that events may name. Raises UnknownNameError."""
    home = [partition_of(pool, connection.settings.partitions)]
    items = (one["sku"] for one in current(connection.kafka_options, CATALOG_ITEMS.name, home) if one["pool"] == pool)
    return Known(frozenset(one.store for one in stores_of(connection, pool)), frozenset(items))


def told(name: str, events: Iterable[Event]) -> dict[str, object]:
    """A LocalCalendar of the events, yet to be checked."""
    ordered = sorted(events, key=lambda one: (one.first_day, one.name, one.kind))
    return {"calendar": name, "events": [_told(one) for one in ordered]}


def publish_calendar(connection: Connection, pool: str, calendar: LocalCalendar) -> bool:
    """Acknowledged by Kafka when it returns; False when it stands already. Raises UnknownNameError."""
    settings_in(config_changes(connection), pool)
    change = ConfigChange(pool=pool, recorded_at_ms=wall_clock_ms(), origin="operator", change=calendar)
    return publish_settings(connection.kafka_options, connection.settings.partitions, [change]) > 0


def calendars_of(connection: Connection, pool: str) -> list[LocalCalendar]:
    """Those of a pool that have events, by name. Raises UnknownNameError."""
    changes = list(config_changes(connection))
    settings_in(changes, pool)
    found = [one.change for one in changes if one.pool == pool]
    calendars = (one for one in found if isinstance(one, LocalCalendar) and one.events)
    return sorted(calendars, key=lambda one: one.calendar)


def remove_calendar(connection: Connection, pool: str, name: str) -> None:
    """Have its events count no more. Raises UnknownNameError."""
    check_name("calendar", name, [one.calendar for one in calendars_of(connection, pool)], f"pool {pool}")
    publish_calendar(connection, pool, LocalCalendar(calendar=name))


class KindLearned(NamedTuple):
    """A kind of events, and what it does to demand."""

    kind: str
    events: int
    """Of the calendars as they stand."""
    prior_permille: int
    """The uplift to start from."""
    uplift_permille: int
    """What sales have made of it."""
    sold_milli: int
    """Sold on such days, thousandths of a unit or of 0.1 kg or l; older ones count less."""


def kinds_learned(calendars: Sequence[LocalCalendar], state: PoolState | None) -> list[KindLearned]:
    """The kinds by name. Without a state nothing is learned yet."""
    events = Counter(event.kind for calendar in calendars for event in calendar.events)
    names = [] if state is None else state.history.row["kinds"]
    kinds = kinds_named([*names, *sorted(events.keys() - set(names))])
    learned = {}
    if state is not None:
        _, known = state.learner.outlook()
        uplifts = kind_uplifts(kinds[: len(names)], known)
        learned = {
            name: (round(1000 * float(uplifts[number])), int(known.uplift_sold[number].sum()) // 1000)
            for number, name in enumerate(names)
        }
    return sorted(
        KindLearned(
            kind.name, events[kind.name], kind.prior_permille, *learned.get(kind.name, (kind.prior_permille, 0))
        )
        for kind in kinds
    )


def _told(event: Event) -> dict[str, object]:
    latitude, longitude = (None, None) if event.place is None else event.place
    return {
        "kind": event.kind, "name": event.name, "first_day": event.first_day.isoformat(),
        "last_day": event.last_day.isoformat(), "latitude_e6": latitude, "longitude_e6": longitude,
        "radius_m": event.radius_m, "stores": sorted(event.stores or ()), "skus": sorted(event.skus or ()),
    }  # fmt: skip
