"""`bench routes`: how good and how quick the routes are, and what bundling saves."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from commonshelf.commands.bench import JsonOption, report, tell


def routes(
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first case's; the others follow it.")] = 1,
    cases: Annotated[int, typer.Option("--cases", min=1, help="Cases, a town and a valley in turns.")] = 100,
    compared: Annotated[int, typer.Option("--compared", min=0, help="Cases compared with the long search.")] = 10,
    reference_s: Annotated[int, typer.Option("--reference-s", min=1, help="Seconds of the long search.")] = 60,
    consignments: Annotated[int, typer.Option("--consignments", min=1, help="Of a case, two stops each.")] = 30,
    iterations: Annotated[int, typer.Option("--iterations", min=1, help="Length of our search.")] = 300,
    as_json: JsonOption = False,
) -> None:
    """Seconds to plan routes at 34 stores, the metres that bundling saves, and the cost against a long search.

    Every plan is checked by rules of its own against the page. No Kafka is started.

    Example: ./shelf bench routes --seed 1 --json

    Example: ./shelf bench routes --cases 4 --compared 2 --reference-s 5
    """

    def measure() -> Mapping[str, Any]:
        from bench.routes import measure_routes

        return measure_routes(seed, cases, compared, reference_s, consignments, iterations, tell)

    report(measure, as_json)
