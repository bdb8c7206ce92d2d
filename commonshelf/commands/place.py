"""`place`: where customers collect by appointment, and how many in a quarter hour."""

import csv
import json
from datetime import date
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.commands.named_files import write_file
from commonshelf.options import BootstrapOption, ConfigOption, JsonOption, PoolArgument, fail
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from schemas.models.config import OpeningHours

app = typer.Typer(no_args_is_help=True, help="Places where customers collect by appointment.")


@app.command()
def add(
    pool: PoolArgument,
    place: Annotated[
        str, typer.Argument(help="Its id; that of a store for the store's own counter.", show_default=False)
    ],
    stores: Annotated[
        list[str] | None,
        typer.Option("--store", help="A store that hands over there; the place's own if left out.", show_default=False),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="For people; the id if left out.")] = None,
    per_quarter: Annotated[int, typer.Option("--per-quarter", help="Customers served in a quarter hour.")] = 4,
    shelf_orders: Annotated[
        int | None, typer.Option("--shelf-orders", help="Orders with room there within any hour; else no limit.")
    ] = None,
    prepare_min: Annotated[int, typer.Option("--prepare-min", help="Preparation of an order, minutes.")] = 10,
    line_s: Annotated[int, typer.Option("--line-s", help="And of each of its lines, seconds.")] = 60,
    no_show_h: Annotated[int, typer.Option("--no-show-h", help="Goods wait so long after it, hours.")] = 2,
    opening: Annotated[
        list[str] | None,
        typer.Option("--opening", metavar="DAY=SPAN", help="As mon=09:00-18:00; else as the store of the same id."),
    ] = None,
    closed_on: Annotated[list[str] | None, typer.Option("--closed-on", metavar="DATE", help="As 2026-12-25.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Make no more appointments there.")] = False,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Have the pool make appointments at a place, or change it: it is as this command says, whole.

    Example: ./shelf place add riverside corner-shop --per-quarter 6

    Example: ./shelf place add riverside market-lane --store corner-shop --store mill --opening sat=08:00-14:00
    """
    from pydantic import ValidationError

    from commonshelf.config.publishing import publish_settings
    from commonshelf.desks.onboarding import check_store
    from commonshelf.stack.connection import connect
    from schemas.models.base import MINUTE_MS
    from schemas.models.config import ConfigChange, PickupPlace
    from schemas.models.forms import first_problem

    try:
        change = PickupPlace(
            place=place, name=name or place, stores=tuple(stores or [place]), open=not closed,
            hand_overs_per_slot=per_quarter, shelf_orders_max=shelf_orders, preparation_ms=prepare_min * MINUTE_MS,
            preparation_per_line_ms=line_s * 1_000, no_show_after_ms=60 * no_show_h * MINUTE_MS,
            opening=_opening(opening or []),
            closed_days=tuple(_day(one) for one in closed_on or []),
        )  # fmt: skip
        event = ConfigChange(pool=pool, recorded_at_ms=wall_clock_ms(), origin="operator", change=change)
    except ValidationError as error:
        fail(first_problem(error, "the place"))
    connection = connect(config, bootstrap)
    for store in change.stores:
        check_store(connection, pool, store)
    published = publish_settings(connection.kafka_options, connection.settings.partitions, [event])
    typer.echo(f"place {place} of pool {pool} {'published' if published else 'stands already'}")


@app.command("list")
def list_places(
    pool: PoolArgument, config: ConfigOption = None, bootstrap: BootstrapOption = None, as_json: JsonOption = False
) -> None:
    """List a pool's places, and the appointments that are made there.

    Example: ./shelf place list riverside
    """
    from commonshelf.desks.pickup import places_of
    from commonshelf.stack.connection import connect
    from commonshelf.text import print_table

    found = places_of(connect(config, bootstrap), pool)
    if as_json:
        print(json.dumps([one._asdict() for one in found], indent=1))
        return
    if not found:
        typer.echo(f"pool {pool} makes no appointments; see ./shelf place add --help")
        return
    rows = [
        (
            one.place if one.is_open else f"{one.place} (closed)", ", ".join(one.stores), str(one.hand_overs_per_slot),
            "any" if one.shelf_orders_max is None else str(one.shelf_orders_max), str(one.appointments),
        )
        for one in found
    ]  # fmt: skip
    print_table(("place", "stores", "a quarter", "an hour", "booked"), rows, ("a quarter", "an hour", "booked"))


@app.command()
def counter(
    pool: PoolArgument,
    place: Annotated[str, typer.Argument(help="The place.", show_default=False)],
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Print the address of a place's counter page: the queue of customers, and handing over against a code.

    Example: ./shelf place counter riverside corner-shop
    """
    from commonshelf.config.names import check_name
    from commonshelf.desks.arrival_pages import counter_url
    from commonshelf.desks.pickup import places_of
    from commonshelf.stack.connection import connect

    connection = connect(config, bootstrap)
    check_name("place", place, [one.place for one in places_of(connection, pool)])
    url = counter_url(connection.settings, pool, place)
    if url is None:
        fail(
            f"no arrival app of pool {pool} is run here: declare one in the settings ([[partners]] with "
            'kind = "arrival" and a secret that this command can read); see docs/arrival.md'
        )
    typer.echo(url)


@app.command()
def hours(
    pool: PoolArgument,
    csv_file: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a table there.")] = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Show how full each place is by the hour: appointments that stand, and those of the last days.

    Example: ./shelf place hours riverside --csv lanes.csv
    """
    from commonshelf.desks.onboarding import zone_of
    from commonshelf.desks.pickup import hours_of
    from commonshelf.stack.connection import connect
    from commonshelf.text import print_table, time_text

    connection = connect(config, bootstrap)
    found, zone = hours_of(connection, pool), zone_of(connection, pool)
    head = ("place", "hour", "orders", "room", "collected", "no-shows")
    rows = [
        (
            one.place, time_text(one.hour_ms, zone), str(one.orders), "" if one.room is None else str(one.room),
            str(one.collected), str(one.no_shows),
        )
        for one in found
    ]  # fmt: skip
    if csv_file is not None:
        table = StringIO(newline="")
        csv.writer(table).writerows((head, *rows))
        write_file(csv_file, table.getvalue())
        typer.echo(f"{len(rows)} hours written to {csv_file}")
    elif rows:
        bars = [_bar(one.orders, one.room) for one in found]
        print_table((*head, "full"), [(*row, bar) for row, bar in zip(rows, bars, strict=True)], head[2:])
    else:
        typer.echo(f"pool {pool} has no appointments")


def _bar(orders: int, room: int | None) -> str:
    """Ten marks for an hour that is full."""
    return "" if not room else "#" * min(-(-10 * orders // room), 10)


def _opening(spans: list[str]) -> "tuple[OpeningHours, ...]":
    from pydantic import TypeAdapter, ValidationError

    from commonshelf.config.settings import OpeningSpan, Weekday, opening_hours

    told: dict[str, list[str]] = {}
    for one in spans:
        day, _, span = one.partition("=")
        told.setdefault(day, []).append(span)
    try:
        return opening_hours(TypeAdapter(dict[Weekday, list[OpeningSpan]]).validate_python(told))
    except ValidationError:
        fail(f"--opening {', '.join(spans)}: write a day and its hours, for example mon=09:00-18:00")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        fail(f"--closed-on {text}: write a date, for example 2026-12-25")
