"""The fault test: `python -m tests.proof.faults.run --faults 20`, or `--mutants` for the planted bugs.

Two ledger workers sell through faults drawn by seed; then an auditor compares everything that they left in Kafka
with an oracle. Ends with status 1 when anything is lost, repeated or wrong, or when a fault could not be landed.
"""

import argparse
import json
import math
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from commonshelf.stack.interrupt import interrupted_once
from tests.proof.faults.auditor import Audit, Auditor
from tests.proof.faults.inject import DECK, FaultInjector, Landed, NotLandedError, draw
from tests.proof.faults.mutants import MUTANTS
from tests.proof.faults.slot import worker_log
from tests.proof.faults.stage import INPUTS, EndedByItselfError, FaultStage, Plan, TooSlowError, WorkerTimes
from tests.support.waiting import PATIENCE_S

TROUBLE = (EndedByItselfError, NotLandedError, TooSlowError)
"""What ends a run before its time; it is audited all the same."""
LINES_PER_FAULT = 3_000
_ZOMBIE_TIMES = WorkerTimes(session_ms=1_500, transaction_ms=30_000)
"""A short session, and transactions that outlive it: the hardest case for whoever takes over."""
_PATIENT_TIMES = WorkerTimes(session_ms=60_000)
"""A worker that is killed is back before its peer takes over, which would do its work right."""
_TRANSACTION_MAX_MS = 60_000
"""The longest that our brokers allow."""


@dataclass
class Outcome:
    """What a run showed."""

    audit: Audit = field(default_factory=Audit)
    landed: list[Landed] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    """Faults that could not be landed, workers that did not recover or ended otherwise than they should."""
    took_s: float = 0.0
    sales_by_lane: tuple[int, int] = (0, 0)
    """Records in the columnar and in the ordinary lane."""

    @property
    def is_sound(self) -> bool:
        return self.audit.is_sound and not self.trouble

    @property
    def is_found(self) -> bool:
        """Whether the audit found something wrong; that a run did not come to its end shows no bug."""
        return not self.trouble and not self.audit.is_sound

    def figures(self) -> dict[str, float | int | None]:
        """The report's figures, units in the names."""
        takeovers = [one.takeover_s for one in self.landed if one.takeover_s is not None]
        restarts = [one.restart_s for one in self.landed if one.restart_s is not None]
        return {
            "faults": len(self.landed), "lines": self.audit.lines, "lost": self.audit.lost,
            "repeated": self.audit.repeated, "wrong_rows": self.audit.wrong_rows,
            "takeover_p50_s": quantile(takeovers, 0.5), "takeover_p99_s": quantile(takeovers, 0.99),
            "restart_p50_s": quantile(restarts, 0.5), "restart_p99_s": quantile(restarts, 0.99),
            "failpoints": len({one.kind for one in self.landed if one.kind.startswith("kill at ")}),
            "took_s": round(self.took_s, 1), "columnar_sales": self.sales_by_lane[0],
            "ordinary_sales": self.sales_by_lane[1],
        }  # fmt: skip


def quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that `share` of the values do not exceed; None of none."""
    return round(sorted(values)[max(0, math.ceil(share * len(values)) - 1)], 3) if values else None


def run_faults(
    faults: int,
    seed: int,
    brokers: int = 1,
    kinds: Sequence[str] = DECK,
    logs: Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Inject so many faults, then audit."""
    outcome, began = Outcome(), time.monotonic()
    chance = random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="commonshelf-faults-") as name,
        FaultStage(Path(name), seed, Plan(brokers, in_columns=1)) as stage,
    ):
        injector = FaultInjector(stage, chance)
        try:
            for number, kind in enumerate(draw(faults, kinds, chance), 1):
                landed = injector.inject(kind)
                outcome.landed.append(landed)
                tell(f"{time.monotonic() - began:6.1f} s  fault {number}/{faults}: {_say(landed)}")
                stage.burst(max(1, number * LINES_PER_FAULT - stage.lines_sent))
        except TROUBLE as error:
            outcome.trouble.append(f"{error}\n{worker_log(stage.slots)}")
        _finish(stage, outcome)
        if logs is not None:
            stage.keep_logs(logs)
    outcome.took_s = time.monotonic() - began
    return outcome


def run_mutant(name: str, tell: Callable[[str], None] = lambda _: None) -> Outcome:
    """Sell through a planted bug and the fault that brings it out."""
    return _sell_through([MUTANTS[name].aim], name, tell)


def run_without_mutant(action: str, tell: Callable[[str], None] = lambda _: None) -> Outcome:
    """Sell through no bug and all the faults of this action, "kill" or "stop", that bring bugs out."""
    aims = {mutant.aim for mutant in MUTANTS.values() if mutant.aim.startswith(action)}
    return _sell_through(sorted(aims), None, tell)


def _sell_through(aims: Sequence[str], name: str | None, tell: Callable[[str], None]) -> Outcome:
    outcome, began = Outcome(), time.monotonic()
    times = replace(_ZOMBIE_TIMES if aims[0].startswith("stop") else _PATIENT_TIMES, mutant=name)
    if name is not None:  # the bug is there while the transaction is, and nobody who is right has to wait for that
        times = replace(times, transaction_ms=_TRANSACTION_MAX_MS)
    with (
        tempfile.TemporaryDirectory(prefix="commonshelf-mutant-") as folder,
        FaultStage(Path(folder), 1, Plan(times=times)) as stage,
    ):
        try:
            injector = FaultInjector(stage, random.Random(1))
            for aim in aims:
                _sell_for_a_while(stage)
                if aim != "none":
                    outcome.landed.append(injector.inject_at(aim))
            stage.burst(1_000)
        except TROUBLE as error:
            outcome.trouble.append(f"{error}\n{worker_log(stage.slots)}")
        _finish(stage, outcome)
    outcome.took_s = time.monotonic() - began
    tell(f"{name}: " + ("; ".join(outcome.audit.findings + outcome.trouble)[:600] or "nothing found"))
    return outcome


