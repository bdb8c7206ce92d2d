"""The torture test: `python -m tests.proof.torture.run --minutes 45 --seed 1`.

Three brokers, three workers, the connectors, settlement, restock, agents that call partners, a follower of the journal,
and faults that a seed draws. At the end an auditor works out from the input log alone what must be there. Ends with
status 1 when anything is lost, repeated or promised twice, when a table is wrong, when something did not recover, or
when a kind of fault landed too rarely.
"""

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException

from commonshelf.embedded_kafka.errors import KafkaStartError
from tests.proof.faults.auditor import Audit, Auditor
from tests.proof.faults.inject import Landed
from tests.proof.faults.run import TROUBLE, as_command, conclude, print_line, quantile, say_counts
from tests.proof.faults.slot import worker_log
from tests.proof.faults.stage import INPUTS, Plan
from tests.proof.faults.world import Mix
from tests.proof.torture import checks
from tests.proof.torture.campaign import AIMED, EVERY_KIND, Campaign, by_kind
from tests.proof.torture.inject import OF_BROKERS, OF_PHASES, PHASES
from tests.proof.torture.inject_clocks import OF_BROKERS_CLOCKS
from tests.proof.torture.pickups import check_pickups
from tests.proof.torture.restocked import check_restock
from tests.proof.torture.settled import check_settlement
from tests.proof.torture.small_disk import CannotMountError
from tests.proof.torture.stage import APART, TortureStage
from tests.proof.torture.watch import Watched
from tests.support.waiting import PATIENCE_S

_TROUBLE = (*TROUBLE, CannotMountError, KafkaException, KafkaStartError, TimeoutError)
LINES_PER_MINUTE = 46_000
"""Two million in 45 minutes, and some to spare."""
_OF_TILLS = 0.6
"""The rest comes by the connectors and in bursts."""


@dataclass
class Outcome:
    """What a run showed."""

    seed: int
    audit: Audit = field(default_factory=Audit)
    landed: list[Landed] = field(default_factory=list)
    least: dict[str, int] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)
    watched: Watched = field(default_factory=Watched)
    left_out: str = ""
    no_clocks: str = ""
    drifts_s: list[int] = field(default_factory=list)
    """By how much the clocks of brokers were ahead of ours."""
    judged: int = 0
    """Operations of customers, whose history must be linearizable."""
    undecided: int = 0
    """Histories that took too many tries to be judged."""
    settled: int = 0
    """Transactions that settlement posted."""
    proposed: int = 0
    """Proposals that restock made."""
    appointments: int = 0
    """Appointments that were made."""
    told: int = 0
    """Messages that partners were told, each counted once."""
    took_s: float = 0.0
    audit_s: float = 0.0

    @property
    def is_sound(self) -> bool:
        return self.audit.is_sound and not self.trouble

    def figures(self) -> dict[str, float | int | str | None]:
        """The report's figures, units in the names."""
        struck = (*OF_BROKERS, *OF_PHASES, *OF_BROKERS_CLOCKS)
        of_brokers = [one.recovery_s for one in self.landed if one.kind in struck and one.recovery_s is not None]
        takeovers = [one.takeover_s for one in self.landed if one.takeover_s is not None]
        restarts = [one.restart_s for one in self.landed if one.restart_s is not None]
        hits = [sum(one.kind == kind for one in self.landed) for kind in AIMED]
        at_phases = [sum(one.kind.endswith(f" at {phase}") for one in self.landed) for phase in PHASES]
        return {
            "faults": len(self.landed), "lines": self.audit.lines, "lost": self.audit.lost,
            "repeated": self.audit.repeated, "promised_twice": self.audit.promised_twice,
            "wrong_rows": self.audit.wrong_rows,
            "takeover_p50_s": quantile(takeovers, 0.5), "takeover_p99_s": quantile(takeovers, 0.99),
            "restart_p50_s": quantile(restarts, 0.5), "restart_p99_s": quantile(restarts, 0.99),
            "broker_recovery_p50_s": quantile(of_brokers, 0.5), "broker_recovery_p99_s": quantile(of_brokers, 0.99),
            "failpoints_hit_min": min(hits), "phases_hit_min": min(at_phases),
            "longest_unavailable_s": self.watched.longest_wait_s,
            "longest_batch_s": self.watched.longest_batch_s, "longest_stall_s": self.watched.longest_stall_s,
            "memory_slope_mib_per_h": self.watched.steepest_mib_per_h,
            "operations_judged": self.judged, "histories_undecided": self.undecided,
            "transactions_settled": self.settled, "proposals": self.proposed,
            "appointments": self.appointments, "partners_told": self.told,
            "orders": self.audit.orders, "dead_letters": self.audit.dead_letters,
            "repeated_lines_absorbed": self.audit.repeated_lines_absorbed, "seed": self.seed,
            "audit_s": round(self.audit_s, 1), "took_s": round(self.took_s, 1),
        }  # fmt: skip


