"""`torture`: the whole of it on real processes, with faults drawn from a seed, then audited."""

import os
import shutil
import sys
from typing import Annotated

import typer

from commonshelf.commands.run_tests import ROOT, become
from commonshelf.options import fail


def torture(
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, help="How long faults are injected.")] = 45,
    seed: Annotated[int, typer.Option("--seed", help="Draws the faults and the events.")] = 1,
    faults: Annotated[int, typer.Option("--faults", metavar="N", min=0, help="At least so many must land.")] = 0,
    phases: Annotated[
        int,
        typer.Option("--phases", metavar="N", min=0, help="So many at least at each phase of a Kafka transaction."),
    ] = 0,
    lines: Annotated[
        int | None, typer.Option("--lines", metavar="N", min=1, help="At least so many are sold; else 46,000 a minute.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Figures as JSON on the last line.")] = False,
) -> None:
    """Sell through kills, stops, full disks, broken networks, damaged stores, wrong clocks; nothing may be lost.

    Three brokers, three workers, connectors, settlement, restock, agents that call partners, a consumer of the journal.
    Exit code 1 when anything was lost, repeated or promised twice, or when a kind of fault landed too rarely; then the
    seed and the timeline are printed.

    Example: ./shelf torture --minutes 45 --seed 1

    Example: ./shelf torture --minutes 3 --faults 20 --json

    Example: ./shelf torture --minutes 30 --phases 20
    """
    if not (ROOT / "tests").is_dir():
        fail("there is no torture test here: this command runs in a checkout of the repository")
    # Small disks are mounted where nobody else sees them, and go with the last process however it ends.
    alone = ["unshare", "--mount"] if os.geteuid() == 0 and shutil.which("unshare") else []
    arguments = ["--minutes", str(minutes), "--seed", str(seed), "--faults", str(faults)]
    arguments += ["--phases", str(phases)] if phases else []
    arguments += ["--lines", str(lines)] if lines is not None else []
    arguments += ["--json"] if as_json else []
    become([*alone, sys.executable, "-m", "tests.proof.torture.run", *arguments])
