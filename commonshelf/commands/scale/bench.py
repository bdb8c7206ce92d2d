"""`bench scale`: one worker, several, and pools that move between them."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from commonshelf.commands.bench import JsonOption, report, sizes, tell


def scale(
    workers: Annotated[str, typer.Option("--workers", help="Numbers of workers, with commas.")] = "1,2,4",
    pools: Annotated[int, typer.Option("--pools", min=2, max=10_000)] = 64,
    lines: Annotated[int, typer.Option("--lines", min=1_000, help="Lines that wait for them, each time.")] = 600_000,
    lines_per_second: Annotated[
        int, typer.Option("--lines-per-second", min=1, help="Sold while a second worker comes and goes.")
    ] = 500,
    as_json: JsonOption = False,
) -> None:
    """Lines per second of 1, 2 and 4 workers, and how long each pool stands still when one comes or goes.

    Every line is checked to be there once.

    Example: ./shelf bench scale

    Example: ./shelf bench scale --workers 1,2 --pools 16 --json
    """
    from bench.scale import ScaleLoad, measure_scale

    load, counts = ScaleLoad(pools, lines, lines_per_second), sizes("workers", workers)
    report(lambda: measure_scale(load, counts, tell), as_json, _print)


def _print(figures: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("workers", title=f"{figures['pools']:,} pools on {figures['cpus']} CPUs, broker and all")
    for heading in ("lines/s", "model", "CPU s per million lines"):
        table.add_column(heading, justify="right")
    for point in figures["points"]:
        table.add_row(
            str(point["workers"]), f"{point['lines_s']:,}", f"{point['model_lines_s']:,}",
            f"{point['cpu_s_per_million_lines']:.1f}",
        )  # fmt: skip
    console = Console(highlight=False)
    console.print(table)
    for move, what in ((figures["added"], "A second worker came"), (figures["removed"], "It went")):
        console.print(
            f"{what}: the {figures['pools_moved']} pools that moved stood still for {move['p50_s']:.2f} s (median), "
            f"{move['max_s']:.2f} s at most, the others for {move['others_max_s']:.2f} s at most."
        )
    console.print(f"{figures['lines_sold_meanwhile']:,} lines were sold meanwhile: none lost, none repeated.")
