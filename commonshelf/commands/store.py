"""`store`: members of a pool, added and listed while everything runs."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from commonshelf.options import BootstrapOption, ConfigOption, JsonOption, PoolArgument, StoreArgument, fail, milli_of
from commonshelf.text import counted

app = typer.Typer(no_args_is_help=True, help="Add and list member stores, set their terms.")


@app.command()
def add(
    pool: PoolArgument,
    store: Annotated[str, typer.Argument(help="Id of the store: letters, digits, dots, hyphens.", show_default=False)],
    name: Annotated[str, typer.Option("--name", help="Human name.", show_default=False)],
    contribution: Annotated[
        str | None,
        typer.Option("--contribution", help="share:PERMILLE (a new store: 1000), cap:UNITS or fixed:UNITS."),
    ] = None,
    safety_stock: Annotated[
        str | None, typer.Option("--safety-stock", metavar="UNITS", help="Kept back of every item (a new store: 0).")
    ] = None,
    rings_up: Annotated[
        bool | None,
        typer.Option(
            "--rings-up/--no-rings-up",
            help="Its till rings up what is handed over for orders and cannot name them (a new store: asked, or no).",
        ),
    ] = None,
    opening_stock: Annotated[
        Path | None, typer.Option("--opening-stock", metavar="FILE.csv", help="What is on its shelves now.")
    ] = None,
    catalog: Annotated[
        Path | None, typer.Option("--catalog", metavar="FILE.csv", help="Items to add to the pool's product master.")
    ] = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Add a store to a pool, or change its terms: published to the topics, in force at once.

    What is not named stays as it is: its place, opening hours and capacity, which the settings file declares.
    A store that the settings file declares, too, gets the file's terms again at the next `up`. A till needs a
    connector, which the settings file declares.

    Example: ./shelf store add riverside anna --name "Anna's Corner" --contribution share:800 --safety-stock 2

    Example: ./shelf store add riverside anna --name Anna --opening-stock opening.csv --catalog catalog.csv
    """
    from pydantic import ValidationError

    from commonshelf.config.settings import parse_contribution
    from commonshelf.desks.onboarding import onboard, stores_of
    from commonshelf.stack.connection import connect
    from schemas.models.forms import first_problem

    named: dict[str, Any] = {"name": name}
    try:
        if contribution is not None:
            named["contribution"] = parse_contribution(contribution)
    except ValueError as error:
        fail(f"--contribution is {contribution!r}: {error}")
    if safety_stock is not None:
        named["safety_stock_milli"] = milli_of(safety_stock, "--safety-stock")
    connection = connect(config, bootstrap)
    if rings_up is None and store not in {one.store for one in stores_of(connection, pool)}:
        rings_up = _asked_whether_rung_up()
    if rings_up is not None:
        named["rings_up_hand_overs"] = rings_up
    try:
        done = onboard(connection, pool, store, named, opening_stock, catalog)
    except ValidationError as error:
        fail(first_problem(error, "the store"))
    for problem in done.problems:
        typer.echo(f"shelf: {problem}", err=True)
    typer.echo(
        f"store {store} is in pool {pool}: {counted(done.settings_published, 'setting')} (items included) and "
        f"{counted(done.lines_published, 'opening line')} published"
    )
    if done.problems:
        raise typer.Exit(1)


def _asked_whether_rung_up() -> bool:
    """What a person says; without a terminal it is no, and said."""
    if sys.stdin.isatty():
        return typer.confirm("When goods are handed over for an order, are they rung up at its till without the order?")
    typer.echo("hand-overs are taken as not rung up at its till; else add --rings-up")
    return False


