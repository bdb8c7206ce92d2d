"""`simulate`: lives of a pool drawn from seeds, without Kafka, each step audited."""

import sys
from typing import Annotated

import typer

from commonshelf.commands.run_tests import ROOT, become
from commonshelf.options import ForOption, fail


def simulate(
    seed: Annotated[int, typer.Option("--seed", help="The first seed; the next ones follow while there is time.")] = 1,
    days: Annotated[int, typer.Option("--days", min=1, help="Days of each pool's life.")] = 10,
    duration_s: ForOption = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Figures as JSON on the last line.")] = False,
) -> None:
    """Run the pool's decisions in a simulated world: records late, twice, out of order, lost, damaged; crashes.

    A seed that fails is printed, and fails again in the same step. Exit code 1 then.

    Example: ./shelf simulate --for 60s

    Example: ./shelf simulate --seed 9 --days 10 --for 1s
    """
    if not (ROOT / "tests").is_dir():
        fail("there is no simulation here: this command runs in a checkout of the repository")
    arguments = ["--seed", str(seed), "--days", str(days), "--seconds", str(duration_s)]
    arguments += ["--json"] if as_json else []
    become([sys.executable, "-m", "tests.proof.simulation.run", *arguments])
