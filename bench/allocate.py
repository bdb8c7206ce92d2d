"""The time that an order takes to allocate, and its distance from the optimum that an integer program finds."""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from bench.allocation_cases import KINDS, make_case, make_policy
from bench.allocation_program import optimum
from bench.allocation_rules import cost_of
from bench.errors import BenchError
from bench.figures import percentile
from streams.allocation import Case, Policy, allocate

Tell = Callable[[str], None]

SMALL = (34, 5)
LARGE = (60, 30)
"""Stores and lines."""


def measure_allocation(orders: int, checked: int, large_checked: int, tell: Tell) -> dict[str, Any]:
    """Time so many orders of each size, all kinds in turn, and check others. Raises BenchError for a wrong answer."""
    figures: dict[str, Any] = {"orders_timed": 2 * orders}
    for name, (stores, lines) in {"small": SMALL, "large": LARGE}.items():
        by_kind = {kind: _times(kind, stores, lines, -(-orders // len(KINDS))) for kind in KINDS}
        every = [times for of_kind in by_kind.values() for times in of_kind]
        slowest = max(by_kind, key=lambda kind: percentile([times.cpu_ms for times in by_kind[kind]], 50))
        figures |= {
            f"p50_{name}_ms": _percentile([times.wall_ms for times in every], 50),
            f"p99_{name}_ms": _percentile([times.wall_ms for times in every], 99),
            f"p99_{name}_cpu_ms": _percentile([times.cpu_ms for times in every], 99),
            f"slowest_kind_{name}": slowest,
            f"p99_slowest_kind_{name}_ms": _percentile([times.wall_ms for times in by_kind[slowest]], 99),
            f"p99_slowest_kind_{name}_cpu_ms": _percentile([times.cpu_ms for times in by_kind[slowest]], 99),
        }
        tell(f"{stores} stores x {lines} lines: p99 {figures[f'p99_{name}_ms']} ms")
    ratios = []
    for number, (case, policy) in enumerate(_cases_to_check(checked, large_checked), start=1):
        ratios.append(cost_ratio(case, policy))
        if number % 100 == 0:
            tell(f"{number} orders checked")
    return {**figures, "orders_checked": len(ratios), "worst_cost_ratio_to_optimum": max(ratios, default=None)}


def cost_ratio(case: Case, policy: Policy) -> float:
    """Cost of our answer ÷ the optimum. Raises BenchError for an answer that breaks the page's rules."""
    answer = allocate(case, policy)
    cost = answer.costs.total()
    plan = {(share.line_id, share.store): share.quantity_milli for share in answer.shares}
    if cost_of(case, policy, plan) != cost:
        raise BenchError(f"the answer is not allowed, or costs other than it says: {answer}")
    least = optimum(case, policy)
    if cost == least:
        return 1.0
    return cost / least if least > 0 else float("inf")


class _Times(NamedTuple):
    wall_ms: float
    cpu_ms: float
    """What it takes on a machine that does nothing else."""


def _times(kind: str, stores: int, lines: int, orders: int) -> list[_Times]:
    cases = [make_case(kind, stores, lines, seed) for seed in range(orders)]
    policy = Policy()
    for case in cases[:10]:
        allocate(case, policy)
    times = []
    for case in cases:
        began, cpu_began = time.perf_counter(), time.thread_time()
        allocate(case, policy)
        cpu_ended, ended = time.thread_time(), time.perf_counter()
        times.append(_Times(1000 * (ended - began), 1000 * (cpu_ended - cpu_began)))
    return times


def _percentile(values: list[float], percent: float) -> float:
    return round(percentile(values, percent), 3)


def _cases_to_check(checked: int, large_checked: int) -> Iterator[tuple[Case, Policy]]:
    sizes = ((5, 2), (8, 4), (12, 3), (10, 8), SMALL)
    small = ((kind, size, seed) for seed in range(checked) for size in sizes for kind in KINDS)
    large = ((kind, LARGE, seed) for seed in range(large_checked) for kind in KINDS)
    for kind, (stores, lines), seed in (*islice(small, checked), *islice(large, large_checked)):
        yield make_case(kind, stores, lines, seed), make_policy(seed)
