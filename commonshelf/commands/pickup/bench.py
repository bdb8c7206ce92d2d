"""`bench pickup`: how long orders with a wish take, and ticks with many appointments open."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from commonshelf.commands.bench import JsonOption, report, tell


def pickup(
    orders: Annotated[int, typer.Option("--orders", min=10, help="Orders timed of each size.")] = 900,
    appointments: Annotated[int, typer.Option("--appointments", min=1, help="Open while ticks are timed.")] = 10_000,
    ticks: Annotated[int, typer.Option("--ticks", min=1, help="Ticks timed.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """Milliseconds of an order with a wish, from bytes to facts, and of a tick with many appointments open.

    At 34 stores x 5 lines and 60 x 30, each store with a counter and opening hours. No Kafka is started.

    Example: ./shelf bench pickup --json
    """

    def measure() -> Mapping[str, Any]:
        from bench.pickup import measure_pickup

        return measure_pickup(orders, appointments, ticks, tell)

    report(measure, as_json)
