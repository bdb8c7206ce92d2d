"""`history` and `shrinkage`: why a shelf holds what it holds, and what was lost on a day."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

import typer

from commonshelf.options import BootstrapOption, ConfigOption, JsonOption, moment_ms
from commonshelf.text import counted, print_table, time_text, units

_HEAD = ("when", "what", "about", "change", "on hand", "held", "entry")
_LOST = ("store", "item", "cause", "lost or found")


def history(
    pool: Annotated[str, typer.Argument(help="The pool.", show_default=False)],
    store: Annotated[str, typer.Argument(help="The store.", show_default=False)],
    sku: Annotated[str, typer.Argument(help="The item.", show_default=False)],
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    as_json: JsonOption = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Print at most so many of the last lines.")] = 50,
) -> None:
    """Print why a shelf holds what it holds: movements, counts with their difference, holds, from the journal.

    Example: ./shelf history riverside corner-shop MILK-1L
    """
    from commonshelf.desks.history import history as lines_of
    from commonshelf.desks.onboarding import check_item, check_store, zone_of
    from commonshelf.stack.connection import connect

    connection = connect(config, bootstrap)
    check_store(connection, pool, store)
    found = list(lines_of(connection.kafka_options, connection.settings.partitions, pool, store, sku))
    if as_json:
        print(json.dumps([asdict(line) for line in found], indent=1))
        return
    if not found:
        check_item(connection, pool, sku)
        typer.echo(f"nothing has ever happened to {sku} in store {store}")
        return
    zone = zone_of(connection, pool)
    rows = [
        (
            time_text(line.at_ms, zone), line.what, line.about, units(line.change_milli) if line.change_milli else "",
            units(line.on_hand_milli), units(line.held_milli), line.position,
        )
        for line in found[-limit:]
    ]  # fmt: skip
    print_table(_HEAD, rows, ("change", "on hand", "held", "entry"))
    if len(found) > limit:
        typer.echo(f"{counted(len(found) - limit, 'earlier line')}; raise --limit, or use --json.")


def shrinkage(
    pool: Annotated[str, typer.Argument(help="The pool.", show_default=False)],
    day: Annotated[
        str | None, typer.Option("--day", metavar="DATE", help="Of the pool's calendar; today if left out.")
    ] = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what each store lost on a day, or found again: counts that differ, waste, damage, theft, lost on the way.

    Example: ./shelf shrinkage riverside --day 2026-11-28
    """
    from commonshelf.desks.history import shrinkage as lost_on
    from commonshelf.desks.onboarding import zone_of
    from commonshelf.stack.connection import connect

    connection = connect(config, bootstrap)
    zone = zone_of(connection, pool)
    within = datetime.now(zone) if day is None else datetime.fromtimestamp(moment_ms(day, zone, "--day") / 1000, zone)
    begins = within.replace(hour=0, minute=0, second=0, microsecond=0)
    from_ms, until_ms = (int(at.timestamp() * 1000) for at in (begins, begins + timedelta(days=1)))
    lost = lost_on(connection.kafka_options, connection.settings.partitions, pool, from_ms, until_ms)
    if as_json:
        print(json.dumps([[*key, milli] for key, milli in lost.items()], indent=1))
    elif not lost:
        typer.echo(f"no store of pool {pool} lost anything on {begins:%Y-%m-%d}")
    else:
        rows = [(store, sku, cause.replace("_", " "), units(milli)) for (store, sku, cause), milli in lost.items()]
        print_table(_LOST, rows, ("lost or found",))
