"""`store`: members of a pool, added and listed while everything runs."""

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from commonshelf.commands.options import BootstrapOption, ConfigOption, JsonOption, fail

app = typer.Typer(no_args_is_help=True, help="Add and list member stores.")

PoolArgument = Annotated[str, typer.Argument(help="The pool.", show_default=False)]


@app.command()
def add(
    pool: PoolArgument,
    store: Annotated[str, typer.Argument(help="Id of the store: letters, digits, dots, hyphens.", show_default=False)],
    name: Annotated[str, typer.Option("--name", help="Human name.", show_default=False)],
    contribution: Annotated[
        str, typer.Option("--contribution", help="What it lends: share:PERMILLE, cap:UNITS or fixed:UNITS.")
    ] = "share:1000",
    safety_stock: Annotated[
        str, typer.Option("--safety-stock", metavar="UNITS", help="Kept back of every item.")
    ] = "0",
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

    A store that the settings file declares, too, gets the file's terms again at the next `up`. A till needs a
    connector, which the settings file declares.

    Example: ./shelf store add riverside anna --name "Anna's Corner" --contribution share:800 --safety-stock 2

    Example: ./shelf store add riverside anna --name Anna --opening-stock opening.csv --catalog catalog.csv
    """
    from pydantic import ValidationError

    from commonshelf.commands.connection import connect
    from commonshelf.onboarding import onboard
    from commonshelf.settings import parse_contribution
    from schemas.models import StoreSettings

    try:
        settings = StoreSettings(
            store=store,
            name=name,
            contribution=parse_contribution(contribution),
            safety_stock_milli=int(Decimal(safety_stock) * 1000),
        )
    except InvalidOperation:
        fail(f"--safety-stock is {safety_stock!r}; write a number of units such as 2 or 0.5")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        fail(f"{'.'.join(map(str, first['loc']))} is {first['input']!r}: {first['msg']}")
    except ValueError as error:
        fail(f"--contribution is {contribution!r}: {error}")
    connection = connect(config, bootstrap)
    done = onboard(connection, pool, settings, opening_stock, catalog)
    for problem in done.problems:
        typer.echo(f"shelf: {problem}", err=True)
    typer.echo(
        f"store {store} is in pool {pool}: {done.settings_published} settings and items, "
        f"{done.lines_published} opening lines published"
    )
    if done.problems:
        raise typer.Exit(1)


@app.command("list")
def list_stores(
    pool: PoolArgument, config: ConfigOption = None, bootstrap: BootstrapOption = None, as_json: JsonOption = False
) -> None:
    """List the stores of a pool with their terms.

    Example: ./shelf store list riverside
    """
    from rich.console import Console
    from rich.table import Table

    from commonshelf.commands.availability import units
    from commonshelf.commands.connection import connect
    from commonshelf.onboarding import stores_of

    connection = connect(config, bootstrap)
    found = stores_of(connection, pool)
    if as_json:
        print(json.dumps([one.model_dump(mode="json") for one in found], indent=1))
        return
    view = Table("store", "name", "state", "contribution", "safety stock", "its till reports")
    for one in found:
        lent = one.contribution
        amount = str(lent.value) if lent.kind == "share" else units(lent.value)
        view.add_row(
            one.store, one.name, "open" if one.open else "closed", f"{lent.kind.value}:{amount}",
            units(one.safety_stock_milli), "sales" if one.reports_sales else "levels only",
        )  # fmt: skip
    Console(highlight=False).print(view)
