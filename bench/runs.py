"""One run of one engine on an input: its rate, its CPU time, its memory, and proof that it did the work.

When a batch ended is seen from outside, for every engine: in the broker's record of the group's committed offsets.
The limit commits nothing, so it says so itself. A run whose results are wrong has no rate.
"""

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import median
from typing import Any

from bench.audit import Expected, audit, check_journal, differences, expect, fail_on
from bench.child import BenchProcess, module_command
from bench.cluster import Cluster, wait_until
from bench.commits import read_commits
from bench.contenders import Contender
from bench.figures import Mark, Span, span_of
from bench.peer import NUMBER, Job
from schemas.topics import POS_SALES
from streams.runtime import WorkerSettings
from world.uniform import OPENING_UNITS, UNIT_MILLI, Published, UniformPools, declarations, opening_stock, popular_sales

_MIB = 1 << 20
_RESTORE_PATIENCE_S = 900.0


@dataclass(frozen=True)
class Measured:
    """One run of one engine."""

    lines_s: float
    cpu_s_per_million_lines: float
    rss_peak_mib: float
    restore_s: float | None = None


@dataclass(frozen=True)
class Sales:
    """An input: sales, and what must become of them."""

    world: UniformPools
    records: list[Published]
    lines_per_sale: int

    @cached_property
    def expected(self) -> Expected:
        """The result that all of them must have."""
        return expect(self.world, self.records)

    @property
    def lines(self) -> int:
        return len(self.records) * self.lines_per_sale

    def first(self, records: int) -> "Sales":
        """The beginning of the input."""
        return self if records >= len(self.records) else Sales(self.world, self.records[:records], self.lines_per_sale)


def make_sales(world: UniformPools, lines: int, lines_per_sale: int) -> Sales:
    """Sales by popularity."""
    return Sales(world, list(popular_sales(world, lines, lines_per_sale)), lines_per_sale)


