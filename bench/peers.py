"""Ours, and what others offer for the same: Faust, Quix Streams, Kafka Streams, on the same topic in one run.

Each peer runs twice: with one counter for each store and SKU, and writing the same journal as ours besides. The
engine has one core, the broker another. Runs alternate; the median of the rounds counts.
"""

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.child import pinned
from bench.cluster import Cluster
from bench.contenders import FAUST, KAFKA_STREAMS, OURS, QUIX, TWO_THREADS, Contender, same_outputs
from bench.engine import LINES_PER_RECEIPT
from bench.journal_latency import start_and_measure
from bench.runs import Measured, RunHost, Sales, make_sales, medians
from world.uniform import UniformPools, popular_sales

Tell = Callable[[str], None]
Runs = dict[str, list[Measured]]
LIMIT = "limit"
RECEIPT, TWO_POOLS = "_receipt", "_two_pools"
"""After an engine's name: on receipts of 12 lines; on one-line sales of two pools, so that two threads have work."""
_ONE_THREAD = (FAUST, QUIX, KAFKA_STREAMS)
NAMES = (LIMIT, FAUST.name, QUIX.name, KAFKA_STREAMS.name, OURS.name)
"""Whom one can choose from."""
_LATENCY_LINES_S = 1_000
_RESTORE_SEED = 3


@dataclass(frozen=True)
class Turn:
    """An input, and the engines that take it in turns, by the names of their figures."""

    sales: Sales
    suffix: str
    engines: Mapping[str, Contender]


def measure_peers(
    lines: int, faust_lines: int, rounds: int, latency_s: int, only: Collection[str], tell: Tell
) -> dict[str, Any]:
    """Run the engines named (all, when none is) and return the figures, by name.

    `latency_s`: how long latency is measured; 0 leaves it and the restore out. Raises BenchError when an engine
    cannot be counted, or its results are wrong.
    """
    chosen = set(only or NAMES)
    tell(f"making {lines} lines")
    turns = _turns(lines, chosen)
    pools = sorted({pool for turn in turns for pool in turn.sales.world.pool_names})
    core, *others = sorted(os.sched_getaffinity(0))
    runs: Runs = defaultdict(list)
    figures: dict[str, Any] = {}
    with (
        pinned(*others),
        Cluster(pools, core=others[0] if others else None) as cluster,
        tempfile.TemporaryDirectory(prefix="shelf-bench-") as folder,
    ):
        host = RunHost(cluster, Path(folder), core if others else None)
        for number in range(1, rounds + 1):
            for turn in turns:
                host.publish(turn.sales)
                if LIMIT in chosen:
                    runs[LIMIT + turn.suffix].append(host.limit(turn.sales))
                for name, engine in turn.engines.items():
                    runs[name].append(host.run(engine, turn.sales, faust_lines if engine.timed_by_changelog else None))
                    tell(f"round {number} of {rounds}: {name} {runs[name][-1].lines_s:,.0f} lines/s")
    if latency_s:
        # Not pinned: tills and reader would have to share the broker's core, and that would be measured.
        with Cluster() as cluster, tempfile.TemporaryDirectory(prefix="shelf-bench-") as folder:
            host = RunHost(cluster, Path(folder))
            for engine in turns[0].engines.values():
                figures |= _latency(cluster, host, engine, latency_s, tell)
                figures |= _restore(host, engine, turns[0].sales, faust_lines, tell)
    return {
        **figures,
        **medians(runs),
        **_ratios(runs, turns),
        "lines": lines,
        "faust_table_lines": min(faust_lines, lines),
        "rounds": rounds,
        "cpus": os.cpu_count(),
        "pinned": bool(others),
    }


def _turns(lines: int, chosen: Collection[str]) -> list[Turn]:
    peers = [form for peer in _ONE_THREAD if peer.name in chosen for form in (peer, same_outputs(peer))]
    ours = [OURS] if OURS.name in chosen else []
    turns = [
        Turn(
            make_sales(UniformPools(), lines, each),
            suffix,
            {f"{engine.name}{suffix}": engine for engine in (*peers, *ours)},
        )
        for each, suffix in ((1, ""), (LINES_PER_RECEIPT, RECEIPT))
    ]
    if KAFKA_STREAMS.name in chosen:
        two_threads = {engine.name: engine for engine in (TWO_THREADS, same_outputs(TWO_THREADS))}
        beside = {f"{engine.name}{TWO_POOLS}": engine for engine in ours}
        turns.append(Turn(make_sales(UniformPools(pools=2), lines, 1), TWO_POOLS, {**two_threads, **beside}))
    return turns


def _latency(cluster: Cluster, host: RunHost, engine: Contender, seconds: int, tell: Tell) -> dict[str, Any]:
    if not (engine.journal or engine is OURS):
        return {}
    found = start_and_measure(cluster, host, engine, _LATENCY_LINES_S, seconds)
    tell(f"{engine.name}: latency p50 {found.p50_ms} ms, p99 {found.p99_ms} ms at {_LATENCY_LINES_S:,} lines/s")
    return {f"{engine.name}_latency_p50_ms": found.p50_ms, f"{engine.name}_latency_p99_ms": found.p99_ms}


def _restore(host: RunHost, engine: Contender, sales: Sales, faust_lines: int, tell: Tell) -> dict[str, Any]:
    host.publish(sales)
    more = next(popular_sales(sales.world, 1, 1, seed=_RESTORE_SEED))
    run = host.run(engine, sales, faust_lines if engine.timed_by_changelog else None, restore_with=more)
    tell(f"{engine.name}: at work again on an empty directory after {run.restore_s:.1f} s")
    return {f"{engine.name}_restore_s": round(run.restore_s or 0, 2)}


def _ratios(runs: Runs, turns: Sequence[Turn]) -> dict[str, float]:
    """Ours to each other engine on the same input, and to the limit of one-line sales."""
    rate = {name: median(run.lines_s for run in done) for name, done in runs.items()}
    pairs = {
        name: OURS.name + turn.suffix for turn in turns for name in (LIMIT + turn.suffix, *turn.engines)
    }  # fmt: skip
    ratios = {
        f"ours_to_{name}_ratio": round(rate[ours] / rate[name], 3)
        for name, ours in pairs.items()
        if name in rate and ours in rate and name != ours
    }
    if OURS.name + RECEIPT in rate and LIMIT in rate:
        ratios["ours_receipt_to_limit_ratio"] = round(rate[OURS.name + RECEIPT] / rate[LIMIT], 3)
    return ratios