def torture(
    minutes: float,
    seed: int,
    faults: int = 0,
    lines: int | None = None,
    kinds: Sequence[str] = EVERY_KIND,
    logs: Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
    phases: int = 0,
) -> Outcome:
    """Inject faults for so many minutes, then audit.

    At least so many faults must land, `phases` of them at each phase of a transaction, and so many lines be sold.
    """
    began, outcome = time.monotonic(), Outcome(seed)
    lines = int(LINES_PER_MINUTE * minutes) if lines is None else lines
    plan = Plan(
        brokers=3, workers=3, partitions=6, pools=9, lines_per_s=int(_OF_TILLS * lines / minutes / 60),
        mix=Mix(repeats=0.3, receipt_lines_min=10),
    )  # fmt: skip
    with (
        tempfile.TemporaryDirectory(prefix="commonshelf-torture-", ignore_cleanup_errors=True) as name,
        TortureStage(Path(name), seed, plan) as stage,
    ):
        campaign = Campaign(stage, seed, minutes, faults, kinds, tell, phases)
        outcome.landed, outcome.least, outcome.left_out = campaign.landed, campaign.least(), stage.left_out
        outcome.no_clocks, outcome.drifts_s = stage.no_clocks, [] if stage.no_clocks else stage.drifts_s
        try:
            campaign.run()
        except _TROUBLE as error:
            tell(f"not recovered: {error}")
            outcome.trouble.append(f"{error}\n{worker_log((*stage.slots, *stage.others))}")
        _come_to_rest(stage, outcome, lines, tell)
        outcome.watched = stage.watch.stop()
        if logs is not None:
            stage.keep_logs(logs)
        _audit(stage, outcome, tell)
        if not outcome.trouble and outcome.audit.lines < lines:
            outcome.trouble.append(f"{outcome.audit.lines} lines were sold, of {lines} wanted")
    outcome.took_s = time.monotonic() - began
    return outcome


def _come_to_rest(stage: TortureStage, outcome: Outcome, lines: int, tell: Callable[[str], None]) -> None:
    """Let everybody come to the end of what there is, and end."""
    try:
        stage.bring_back()  # after trouble brokers may be down; without them nobody sees what was acknowledged
        stage.wait_shared(PATIENCE_S)
        while stage.lines_sent < lines and not outcome.trouble:
            stage.burst(min(lines - stage.lines_sent, 10_000))
        outcome.trouble += stage.stop_clients(PATIENCE_S)
        stage.stop_tills()
        tell(f"{stage.lines_sent} lines sent by the tills; waiting for the end of the input")
        stage.drain(PATIENCE_S)
        exits = stage.stop_workers()
        ends = stage.journal_ends()
        stage.wait_follower(ends, PATIENCE_S)
        stage.wait_all_settled(PATIENCE_S)
        stage.wait_read(stage.restock, stage.unread_pages(stage.restock), PATIENCE_S)
        stage.wait_told(PATIENCE_S)
        exits += [stage.terminate(slot) for slot in (stage.connectors, stage.settlement, stage.restock, stage.agents)]
        stage.kill(stage.follower)
        if any(exits):
            outcome.trouble.append(f"on SIGTERM the processes ended with {exits}\n{worker_log(stage.slots)}")
    except (*_TROUBLE, RuntimeError) as error:
        stage.silence()  # what comes while the auditor reads would be missing from what was written before
        outcome.trouble.append(f"{error}\n{worker_log((*stage.slots, *stage.others))}")
        for slot in (*stage.slots, *stage.others):
            stage.kill(slot)


