"""Lines per second: consume and decode alone, a Faust agent with a Table, and ours, on the same topic in one run.

A run's rate counts the lines of all batches but the first, from the end of the first batch to the end of the last
(`bench.figures.Span`), for every engine. When a batch ended is seen from outside: for ours, in the broker's append
time of the journal's pages, for Faust in that of its table's changelog; the limit writes nothing, so it says so
itself. Runs alternate, each on topics made anew; the median of the rounds counts.
"""

import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # not in its __all__

from bench.audit import Expected, audit, expect
from bench.child import Child
from bench.cluster import PARTITIONS, Cluster, wait_until
from bench.faust_table import changelog_of
from bench.figures import Mark, Span, span_of
from bench.ledger import Ledger
from bench.world import POOL, Published, World, declarations, opening_stock, popular_sales
from schemas.topics import POS_SALES

Tell = Callable[[str], None]
LINES_PER_RECEIPT = 12


@dataclass(frozen=True)
class Measured:
    """One run of one engine."""

    lines_s: float
    cpu_s_per_million_lines: float


@dataclass(frozen=True)
class Sales:
    """An input: encoded sales, and what must become of them."""

    values: list[bytes]
    lines_per_sale: int
    expected: Expected

    @property
    def batch_records(self) -> int:
        """Records that an engine takes at once: a short run gets smaller batches, so that it has several."""
        return max(min(4_000, len(self.values) // 4), 1)

    def records(self) -> Iterator[Published]:
        return ((POS_SALES.name, POOL, value) for value in self.values)


def measure_engines(lines: int, faust_lines: int, rounds: int, tell: Tell) -> dict[str, Any]:
    """Run all engines `rounds` times and return the figures, by name. Raises BenchError when one cannot be counted."""
    world = World()
    tell(f"making {lines} lines")
    one_line, receipts = (_sales(world, lines, each) for each in (1, LINES_PER_RECEIPT))
    runs: dict[str, list[Measured]] = defaultdict(list)
    with Cluster() as cluster, tempfile.TemporaryDirectory(prefix="shelf-bench-") as folder:
        for number in range(1, rounds + 1):
            bench = _Round(cluster, Path(folder), number, world)
            bench.publish(one_line)
            runs["limit"].append(bench.limit(one_line))
            runs["faust_table"].append(bench.faust_table(min(faust_lines, lines)))
            runs["ours"].append(bench.ours(one_line))
            bench.publish(receipts)
            runs["limit_receipt"].append(bench.limit(receipts))
            runs["ours_receipt"].append(bench.ours(receipts))
            rates = ", ".join(f"{name} {done[-1].lines_s:,.0f}" for name, done in runs.items())
            tell(f"round {number} of {rounds}, lines/s: {rates}; every line audited")
    return _figures(runs) | {
        "lines": lines,
        "faust_table_lines": min(faust_lines, lines),
        "rounds": rounds,
        "lines_audited": rounds * (one_line.expected.lines + receipts.expected.lines),
        "cpus": os.cpu_count(),
    }


def _sales(world: World, lines: int, lines_per_sale: int) -> Sales:
    values = list(popular_sales(world, lines, lines_per_sale))
    return Sales(values, lines_per_sale, expect(world, values))


def _figures(runs: dict[str, list[Measured]]) -> dict[str, Any]:
    rates = {name: median(run.lines_s for run in done) for name, done in runs.items()}
    figures: dict[str, Any] = {f"{name}_lines_s": round(rate) for name, rate in rates.items()}
    figures |= {
        "ours_to_limit_ratio": round(rates["ours"] / rates["limit"], 3),
        "ours_to_faust_table_ratio": round(rates["ours"] / rates["faust_table"], 2),
        "ours_receipt_to_limit_ratio": round(rates["ours_receipt"] / rates["limit"], 3),
        "ours_receipt_to_limit_receipt_ratio": round(rates["ours_receipt"] / rates["limit_receipt"], 3),
    }
    for name, done in runs.items():
        used = median(run.cpu_s_per_million_lines for run in done)
        figures[f"cpu_s_per_million_lines_{name}"] = round(used, 2)
    for name, done in runs.items():
        figures[f"{name}_lines_s_min"] = round(min(run.lines_s for run in done))
        figures[f"{name}_lines_s_max"] = round(max(run.lines_s for run in done))
    return figures


class _Round:
    """One run of each engine."""

    def __init__(self, cluster: Cluster, folder: Path, number: int, world: World) -> None:
        self._cluster = cluster
        self._folder = folder
        self._number = number
        self._world = world

    def publish(self, sales: Sales) -> None:
        """The pool's settings and opening stock, and the sales, on topics made anew."""
        self._cluster.start_afresh()
        for records in (declarations(self._world), opening_stock(self._world), sales.records()):
            self._cluster.publish(records)

    def limit(self, sales: Sales) -> Measured:
        marks = self._folder / f"limit-{self._number}-{sales.lines_per_sale}.json"
        arguments = {
            "bootstrap_servers": self._cluster.bootstrap_servers,
            "partition": self._cluster.partition,
            "records": len(sales.values),
            "batch_records": sales.batch_records,
            "marks": str(marks),
        }

        def is_done() -> bool:
            child.check()
            return marks.exists()

        with Child("bench.limit", arguments, marks.with_suffix(".log")) as child:
            wait_until(is_done, "the limit to be measured", timeout_s=300)
            child.wait_sampled()
            return _measured(child, span_of([Mark(*mark) for mark in json.loads(marks.read_text())]))

    def faust_table(self, lines: int) -> Measured:
        app_id = f"faust-{self._number}"
        changelog = changelog_of(app_id)
        self._create_changelog(changelog)
        arguments = {
            "bootstrap_servers": self._cluster.bootstrap_servers,
            "app_id": app_id,
            "data_dir": str(self._folder / app_id),
            "partitions": PARTITIONS,
        }
        with Child("bench.faust_table", arguments, self._folder / f"{app_id}.log") as child:
            self._cluster.wait_written(changelog, lines, child.check)
            child.wait_sampled()
            written = islice(self._cluster.read(changelog), lines)
            return _measured(child, span_of([Mark(message.timestamp()[1] / 1000, 1) for message in written]))

    def _create_changelog(self, name: str) -> None:
        """As Faust would make it, but stamped by the broker."""
        config = {"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"}
        admin = AdminClient(self._cluster.options)
        admin.create_topics([NewTopic(name, PARTITIONS, 1, config=config)])[name].result(30)

    def ours(self, sales: Sales) -> Measured:
        group = f"ours-{self._number}-{sales.lines_per_sale}"
        with Ledger(self._cluster, self._folder, group, batch_records=sales.batch_records) as child:
            self._cluster.wait_committed(group, POS_SALES.name, len(sales.values), child.check)
            child.wait_sampled()
        return _measured(child, span_of(audit(self._cluster, sales.expected)))


def _measured(child: Child, span: Span) -> Measured:
    return Measured(span.lines_s, span.cpu_s_per_million_lines(child.samples))
