"""Our engine as the state grows: rows, stores, pools, partitions, one at a time, with one worker.

At each size a worker takes in the opening stock, is started again with sales waiting, answers tills at a steady rate,
and comes back from an empty directory.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cluster import PARTITIONS, Cluster
from bench.figures import span_of
from bench.journal_latency import measure_latency_of
from bench.ledger import Ledger
from bench.runs import batch_records, commit_marks, make_sales, seconds_to_commit
from schemas.topics import POOL_CHANGELOG, POOL_JOURNAL, POS_SALES, POS_STOCK
from world.uniform import UniformPools, declarations, opening_stock, popular_sales

Tell = Callable[[str], None]
AXES = ("rows", "stores", "pools", "partitions")
_LATENCY_LINES_S = 1_000
_LINES_PER_REPORT = 100
_GROUP = "growth"
_MIB = 1 << 20


@dataclass(frozen=True)
class Size:
    """One point of a curve."""

    rows: int = 100_000
    """Stock rows in all: stores times items."""
    stores: int = 1_000
    pools: int = 1
    partitions: int = PARTITIONS

    @property
    def world(self) -> UniformPools:
        """Stores that share out the rows, and pools that share out the stores."""
        stores = min(self.stores, self.rows)
        return UniformPools(stores, self.rows // stores, self.pools)


def sizes_along(axis: str, values: Sequence[int]) -> list[Size]:
    """The points of one axis, with everything else as it is."""
    if axis == "partitions":  # as many pools as there are partitions at most, so that each holds some
        return [Size(pools=max(values), partitions=value) for value in values]
    return [Size(**{axis: value}) for value in values]


def measure_growth(axes: Mapping[str, Sequence[int]], lines: int, latency_s: int, tell: Tell) -> dict[str, Any]:
    """The figures at each size along each axis. Raises BenchError when a worker ends or stands still."""
    curves: dict[str, list[dict[str, Any]]] = {}
    for axis, values in axes.items():
        curves[axis] = []
        for size in sizes_along(axis, values):
            found = _measure(size, lines, latency_s)
            curves[axis].append(found)
            tell(", ".join(f"{name} {figure:,}" for name, figure in found.items()))
    return {"curves": curves, "lines": lines}


def _measure(size: Size, lines: int, latency_s: int) -> dict[str, Any]:
    world = size.world
    sales = make_sales(world, lines, 1)
    with (
        Cluster(world.pool_names, size.partitions) as cluster,
        tempfile.TemporaryDirectory(prefix="shelf-bench-") as name,
    ):
        folder = Path(name)
        cluster.publish(declarations(world))
        reports = cluster.publish(opening_stock(world, _LINES_PER_REPORT))
        began_s = time.monotonic()
        with Ledger(cluster, folder, _GROUP) as ledger:
            cluster.wait_committed(_GROUP, POS_STOCK.name, reports, ledger.check)
        build_s = time.monotonic() - began_s
        published = cluster.publish(sales.records)
        with Ledger(cluster, folder, _GROUP, batch_records=batch_records(lines)) as ledger:
            cluster.wait_committed(_GROUP, POS_SALES.name, published, ledger.check)
            ledger.wait_sampled()
            span = span_of(commit_marks(cluster, _GROUP, 1), lines)
            latency = measure_latency_of(cluster, world, ledger, POOL_JOURNAL.name, _LATENCY_LINES_S, latency_s)
            rss_bytes = ledger.rss_bytes()
        rss_peak_bytes = max(sample.rss_bytes for sample in ledger.samples)
        state_bytes = sum(file.stat().st_size for file in ledger.state_dir.rglob("*") if file.is_file())
        shutil.rmtree(ledger.state_dir)
        more = next(popular_sales(world, 1, 1, seed=2))
        restore_s = seconds_to_commit(cluster, _GROUP, lambda: Ledger(cluster, folder, _GROUP), more)
        return {
            "rows": world.stores * world.items,
            "stores": world.stores,
            "pools": world.pools,
            "partitions": size.partitions,
            "lines_s": round(span.lines_s),
            "cpu_s_per_million_lines": round(span.cpu_s_per_million_lines(ledger.samples), 2),
            "latency_p50_ms": latency.p50_ms,
            "latency_p99_ms": latency.p99_ms,
            "rss_mib": round(rss_bytes / _MIB),
            "rss_peak_mib": round(rss_peak_bytes / _MIB),
            "restore_s": round(restore_s, 2),
            "state_mib": round(state_bytes / _MIB, 1),
            "changelog_mib": round(cluster.size_bytes(POOL_CHANGELOG.name) / _MIB, 1),
            "journal_mib": round(cluster.size_bytes(POOL_JOURNAL.name) / _MIB, 1),
            "build_s": round(build_s, 1),
        }
