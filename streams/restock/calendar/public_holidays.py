"""Public holidays and the days before them, as events, from the package `holidays`."""

from collections.abc import Iterator
from datetime import date, timedelta

import holidays

from streams.restock.calendar.events import HOLIDAY_EVE, PUBLIC_HOLIDAY, Event


class UnknownRegionError(ValueError):
    """A country or region whose holidays nobody knows; the message says what to give."""


def public_holidays(country: str, region: str | None, first_day: date, last_day: date) -> list[Event]:
    """The holidays of the days, last one included, and the days before them that are none.

    country: by ISO 3166-1 alpha-2; region: by ISO 3166-2 without the country, or None. Raises UnknownRegionError.
    """
    years = range(first_day.year, last_day.year + 2)
    try:
        found = holidays.country_holidays(country, subdiv=region, years=years)
    except NotImplementedError:
        where = country if region is None else f"{country}-{region}"
        raise UnknownRegionError(
            f"no public holidays are known of {where}; give a country by ISO 3166-1 and a region by ISO 3166-2, "
            "as DE and HE"
        ) from None
    return sorted(_events(dict(found.items()), first_day, last_day), key=lambda event: event.first_day)


def _events(names: dict[date, str], first_day: date, last_day: date) -> Iterator[Event]:
    for day, name in names.items():
        eve = day - timedelta(days=1)
        if first_day <= day <= last_day:
            yield Event(PUBLIC_HOLIDAY, name, day, day)
        if first_day <= eve <= last_day and eve not in names:
            yield Event(HOLIDAY_EVE, f"the day before {name}", eve, eve)
