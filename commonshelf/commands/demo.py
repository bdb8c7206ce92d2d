"""`demo`: a region of stores whose tills sell. Its body is in `commonshelf.demo`."""

from enum import StrEnum
from typing import Annotated

import typer

from commonshelf.options import ForOption, JsonOption, fail


class Data(StrEnum):
    generated = "generated"
    completejourney = "completejourney"


def demo(
    run_s: ForOption = None,
    as_json: JsonOption = False,
    stores: Annotated[int, typer.Option("--stores", help="How many stores take part.")] = 34,
    lines_per_second: Annotated[
        float | None, typer.Option("--lines-per-second", help="How fast all tills together sell; 200 if not said.")
    ] = None,
    data: Annotated[
        Data, typer.Option("--data", help="A generated region, or a month of real baskets, replayed.")
    ] = Data.generated,
    demand_multiplier: Annotated[
        float, typer.Option("--demand-multiplier", help="Times the usual 1.3 units a week per store and item.")
    ] = 1.0,
    orders_per_second: Annotated[
        float, typer.Option("--orders-per-second", help="How often customers order; half of it where it is lacking.")
    ] = 2.0,
    seed: Annotated[int, typer.Option("--seed", help="Of the generated region.")] = 1,
    exporter: Annotated[
        bool, typer.Option("--exporter", help="Also run the exporter: figures of pools and stores for Prometheus.")
    ] = False,
    faults: Annotated[
        bool, typer.Option("--faults", help="Kill the ledger's worker now and then, and show how it comes back.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the data, and go on with it next time.")] = False,
) -> None:
    """Show it at work: a real Kafka, the workers, the connectors, 34 stores that sell. Needs nothing but Python.

    Example: ./shelf demo

    Example: ./shelf demo --for 60s --json

    Example: ./shelf demo --faults

    Example: ./shelf demo --data completejourney
    """
    from commonshelf.demo.launch import demo as run_demo
    from commonshelf.demo.options import DemoOptions

    try:
        options = DemoOptions(
            for_s=run_s,
            as_json=as_json,
            seed=seed,
            stores=stores,
            lines_per_second=lines_per_second,
            data=data.value,
            demand_multiplier=demand_multiplier,
            orders_per_second=orders_per_second,
            exporter=exporter,
            faults=faults,
            keep=keep,
        )
    except ValueError as error:
        fail(str(error))
    raise typer.Exit(run_demo(options))
