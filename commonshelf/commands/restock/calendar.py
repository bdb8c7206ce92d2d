"""`restock calendar`: what is known ahead to change demand, from files and from the public holidays of a region."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.options import JsonOption, PoolArgument, Where, checked, fail, with_groups

if TYPE_CHECKING:
    from commonshelf.desks.restock.calendars import KindLearned
    from schemas.models.local_calendar import LocalCalendar, LocalEvent
    from streams.restock.calendar.reading import Problem

app = typer.Typer(no_args_is_help=True, help="Local events and public holidays that change demand.")


@app.command()
@with_groups
def add(
    *,
    pool: PoolArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An .ics or .csv file.", show_default=False)],
    name: Annotated[
        str | None, typer.Option("--name", help="Of the calendar; that of the file if left out.", show_default=False)
    ] = None,
    where: Where,
) -> None:
    """Add a calendar of events, or replace the one of that name; the next run knows it.

    What cannot be used is told by row and column, and the rest is used; the exit code is then 1.

    Example: ./shelf restock calendar add riverside fairs.ics

    Example: ./shelf restock calendar add riverside leaflet.csv --name leaflets
    """
    from commonshelf.desks.onboarding import zone_of
    from commonshelf.desks.restock.calendars import names_of, publish_calendar, read_calendar, told
    from commonshelf.text import counted, print_table
    from schemas.models.local_calendar import LocalCalendar

    connection = where.connect()
    zone = zone_of(connection, pool)
    found = read_calendar(file, zone, names_of(connection, pool), datetime.now(zone).date())
    problems: list[Problem] = found.problems
    if problems:
        print_table(("row", "column", "what is wrong"), problems, ("row",))
    if not found.events:
        fail(f"{file} has no event that can be used; nothing is changed")
    calendar = checked(LocalCalendar, told(name or file.stem, found.events), "the calendar", shows_input=True)
    is_new = publish_calendar(connection, pool, calendar)
    count = counted(len(found.events), "event")
    typer.echo(f"calendar {calendar.calendar} of pool {pool}: {count} {'published' if is_new else 'stand already'}")
    if problems:
        raise typer.Exit(1)


@app.command()
@with_groups
def holidays(
    *,
    pool: PoolArgument,
    country: Annotated[str, typer.Argument(metavar="COUNTRY", help="By ISO 3166-1, as DE.", show_default=False)],
    region: Annotated[
        str | None, typer.Argument(metavar="[REGION]", help="By ISO 3166-2, as HE.", show_default=False)
    ] = None,
    where: Where,
) -> None:
    """Add the public holidays of a country or region, and the days before them, until the end of the year after next.

    They are a calendar of the name holidays. Say it again once a year.

    Example: ./shelf restock calendar holidays riverside DE HE
    """
    from commonshelf.desks.onboarding import zone_of
    from commonshelf.desks.restock.calendars import holidays_around, publish_calendar, told
    from commonshelf.text import counted
    from schemas.models.local_calendar import LocalCalendar

    connection = where.connect()
    events = holidays_around(country, region, datetime.now(zone_of(connection, pool)).date())
    is_new = publish_calendar(connection, pool, checked(LocalCalendar, told("holidays", events), "the calendar"))
    count = counted(len(events), "event")
    typer.echo(f"calendar holidays of pool {pool}: {count} {'published' if is_new else 'stand already'}")


@app.command("list")
@with_groups
def list_calendars(*, pool: PoolArgument, where: Where, as_json: JsonOption = False) -> None:
    """List the events that are still to come, and what each kind of event does to demand as sales have shown.

    Example: ./shelf restock calendar list riverside
    """
    from commonshelf.desks.onboarding import zone_of
    from commonshelf.desks.restock.calendars import calendars_of, kinds_learned
    from commonshelf.desks.restock.state import pool_state

    connection = where.connect()
    calendars = calendars_of(connection, pool)
    kinds = kinds_learned(calendars, pool_state(connection, pool))
    if as_json:
        told = {"calendars": [one.model_dump(mode="json") for one in calendars], "kinds": [k._asdict() for k in kinds]}
        print(json.dumps(told, indent=1))
        return
    today = datetime.now(UTC).astimezone(zone_of(connection, pool)).date().isoformat()
    _print_events(pool, calendars, today)
    _print_kinds(kinds)


def _print_events(pool: str, calendars: "list[LocalCalendar]", today: str) -> None:
    from commonshelf.text import print_table

    coming = [
        (event.first_day, event.last_day, event.kind, event.name, _reaches(event), calendar.calendar)
        for calendar in calendars
        for event in calendar.events
        if event.last_day >= today
    ]
    if coming:
        print_table(("from", "until", "kind", "name", "reaches", "calendar"), sorted(coming))
    else:
        typer.echo(f"pool {pool} knows of no events to come; see ./shelf restock calendar add --help")


def _print_kinds(kinds: "list[KindLearned]") -> None:
    from commonshelf.text import print_table, units

    if kinds:
        rows = [
            (one.kind, one.events, one.prior_permille / 1000, one.uplift_permille / 1000, units(one.sold_milli))
            for one in kinds
        ]
        heads = ("kind", "events", "starts from", "learned", "units sold on it")
        print_table(heads, rows, heads[1:])


def _reaches(event: "LocalEvent") -> str:
    stores = ", ".join(event.stores) or "all stores"
    near = "" if event.latitude_e6 is None else f" within {event.radius_m:,} m"
    return f"{stores}{near}" + (f", {len(event.skus)} items" if event.skus else "")


@app.command()
@with_groups
def remove(
    *,
    pool: PoolArgument,
    name: Annotated[str, typer.Argument(help="The calendar.", show_default=False)],
    where: Where,
) -> None:
    """Take a calendar away. What was learned of its kinds of events is kept.

    Example: ./shelf restock calendar remove riverside leaflets
    """
    from commonshelf.desks.restock.calendars import remove_calendar

    remove_calendar(where.connect(), pool, name)
    typer.echo(f"calendar {name} of pool {pool} is removed")
