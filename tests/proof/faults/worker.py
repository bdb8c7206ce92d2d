"""A ledger worker for the fault test: the real one, unless a mutant is asked for."""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

from commonshelf.stack.parent_watch import end_with_parent
from messaging.logs import log_to_stderr
from streams.pool.processor import PoolProcessor
from streams.pool.state.metrics import SalesTaken
from streams.runtime import WorkerSettings, run_worker
from streams.runtime.metrics import WorkerMetrics
from tests.proof.faults.clock import follow_clock
from tests.proof.faults.mutants import MUTANTS
from tests.support.lanes import take_all_in_columns

GROUP = "fault-test"
BATCHES_VARIABLE = "COMMONSHELF_TEST_BATCHES"
"""Names the file in which a worker notes how long its batches took, s, whenever one took longer than all before."""


def note_batches() -> None:
    """Note the time of each batch that took longer than those before it, if a file is named for that."""
    path = os.environ.get(BATCHES_VARIABLE)
    if path is None:
        return
    count = WorkerMetrics.batch
    longest_s = 0.0

    def noted(self: WorkerMetrics, records: int, began_s: float, commit_began_s: float) -> None:
        nonlocal longest_s
        count(self, records, began_s, commit_began_s)
        took_s = time.monotonic() - began_s
        if took_s > longest_s:
            longest_s = took_s
            with Path(path).open("a") as file:
                file.write(f"{took_s}\n")

    WorkerMetrics.batch = noted  # type: ignore[method-assign]


def note_lanes(file: Path) -> None:
    """Note how many sales each committed batch took in either lane, as the metric counts them."""
    show = SalesTaken.show

    def noted(self: SalesTaken) -> None:
        with file.open("a") as notes:
            notes.write(f"{self.columnar} {self.ordinary}\n")
        show(self)

    SalesTaken.show = noted  # type: ignore[method-assign]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--instance", required=True)
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--session-timeout-ms", type=int, default=6_000)
    parser.add_argument("--transaction-timeout-ms", type=int, default=5_000)
    parser.add_argument("--batch-records", type=int, default=400)
    parser.add_argument("--lanes", type=Path, help="note there which lanes took sales")
    parser.add_argument("--in-columns", action="store_true", help="take sales in columns, however few")
    parser.add_argument("--mutant", choices=sorted(MUTANTS))
    options = parser.parse_args(arguments)
    log_to_stderr()
    end_with_parent()
    follow_clock()
    note_batches()
    if options.lanes is not None:
        note_lanes(options.lanes)
    if options.in_columns:
        take_all_in_columns()
    if options.mutant is not None:
        MUTANTS[options.mutant].plant()
    run_worker(
        PoolProcessor(),
        WorkerSettings(
            bootstrap_servers=options.bootstrap_servers,
            group=GROUP,
            instance_id=options.instance,
            state_dir=options.state_dir,
            partitions=options.partitions,
            batch_records=options.batch_records,
            session_timeout_ms=options.session_timeout_ms,
            accept_gap="park POOL {topic} {partition} {offset} --until {until}",
            transaction_timeout_ms=options.transaction_timeout_ms,
        ),
    )


if __name__ == "__main__":
    main()