def _sell_for_a_while(stage: FaultStage) -> None:
    """In many small batches."""
    stage.wait_shared()
    for _ in range(20):
        stage.burst(100)
        time.sleep(0.1)


def _finish(stage: FaultStage, outcome: Outcome) -> None:
    """Let the workers come to the end of their input, stop them, and audit."""
    patience_s = 10 if outcome.trouble else PATIENCE_S
    try:
        stage.wait_shared(patience_s)
        stage.stop_tills()
        stage.drain(patience_s)
        exits = stage.stop_workers()
        if any(exits):
            outcome.trouble.append(f"on SIGTERM the workers ended with {exits}\n{worker_log(stage.slots)}")
    except (TooSlowError, RuntimeError) as error:
        outcome.trouble.append(f"{error}\n{worker_log(stage.slots)}")
        stage.silence()
        for slot in stage.slots:
            stage.kill(slot)
    outcome.sales_by_lane = stage.sales_by_lane()
    partitions = stage.plan.partitions
    auditor = Auditor(stage.bootstrap_servers, INPUTS, partitions, stage.acknowledged, stage.folder / "rebuild")
    outcome.audit = auditor.audit()


def _say(landed: Landed) -> str:
    times = [
        f"{name} {seconds:.2f} s"
        for name, seconds in (
            ("restart", landed.restart_s), ("takeover", landed.takeover_s), ("broker back", landed.broker_s)
        )
        if seconds is not None
    ]  # fmt: skip
    tries = f" (try {landed.tries})" if landed.tries > 1 else ""
    return f"{landed.kind}{tries}: {landed.in_flight} in flight; {', '.join(times)}"


def report(outcome: Outcome) -> str:
    """For people."""
    audit, kinds = outcome.audit, Counter(one.kind for one in outcome.landed)
    held: dict[str, list[int]] = defaultdict(list)
    for one in outcome.landed:
        held[one.kind].append(one.in_flight)
    lines = [f"{'faults':<32}{'landed':>8}{'in flight, least and most':>28}"]
    lines += [f"{kind:<32}{kinds[kind]:>8}{f'{min(held[kind])} to {max(held[kind])}':>28}" for kind in sorted(kinds)]
    lines += [f"{name:<32}{value!s:>8}" for name, value in outcome.figures().items()]
    lines += say_counts(audit)
    lines += [f"WRONG: {finding}" for finding in audit.findings]
    lines += [f"TROUBLE: {one}" for one in outcome.trouble]
    lines.append("sound" if outcome.is_sound else "NOT SOUND")
    return "\n".join(lines)


def say_counts(audit: Audit) -> list[str]:
    """How much there was to compare."""
    events = ", ".join(f"{kind} {count}" for kind, count in sorted(audit.order_events.items()))
    sizes = (
        f"{audit.records} input records, {audit.journal_entries} journal entries, {audit.dead_letters} dead letters, "
        f"{audit.rows} rows, {audit.orders} orders; {audit.repeated_lines_absorbed} lines of {audit.lines} were repeats"
    )
    return [sizes, f"orders: {events}"]


def print_line(line: str) -> None:
    """At once."""
    print(line, flush=True)


def conclude(told: str, figures: Mapping[str, object], is_sound: bool, as_json: bool) -> int:
    """Print the report; the exit status."""
    print_line(told)
    if as_json:
        print_line(json.dumps(figures))
    return 0 if is_sound else 1


def as_command(main: Callable[[], int]) -> int:
    """Run `main`; a signal ends it by way of its clean-up: no process that it started outlives it."""
    try:
        with interrupted_once():
            return main()
    except KeyboardInterrupt:
        print_line("interrupted: nothing was judged, and what was started has been stopped")
        return 130


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests.proof.faults.run", description=__doc__)
    parser.add_argument("--faults", type=int, default=20, metavar="N", help="how many faults must land")
    parser.add_argument("--seed", type=int, default=1, help="draws the faults and the events")
    parser.add_argument("--kind", action="append", choices=DECK, help="only faults of this kind; may be repeated")
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--logs", type=Path, metavar="DIR", help="keep the workers' logs there")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON on the last line")
    parser.add_argument("--mutants", action="store_true", help="plant each bug instead; each must be found")
    options = parser.parse_args(arguments)
    if options.mutants:
        found = {name: run_mutant(name, print_line).is_found for name in MUTANTS}
        is_sound = [run_without_mutant(action, print_line).is_sound for action in ("kill", "stop")]
        if options.json:
            figures = {"planted": len(found), "found": sum(found.values()), "false_alarm": not all(is_sound)}
            print_line(json.dumps(figures))
        return 0 if all(found.values()) and all(is_sound) else 1
    outcome = run_faults(options.faults, options.seed, options.brokers, options.kind or DECK, options.logs, print_line)
    return conclude(report(outcome), outcome.figures(), outcome.is_sound, options.json)


if __name__ == "__main__":
    sys.exit(as_command(main))
