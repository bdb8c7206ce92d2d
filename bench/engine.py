"""Lines per second: consume and decode alone, a Faust agent with a Table, and ours, on the same topic in one run.

Runs alternate, each on topics made anew for each input; the median of the rounds counts.
"""

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from bench.cluster import Cluster
from bench.contenders import FAUST, OURS
from bench.runs import Measured, RunHost, make_sales, medians
from world.uniform import UniformPools

Tell = Callable[[str], None]
LINES_PER_RECEIPT = 12


def measure_engines(lines: int, faust_lines: int, rounds: int, tell: Tell) -> dict[str, Any]:
    """Run all engines `rounds` times and return the figures, by name. Raises BenchError when one cannot be counted."""
    world = UniformPools()
    tell(f"making {lines} lines")
    one_line, receipts = (make_sales(world, lines, each) for each in (1, LINES_PER_RECEIPT))
    runs: dict[str, list[Measured]] = defaultdict(list)
    with Cluster() as cluster, tempfile.TemporaryDirectory(prefix="shelf-bench-") as folder:
        host = RunHost(cluster, Path(folder))
        for number in range(1, rounds + 1):
            host.publish(one_line)
            runs["limit"].append(host.limit(one_line))
            runs["faust_table"].append(host.run(FAUST, one_line, faust_lines))
            runs["ours"].append(host.run(OURS, one_line))
            host.publish(receipts)
            runs["limit_receipt"].append(host.limit(receipts))
            runs["ours_receipt"].append(host.run(OURS, receipts))
            rates = ", ".join(f"{name} {done[-1].lines_s:,.0f}" for name, done in runs.items())
            tell(f"round {number} of {rounds}, lines/s: {rates}; every line audited")
    return medians(runs) | {
        **_ratios({name: [run.lines_s for run in done] for name, done in runs.items()}),
        "lines": lines,
        "faust_table_lines": min(faust_lines, lines),
        "rounds": rounds,
        "lines_audited": rounds * (one_line.lines + receipts.lines),
        "cpus": os.cpu_count(),
    }


def _ratios(rates: Mapping[str, list[float]]) -> dict[str, float]:
    rate = {name: median(found) for name, found in rates.items()}
    return {
        "ours_to_limit_ratio": round(rate["ours"] / rate["limit"], 3),
        "ours_to_faust_table_ratio": round(rate["ours"] / rate["faust_table"], 2),
        "ours_receipt_to_limit_ratio": round(rate["ours_receipt"] / rate["limit"], 3),
        "ours_receipt_to_limit_receipt_ratio": round(rate["ours_receipt"] / rate["limit_receipt"], 3),
    }
