"""`lend`: what a pool's stores lend to other pools."""

import json
from typing import Annotated

import typer

from commonshelf.options import BootstrapOption, ConfigOption, JsonOption, fail, milli_of
from messaging.clock import wall_clock_ms

app = typer.Typer(no_args_is_help=True, help="Lend stock to other pools, and call it back.")

PoolArgument = Annotated[str, typer.Argument(help="The pool that has the goods.", show_default=False)]


@app.command("set")
def set_(
    pool: PoolArgument,
    store: Annotated[str, typer.Argument(help="The store that has them.", show_default=False)],
    sku: Annotated[str, typer.Argument(help="The item; both pools know it by this SKU.", show_default=False)],
    to_pool: Annotated[str, typer.Argument(help="The pool that may promise them.", show_default=False)],
    units: Annotated[
        str, typer.Argument(help="Lent at most at once, in the item's unit; 0 calls all back.", show_default=False)
    ],
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Set how much of an item a store lends to another pool. In force at once.

    Example: ./shelf lend set riverside corner-shop milk-1l hillside 6

    Example: ./shelf lend set riverside corner-shop milk-1l hillside 0
    """
    from pydantic import ValidationError

    from commonshelf.config.pool_config import read_pool_config
    from commonshelf.desks.lending import set_quota
    from commonshelf.stack.connection import connect
    from schemas.models.config import LentQuota
    from schemas.models.forms import first_problem

    if pool == to_pool:
        fail("a store lends to its own pool by its contribution: see ./shelf store add --help")
    try:
        quota = LentQuota(store=store, sku=sku, to_pool=to_pool, quantity_milli=milli_of(units, "UNITS"))
    except ValidationError as error:
        fail(first_problem(error, "the quota"))
    connection = connect(config, bootstrap)
    options = connection.kafka_options
    set_quota(options, connection.settings.partitions, read_pool_config(options), pool, quota, wall_clock_ms())
    typer.echo(f"{store} of {pool} lends {to_pool} up to {units} of {sku}; see ./shelf lend list {pool}")


@app.command("list")
def list_lent(
    pool: PoolArgument, config: ConfigOption = None, bootstrap: BootstrapOption = None, as_json: JsonOption = False
) -> None:
    """List what a pool's stores lend, and what the borrowers have of it now.

    Example: ./shelf lend list riverside
    """
    from commonshelf.config.pool_config import read_pool_config
    from commonshelf.desks.lending import lent_by
    from commonshelf.stack.connection import connect
    from commonshelf.text import print_table, units

    connection = connect(config, bootstrap)
    found = lent_by(connection.kafka_options, read_pool_config(connection.kafka_options), pool)
    if as_json:
        print(json.dumps([one._asdict() for one in found], indent=1))
        return
    if not found:
        typer.echo(f"no store of {pool} lends to another pool; see ./shelf lend set --help")
        return
    amounts = ("at most", "there now", "free there")
    rows = [
        (one.to_pool, one.store, one.sku, units(one.quota_milli), units(one.borrowed_milli), units(one.available_milli))
        for one in found
    ]
    print_table(("to pool", "store", "item", *amounts), rows, amounts)