def _audit(stage: TortureStage, outcome: Outcome, tell: Callable[[str], None]) -> None:
    began = time.monotonic()
    tell("the auditor works out what must be there")
    gc.set_threshold(1_000_000, 50, 100)  # what it reads is much, and has no cycles
    partitions = stage.plan.partitions
    rebuild = stage.folder / "rebuild"
    auditor = Auditor(
        stage.bootstrap_servers, INPUTS, partitions, stage.acknowledged, rebuild, APART, stage.kept.values()
    )  # fmt: skip
    audit, seen = auditor.audit_and_show()
    checks.check_taken(audit, seen, stage.notebook.read())
    checks.check_follower(audit, seen, stage.follower_table, APART)
    checks.check_promises(audit, seen, APART)
    outcome.settled = check_settlement(
        audit, seen.entries, stage.settled.file, stage.bootstrap_servers, partitions, APART
    )
    outcome.proposed = check_restock(audit, seen.entries, stage.bootstrap_servers, partitions)
    outcome.appointments, outcome.told = check_pickups(audit, seen.entries, stage.pickups)
    outcome.judged, undecided = checks.check_history_of_orders(audit, stage.contest.history)
    outcome.undecided = len(undecided)
    outcome.trouble += [f"undecided: {one[:200]}" for one in undecided]
    outcome.audit = audit
    outcome.audit_s = time.monotonic() - began


def report(outcome: Outcome) -> str:
    """For people."""
    audit = outcome.audit
    lines = [f"{'faults':<36}{'landed':>8}{'at least':>10}{'in flight':>16}{'recovery p50, p99':>22}"]
    for kind, landed in by_kind(outcome.landed):
        flights = [one.in_flight for one in landed]
        times = [one.recovery_s for one in landed if one.recovery_s is not None]
        lines.append(
            f"{kind:<36}{len(landed):>8}{outcome.least.get(kind, 0):>10}{f'{min(flights)} to {max(flights)}':>16}"
            f"{f'{quantile(times, 0.5)} s, {quantile(times, 0.99)} s':>22}"
        )
    lines += [f"{name:<36}{value!s:>10}" for name, value in outcome.figures().items()]
    waits = ", ".join(f"{partition}: {waited_s:.1f} s" for partition, waited_s in outcome.watched.waits_s.items())
    lines.append(f"longest unavailability by partition: {waits}")
    lines.append(f"memory's slope, MiB an hour: {outcome.watched.say_memory()}")
    lines += say_counts(audit)
    if outcome.drifts_s:
        lines.append(
            f"brokers' clocks ahead of ours by: {', '.join(f'{ahead_s:+d} s' for ahead_s in outcome.drifts_s)}"
        )
    if outcome.no_clocks:
        lines.append(f"left out ({outcome.no_clocks}): brokers' clocks")
    if outcome.left_out:
        lines.append(f"left out, for nothing can be mounted here ({outcome.left_out}): full disks")
    lines += [f"WRONG: {finding}" for finding in audit.findings]
    lines += [f"TROUBLE: {one}" for one in outcome.trouble]
    lines.append("sound" if outcome.is_sound else f"NOT SOUND: seed {outcome.seed}, timeline above")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests.proof.torture.run", description=__doc__)
    parser.add_argument("--minutes", type=float, default=45, help="how long faults are injected")
    parser.add_argument("--seed", type=int, default=1, help="draws the faults and the events")
    parser.add_argument("--faults", type=int, default=0, metavar="N", help="at least so many must land")
    parser.add_argument("--phases", type=int, default=0, metavar="N", help="so many at each phase of a transaction")
    parser.add_argument("--lines", type=int, metavar="N", help="at least so many must be sold")
    parser.add_argument("--kind", action="append", choices=EVERY_KIND, help="only this kind; may be repeated")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="keep the processes' logs there")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON on the last line")
    options = parser.parse_args(arguments)
    kinds = options.kind or EVERY_KIND
    outcome = torture(
        options.minutes, options.seed, options.faults, options.lines, kinds, options.logs, print_line, options.phases
    )
    return conclude(report(outcome), outcome.figures(), outcome.is_sound, options.json)


if __name__ == "__main__":
    sys.exit(as_command(main))