@app.command("item")
def set_item(
    pool: PoolArgument,
    store: Annotated[str, typer.Argument(help="The store.", show_default=False)],
    sku: Annotated[str, typer.Argument(help="The item.", show_default=False)],
    contribution: Annotated[
        str | None, typer.Option("--contribution", help="What it lends of this item, as in `store add`.")
    ] = None,
    safety_stock: Annotated[
        str | None, typer.Option("--safety-stock", metavar="UNITS", help="Kept back of this item.")
    ] = None,
    unlisted: Annotated[bool, typer.Option("--unlisted", help="It is not offered to the pool.")] = False,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Set a store's terms for one item. What is not named is as for the store's other items: no option takes all back.

    Example: ./shelf store item riverside anna MILK-1L --contribution cap:5 --safety-stock 2

    Example: ./shelf store item riverside anna MILK-1L
    """
    from pydantic import ValidationError

    from commonshelf.config.settings import parse_contribution
    from commonshelf.desks.onboarding import set_item_terms
    from commonshelf.stack.connection import connect
    from schemas.models.config import StoreItemSettings
    from schemas.models.forms import first_problem

    try:
        terms = StoreItemSettings(
            store=store,
            sku=sku,
            listed=not unlisted,
            contribution=parse_contribution(contribution) if contribution is not None else None,
            safety_stock_milli=milli_of(safety_stock, "--safety-stock") if safety_stock is not None else None,
        )
    except ValidationError as error:
        fail(first_problem(error, "the store"))
    except ValueError as error:
        fail(f"--contribution is {contribution!r}: {error}")
    is_news = set_item_terms(connect(config, bootstrap), pool, terms)
    typer.echo(f"{sku} in store {store}: {'set' if is_news else 'set so already'}")


DayArgument = Annotated[str, typer.Argument(metavar="DAY", help="As 2026-12-31, on the pool's calendar.")]


@app.command()
def join(
    pool: PoolArgument,
    store: StoreArgument,
    first_day: DayArgument,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Have a store take part from a day on. Until then it is promised nothing; a day that has passed means at once.

    A last day that was set before is taken back.

    Example: ./shelf store join riverside anna 2026-12-01
    """
    _set_days(config, bootstrap, pool, store, first_day=first_day, last_day=None)
    typer.echo(f"store {store} takes part in pool {pool} from {first_day} on")


@app.command()
def leave(
    pool: PoolArgument,
    store: StoreArgument,
    last_day: DayArgument,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Have a store leave its pool after a day. What it was promised by then runs out; `store join` takes it back.

    Example: ./shelf store leave riverside anna 2026-12-31
    """
    _set_days(config, bootstrap, pool, store, last_day=last_day)
    typer.echo(f"the last day of store {store} in pool {pool} is {last_day}")


def _set_days(config: Path | None, bootstrap: str | None, pool: str, store: str, **days: str | None) -> None:
    from pydantic import ValidationError

    from commonshelf.desks.onboarding import check_store, onboard
    from commonshelf.stack.connection import connect
    from schemas.models.forms import first_problem

    connection = connect(config, bootstrap)
    check_store(connection, pool, store)
    try:
        onboard(connection, pool, store, days, None, None)
    except ValidationError as error:
        fail(first_problem(error, "the store"))


@app.command("list")
def list_stores(
    pool: PoolArgument, config: ConfigOption = None, bootstrap: BootstrapOption = None, as_json: JsonOption = False
) -> None:
    """List the stores of a pool with their terms.

    Example: ./shelf store list riverside
    """
    from commonshelf.desks.onboarding import stores_of
    from commonshelf.stack.connection import connect
    from commonshelf.text import print_table, units

    connection = connect(config, bootstrap)
    found = stores_of(connection, pool)
    if as_json:
        print(json.dumps([one.model_dump(mode="json") for one in found], indent=1))
        return
    rows = []
    for one in found:
        lent = one.contribution
        amount = str(lent.value) if lent.kind == "share" else units(lent.value)
        rows.append(
            (one.store, one.name, "open" if one.open else "closed", f"{lent.kind.value}:{amount}",
             units(one.safety_stock_milli), "sales" if one.reports_sales else "levels only",
             "at its till" if one.rings_up_hand_overs else "no", one.first_day or "-", one.last_day or "-")
        )  # fmt: skip
    head = (
        "store", "name", "state", "contribution", "safety stock", "its till reports", "hand-overs rung up",
        "first day", "last day",
    )  # fmt: skip
    print_table(head, rows, ("safety stock",))
