"""The `commonshelf` command, which `./shelf` runs."""

import sys

import typer

from commonshelf.commands import availability, bench, config, demo, doctor, park, run_tests, store, topics, up, worker

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
app.command()(topics.topics)
app.command()(doctor.doctor)
app.command()(park.park)
app.add_typer(store.app, name="store")
app.add_typer(config.app, name="config")
app.add_typer(worker.app, name="worker")
app.add_typer(bench.app, name="bench")
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
