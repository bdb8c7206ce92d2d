"""`bench restock`: how good the forecast is, on sales that it has not seen."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from commonshelf.commands.bench import JsonOption, report, tell
from commonshelf.options import fail


class Data(StrEnum):
    """The sales that are forecast."""

    completejourney = "completejourney"
    generated = "generated"


class Calendar(StrEnum):
    """The things that are known ahead."""

    none = "none"
    holidays = "holidays"
    leaflet = "leaflet"
    all = "all"


def restock(
    data: Annotated[Data, typer.Option("--data", help="Real baskets of 2017, or made-up ones.")] = Data.completejourney,
    first_store: Annotated[int, typer.Option("--first-store", min=1, help="Rank of the busiest store.")] = 1,
    stores: Annotated[int, typer.Option("--stores", min=1)] = 34,
    skus: Annotated[int, typer.Option("--skus", min=1, help="Best-selling items.")] = 200,
    lead: Annotated[
        list[int] | None, typer.Option("--lead", help="Days to forecast; repeat it. 7 unless given.")
    ] = None,
    weeks_end: Annotated[int, typer.Option("--weeks-end", help="The data's week with which the test ends.")] = 52,
    calendar: Annotated[Calendar, typer.Option("--calendar", help="What is known ahead.")] = Calendar.none,
    sample: Annotated[int, typer.Option("--sample", min=0, help="Shelves for the slow methods; 0: none.")] = 300,
    seed: Annotated[int, typer.Option("--seed", help="Draws the sample, the intervals and made-up sales.")] = 1,
    is_plan: Annotated[
        bool, typer.Option("--plan", help="Measure a night's run of a made-up pool of --stores and --skus instead.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Forecast eight weeks and compare with the best single method of statsforecast; no Kafka is started.

    Pinball losses of four quantiles, the gain with its 95 % interval, and predicted against observed chances.

    Example: ./shelf bench restock --calendar leaflet --lead 7 --lead 14

    Example: ./shelf bench restock --data generated --skus 60 --sample 0 --json

    Example: ./shelf bench restock --plan --skus 2000
    """
    leads = lead or [7]
    if min(leads) < 1 or max(leads) > 28:
        fail(f"--lead takes 1 to 28 days, not {', '.join(map(str, leads))}")

    def measure_run() -> Mapping[str, Any]:
        from bench.restock.planning import measure_planning

        return measure_planning(stores, skus, seed, tell)

    if is_plan:
        report(measure_run, as_json, _print_run)
        return

    def measure() -> Mapping[str, Any]:
        from bench.restock.measure import Settings, measure_restock

        settings = Settings(data.value, first_store, stores, skus, leads, weeks_end, calendar.value, sample, seed)
        return measure_restock(settings, tell)

    report(measure, as_json, _print)


def _print(figures: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("days", "ranks", "best other method", title="Pinball loss by the scale of each shelf")
    for heading in ("its loss", "ours", "gain %", "95 % interval", "unscaled gain %"):
        table.add_column(heading, justify="right")
    for one in figures["strata"]:
        table.add_row(
            str(one["lead"]), one["ranks"], one["best_single"], f"{one['pinball_best_single']:.4f}",
            f"{one['pinball_ours']:.4f}", f"{one['gain_percent']:.1f}", f"{one['low']:.1f} to {one['high']:.1f}",
            f"{one['gain_unscaled_percent']:.1f}",
        )  # fmt: skip
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"A forecast of all shelves takes {figures['plan_s']} s. Furthest from the predicted chance: "
        f"{figures['calibration_worst']} where the mean is below 2 units, {figures['calibration_worst_above_2']} above."
    )


def _print_run(figures: Mapping[str, Any]) -> None:
    from rich.console import Console

    Console(highlight=False).print(
        f"{figures['shelves']:,} shelves planned in {figures['plan_s']} s, {figures['cpu_s']} s of CPU: "
        f"{figures['proposals']:,} proposals, {figures['moves']:,} moves; "
        f"the process needed {figures['peak_mib']} MiB at most."
    )