class RunHost:
    """Hosts the runs: one at a time, each engine on `core`."""

    def __init__(self, cluster: Cluster, folder: Path, core: int | None = None) -> None:
        self._cluster = cluster
        self._folder = folder
        self._core = core
        self._runs = 0

    def publish(self, sales: Sales) -> None:
        """The pools' settings, opening stock and sales, on topics made anew."""
        self._cluster.start_afresh()
        for records in (declarations(sales.world), opening_stock(sales.world), sales.records):
            self._cluster.publish(records)

    def limit(self, sales: Sales) -> Measured:
        """Consume and decode, nothing else."""
        self._runs += 1
        marks = self._folder / f"limit-{self._runs}.json"
        arguments = {
            "bootstrap_servers": self._cluster.bootstrap_servers,
            "partitions": self._cluster.places,
            "records": len(sales.records),
            "marks": str(marks),
        }

        def is_done() -> bool:
            child.check()
            return marks.exists()

        with BenchProcess(module_command("bench.limit", arguments), marks.with_suffix(".log"), self._core) as child:
            wait_until(is_done, "the limit to be measured", timeout_s=300)
            child.wait_sampled()
        return _measured(child, span_of([Mark(*mark) for mark in json.loads(marks.read_text())], sales.lines))

    def run(
        self, contender: Contender, sales: Sales, lines: int | None = None, restore_with: Published | None = None
    ) -> Measured:
        """Run an engine on what was published, and check what it made of it. `lines`: no more than these count.

        With a record to restore with, its state is deleted afterwards, the record published, and it is timed from
        its start until it has committed more than before.
        """
        records = min(len(sales.records), (lines or sales.lines) // sales.lines_per_sale)
        job = self._job(contender, sales.world, records)
        changelog = contender.timed_by_changelog and contender.timed_by_changelog(job)
        with contender.start(self._cluster, job, self._core) as child:
            if changelog:
                changes = _changes_of(records, sales.lines_per_sale, job)
                self._cluster.wait_written(changelog, changes, child.check)
            else:
                self._cluster.wait_committed(job.group, POS_SALES.name, records, child.check)
            child.wait_sampled()
        each = sales.lines_per_sale
        marks = self._written(changelog) if changelog else commit_marks(self._cluster, job.group, each)
        span = span_of(marks, records * each)
        self._check(contender, job, sales, records)
        restore_s = None if restore_with is None else self._restore(contender, job, restore_with)
        return _measured(child, span, restore_s)

    def start(self, contender: Contender, world: UniformPools) -> tuple[Job, BenchProcess]:
        """An engine that runs until its child is stopped."""
        job = self._job(contender, world)
        return job, contender.start(self._cluster, job, self._core)

    def _job(self, contender: Contender, world: UniformPools, records: int | None = None) -> Job:
        self._runs += 1
        group = f"{contender.name}-{self._runs}"
        journal = f"{group}-journal" if contender.journal else ""
        if journal:
            self._cluster.create_topic(journal)
        folder = self._folder / group
        folder.mkdir()
        servers, partitions = self._cluster.bootstrap_servers, self._cluster.partitions
        return Job(servers, group, folder, partitions, world.items, journal, batch_records(records))

    def _written(self, changelog: str) -> list[Mark]:
        """A line for each change of a sum."""
        return [
            Mark(message.timestamp()[1] / 1_000, 0 if NUMBER.encode() in message.key() else 1)
            for message in self._cluster.read(changelog)
        ]

    def _check(self, contender: Contender, job: Job, sales: Sales, records: int) -> None:
        """Raises BenchError for anything lost or repeated."""
        if contender.sums is None:
            audit(self._cluster, sales.expected)
            return
        found = contender.sums(self._cluster, job)
        # A slow one was stopped somewhere past the records that count.
        taken = sum(found.values()) // UNIT_MILLI // sales.lines_per_sale
        expected = sales.first(max(taken, records)).expected
        opening = OPENING_UNITS * UNIT_MILLI
        on_hand = {shelf: opening - found.pop("/".join(shelf), 0) for shelf in expected.on_hand_milli}
        problems = differences("changelog", expected.on_hand_milli, on_hand)
        problems += [f"the changelog has {key}, which nobody sold" for key in found]
        if job.journal:
            problems += check_journal(self._cluster, job.journal, expected)
        fail_on(f"the check of {contender.about}", problems)

    def _restore(self, contender: Contender, job: Job, record: Published) -> float:
        for state in job.folder.iterdir():
            if state.is_dir():
                shutil.rmtree(state)
        start = partial(contender.start, self._cluster, job, self._core)
        return seconds_to_commit(self._cluster, job.group, start, record)


def seconds_to_commit(cluster: Cluster, group: str, start: Callable[[], BenchProcess], sale: Published) -> float:
    """From the start of an engine, with one more sale waiting, to when its group has committed more than before."""
    committed = cluster.committed(group, POS_SALES.name)
    cluster.publish([sale])
    began_s = time.monotonic()
    with start() as child:
        cluster.wait_committed(group, POS_SALES.name, committed + 1, child.check, _RESTORE_PATIENCE_S)
    return time.monotonic() - began_s


def batch_records(records: int | None) -> int:
    """The most that ours takes at once: a short run, too, needs several batches. None for a run without end."""
    usual = WorkerSettings.batch_records
    return usual if records is None else max(min(usual, records // 8), 1)


def commit_marks(cluster: Cluster, group: str, lines_per_sale: int) -> list[Mark]:
    """A group's progress through the sales."""
    marks = []
    reached = dict.fromkeys(cluster.places, 0)
    for commit in read_commits(cluster, group, POS_SALES.name):
        ahead = commit.offset - reached.get(commit.partition, commit.offset)
        if ahead > 0:
            marks.append(Mark(commit.at_s, ahead * lines_per_sale))
            reached[commit.partition] = commit.offset
    return marks


def _changes_of(sales: int, lines_per_sale: int, job: Job) -> int:
    """Records that a changelog has of so many sales when each change is written: with a journal, its number too."""
    return sales * (lines_per_sale + bool(job.journal))


def _measured(child: BenchProcess, span: Span, restore_s: float | None = None) -> Measured:
    return Measured(
        span.lines_s,
        span.cpu_s_per_million_lines(child.samples),
        max(sample.rss_bytes for sample in child.samples) / _MIB,
        restore_s,
    )


def medians(runs: Mapping[str, Sequence[Measured]]) -> dict[str, Any]:
    """Figures by name: the median of each engine's runs, and the slowest and the fastest."""
    figures: dict[str, Any] = {}
    for name, done in runs.items():
        figures[f"{name}_lines_s"] = round(median(run.lines_s for run in done))
        figures[f"{name}_lines_s_min"] = round(min(run.lines_s for run in done))
        figures[f"{name}_lines_s_max"] = round(max(run.lines_s for run in done))
        cpu_s = median(run.cpu_s_per_million_lines for run in done)
        figures[f"cpu_s_per_million_lines_{name}"] = round(cpu_s, 2)
        figures[f"{name}_rss_peak_mib"] = round(median(run.rss_peak_mib for run in done))
    return figures
