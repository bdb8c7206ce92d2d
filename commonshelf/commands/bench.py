"""`bench`: how fast, how soon, how small, how quickly back. Figures that you can measure again."""

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from commonshelf.commands.options import fail

app = typer.Typer(no_args_is_help=True, help="Measure this engine, on an embedded Kafka of its own.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object, on the last line.")]
LinesPerSaleOption = Annotated[int, typer.Option("--lines-per-sale", min=1, max=1_000, help="Lines of a receipt.")]


@app.command()
def engine(
    lines: Annotated[int, typer.Option("--lines", min=1_000, help="Sale lines of each run.")] = 400_000,
    faust_lines: Annotated[
        int, typer.Option("--faust-lines", min=100, help="Lines that Faust gets of these: it is slow.")
    ] = 30_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Runs of each engine; the median counts.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Lines per second: consume and decode alone, a Faust agent with a Table, and ours, in one run.

    Ours is exactly-once with the duplicate check on; what it wrote is read back and audited.

    Example: ./shelf bench engine

    Example: ./shelf bench engine --lines 1000000 --rounds 3 --json
    """
    from bench.engine import measure_engines

    _report(lambda: measure_engines(lines, faust_lines, rounds, _tell), as_json, _print_engines)


@app.command()
def latency(
    lines_per_second: Annotated[int, typer.Option("--lines-per-second", min=1, help="What all tills sell.")] = 1_000,
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="How long it is measured.")] = 60,
    warm_up_s: Annotated[int, typer.Option("--warm-up-s", min=0, help="How long it runs before.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Milliseconds from the till to the pool's availability, for every line.

    Example: ./shelf bench latency --lines-per-second 2000 --json
    """
    from bench.latency import measure_latency

    _report(lambda: measure_latency(lines_per_second, seconds, warm_up_s, _tell), as_json)


@app.command()
def restore(
    stores: Annotated[int, typer.Option("--stores", min=1)] = 34,
    items: Annotated[int, typer.Option("--items", min=1, help="Items of each store; stores x items rows.")] = 29_412,
    overwrites: Annotated[int, typer.Option("--overwrites", min=0, help="Sales of each row before.")] = 10,
    lines_per_sale: LinesPerSaleOption = 12,
    as_json: JsonOption = False,
) -> None:
    """Memory of a worker with a million stock rows, and its time to restore them from an empty directory.

    Example: ./shelf bench restore --lines-per-sale 1 --json

    Example: ./shelf bench restore --items 1000
    """
    from bench.restore import measure_restore
    from bench.world import World

    world = World(stores, items)
    _report(lambda: measure_restore(world, overwrites, lines_per_sale, _tell), as_json)


@app.command()
def restart(
    tries: Annotated[int, typer.Option("--tries", min=1, help="Kills of each kind.")] = 10,
    lines_per_second: Annotated[int, typer.Option("--lines-per-second", min=1, help="What all tills sell.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """Seconds from SIGKILL of a worker to the next commit: by itself, started again, and by another worker.

    Example: ./shelf bench restart --tries 30 --json
    """
    from bench.restart import measure_restart

    _report(lambda: measure_restart(tries, lines_per_second, _tell), as_json)


def _report(
    measure: Callable[[], Mapping[str, Any]],
    as_json: bool,
    show: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    try:
        from bench.errors import BenchError
    except ModuleNotFoundError:
        fail("there are no benchmarks here: this command runs in a checkout of the repository")
    try:
        figures = measure()
    except BenchError as error:
        fail(str(error))
    if as_json:
        print(json.dumps(figures))
    else:
        (show or _print_figures)(figures)


def _tell(line: str) -> None:
    typer.echo(f"· {line}", err=True)


def _print_engines(figures: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("engine", title=f"Median of {figures['rounds']} rounds on {figures['cpus']} CPUs")
    for heading in ("lines/s", "least to most", "of the limit", "x Faust's table", "CPU s per million lines"):
        table.add_column(heading, justify="right")
    for name, about in _ENGINES.items():
        rate = figures[f"{name}_lines_s"]
        table.add_row(
            about,
            f"{rate:,}",
            f"{figures[f'{name}_lines_s_min']:,} to {figures[f'{name}_lines_s_max']:,}",
            f"{rate / figures['limit_lines_s']:.2f}",
            f"{rate / figures['faust_table_lines_s']:.1f}",
            f"{figures[f'cpu_s_per_million_lines_{name}']:.1f}",
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"{figures['lines_audited']:,} lines of ours were read back: each was there once, and the sums agree."
    )


_ENGINES = {
    "limit": "consume and decode: the limit",
    "faust_table": "Faust agent with a Table",
    "ours": "ours, exactly once",
    "limit_receipt": "the limit on receipts of 12 lines",
    "ours_receipt": "ours on receipts of 12 lines",
}


def _print_figures(figures: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", show_edge=False)
    table.add_column("", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int | float) else str(value))
    Console(highlight=False).print(table)
