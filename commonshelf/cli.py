"""The `commonshelf` command, which `./shelf` runs."""

import sys

import typer

from commonshelf.commands import (
    allocate,
    availability,
    bench,
    config,
    connect,
    demo,
    dlq,
    doctor,
    lend,
    order,
    park,
    quota,
    run_tests,
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

app = typer.Typer(
    name="shelf",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    help="An event-streaming backbone that lets independent small shops act as one. "
    "Start with [bold]./shelf demo[/]; run your own with [bold]./shelf up --config FILE[/].",
)
app.command()(up.up)
app.command()(demo.demo)
app.command()(availability.availability)
app.command()(allocate.allocate)
app.command()(topics.topics)
app.command()(doctor.doctor)
app.command()(park.park)
app.add_typer(store.app, name="store")
app.add_typer(order.app, name="order")
app.add_typer(lend.app, name="lend")
app.command()(tasks.tasks)
app.add_typer(transfer.app, name="transfer")
app.command()(quota.quota)
app.add_typer(vault.app, name="vault")
app.add_typer(map_desk.app, name="map")
app.add_typer(dlq.app, name="dlq")
app.add_typer(connect.app, name="connect")
app.add_typer(config.app, name="config")
app.add_typer(worker.app, name="worker")
app.add_typer(bench.app, name="bench")
app.command()(simulate.simulate)
app.command()(torture.torture)
app.command("test", context_settings={"allow_extra_args": True})(run_tests.run_tests)


@app.command()
def version() -> None:
    """Print the version.

    Example: ./shelf version
    """
    from importlib.metadata import version as installed_version

    typer.echo(installed_version("commonshelf"))


def main() -> None:
    """Run the command line. An error that a user can act on becomes one sentence and exit code 1."""
    try:
        app(prog_name="./shelf")
    except Exception as error:
        from commonshelf.errors import explain

        sentence = explain(error)
        if sentence is None:
            raise
        sys.stderr.write("".join(f"shelf: {line}\n" for line in sentence.splitlines()))
        sys.exit(1)
