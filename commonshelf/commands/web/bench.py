"""`bench api`: look-ups a second beside sales, live streams, and the start from nothing."""

from typing import Annotated

import typer

from commonshelf.commands.bench import JsonOption, report, tell


def api(
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="How long look-ups are timed.")] = 20,
    connections: Annotated[int, typer.Option("--connections", min=1, help="Callers that ask at once.")] = 4,
    items: Annotated[int, typer.Option("--items", min=1, max=100, help="Items of one request: as many look-ups.")] = 20,
    per_second: Annotated[
        int,
        typer.Option("--per-second", min=1, help="Look-ups a second of which it is told how soon they come."),
    ] = 3_000,
    listeners: Annotated[int, typer.Option("--listeners", min=1, help="Live streams open at once.")] = 500,
    lines_per_second: Annotated[int, typer.Option("--lines-per-second", min=1, help="What all tills sell.")] = 2_000,
    rows: Annotated[int, typer.Option("--rows", min=0, help="Shelves to read at a start from nothing.")] = 1_000_000,
    as_json: JsonOption = False,
) -> None:
    """Look-ups of availability a second by one process of the API, beside sales; live streams; a start from nothing.

    A look-up is an item at every store that has it.

    Example: ./shelf bench api --json
    """
    from bench.api import measure_api

    report(
        lambda: measure_api(seconds, connections, items, per_second, listeners, lines_per_second, rows, tell), as_json
    )
