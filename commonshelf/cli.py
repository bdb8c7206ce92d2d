"""The `commonshelf` command, which `./shelf` runs."""

import sys
from typing import Annotated

import typer

from commonshelf.commands import (
    acl,
    agreement,
    allocate,
    availability,
    backup,
    bench,
    candidates,
    carrier,
    claims,
    clock,
    config,
    connect,
    demo,
    dispute,
    dlq,
    doctor,
    grant,
    history,
    key,
    lend,
    order,
    park,
    place,
    quota,
    run_tests,
    sbom,
    settle,
    setup,
    simulate,
    store,
    tasks,
    topics,
    torture,
    transfer,
    up,
    vault,
    worker,
)
from commonshelf.commands import map as map_desk
from commonshelf.commands.pickup import bench as pickup_bench
from commonshelf.commands.restock import bench as restock_bench
from commonshelf.commands.restock import group as restock
from commonshelf.commands.route import bench as route_bench
from commonshelf.commands.route import plan as route
from commonshelf.commands.scale import bench as scale_bench
from commonshelf.commands.web import bench as web_bench
from commonshelf.commands.web import conformance

app = typer.Typer(
    name="shelf",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
RUN, DESKS, LOOK, DEVELOP = "Run it", "Work at its desks", "Look into it", "Develop it"
"""The panels of the help: what a shop or an operator needs, apart from what only developers do."""

app.command(rich_help_panel=RUN)(demo.demo)
app.command(rich_help_panel=RUN)(up.up)
app.command(rich_help_panel=RUN)(setup.setup)
app.command(rich_help_panel=RUN)(doctor.doctor)
app.add_typer(config.app, name="config", rich_help_panel=RUN)
app.add_typer(worker.app, name="worker", rich_help_panel=RUN)
app.command(rich_help_panel=RUN)(park.park)
app.add_typer(clock.app, name="clock", rich_help_panel=RUN)
app.add_typer(acl.app, name="acl", rich_help_panel=RUN)
app.add_typer(key.app, name="key", rich_help_panel=RUN)
app.add_typer(grant.app, name="grant", rich_help_panel=RUN)
app.command(rich_help_panel=RUN)(backup.backup)
app.command(rich_help_panel=RUN)(backup.restore)
app.add_typer(store.app, name="store", rich_help_panel=DESKS)
app.add_typer(connect.app, name="connect", rich_help_panel=DESKS)
app.add_typer(map_desk.app, name="map", rich_help_panel=DESKS)
app.add_typer(dlq.app, name="dlq", rich_help_panel=DESKS)
app.add_typer(order.app, name="order", rich_help_panel=DESKS)
app.command(rich_help_panel=DESKS)(tasks.tasks)
app.add_typer(transfer.app, name="transfer", rich_help_panel=DESKS)
app.add_typer(restock.app, name="restock", rich_help_panel=DESKS)
app.add_typer(route.app, name="route", rich_help_panel=DESKS)
app.add_typer(carrier.app, name="carrier", rich_help_panel=DESKS)
app.command(rich_help_panel=DESKS)(quota.quota)
app.add_typer(place.app, name="place", rich_help_panel=DESKS)
app.add_typer(lend.app, name="lend", rich_help_panel=DESKS)
settle.app.command()(claims.claims)
settle.app.command()(claims.verify)
settle.app.add_typer(dispute.app, name="dispute")
app.add_typer(settle.app, name="settle", rich_help_panel=DESKS)
app.add_typer(vault.app, name="vault", rich_help_panel=DESKS)
app.add_typer(agreement.app, name="agreement", rich_help_panel=DESKS)
app.command(rich_help_panel=LOOK)(availability.availability)
app.command(rich_help_panel=LOOK)(history.history)
app.command(rich_help_panel=LOOK)(history.shrinkage)
app.command(rich_help_panel=LOOK)(candidates.candidates)
app.command(rich_help_panel=LOOK)(topics.topics)
app.command(rich_help_panel=LOOK)(allocate.allocate)
app.command("test", context_settings={"allow_extra_args": True}, rich_help_panel=DEVELOP)(run_tests.run_tests)
app.command(rich_help_panel=DEVELOP)(conformance.conformance)
app.command(rich_help_panel=DEVELOP)(sbom.sbom)
app.command(rich_help_panel=DEVELOP)(simulate.simulate)
app.command(rich_help_panel=DEVELOP)(torture.torture)
bench.app.command()(pickup_bench.pickup)
bench.app.command()(restock_bench.restock)
bench.app.command()(route_bench.routes)
bench.app.command()(web_bench.api)
bench.app.command()(scale_bench.scale)
app.add_typer(bench.app, name="bench", rich_help_panel=DEVELOP)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("commonshelf"))
        raise typer.Exit


@app.callback()
def shelf(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """An event-streaming backbone that lets independent small shops act as one.

    Start with [bold]./shelf demo[/]; run your own with [bold]./shelf up --config FILE[/].
    """


def main() -> None:
    """Run the command line. An error that a user can act on becomes one sentence and exit code 1."""
    try:
        app(prog_name="./shelf")
    except Exception as error:
        from commonshelf.errors import explain
        from commonshelf.text import one_line

        sentence = explain(error)
        if sentence is None:
            raise
        sys.stderr.write("".join(f"shelf: {one_line(line)}\n" for line in sentence.splitlines()))
        sys.exit(1)
