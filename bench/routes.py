"""The time that a plan takes, what bundling saves against one trip for each order, and a long search beside it."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from pyvrp.stop import MaxRuntime

from bench.errors import BenchError
from bench.figures import percentile
from bench.routing_cases import KINDS, STORES, make_case
from bench.routing_rules import breaches, cost_of
from streams.routing.model import Case, Effort, Plan
from streams.routing.plan import plan
from streams.routing.program import LEFT_OUT_MILLI_MINOR, search
from streams.routing.schedule import route_of
from streams.routing.servable import hindrance

Tell = Callable[[str], None]


class _Planned(NamedTuple):
    case: Case
    plan: Plan
    wall_s: float
    cpu_s: float


def measure_routes(
    seed: int, cases: int, compared: int, reference_s: int, consignments: int, iterations: int, tell: Tell
) -> dict[str, Any]:
    """Plan the cases from `seed` on and search the first `compared` for long. Raises BenchError for a wrong plan."""
    plan(make_case(KINDS[0], seed, consignments), Effort(seed, 1))  # what is loaded once is not measured
    done: list[tuple[str, _Planned]] = []
    for number in range(cases):
        kind = KINDS[number % len(KINDS)]
        done.append((kind, _plan(make_case(kind, seed + number, consignments), Effort(seed, iterations))))
        if (number + 1) % 10 == 0:
            tell(f"{number + 1} cases planned and checked")
    ratios = []
    for number, (kind, ours) in enumerate(done[:compared], start=1):
        best = _long_search(ours.case, seed, reference_s)
        ratios.append(_cost(ours.plan) / best if best else 1.0)
        tell(f"{number} of {compared} compared, a {kind}: {ratios[-1]:.4f}")
    every = [one for _, one in done]
    return {
        "seed": seed,
        "cases": cases,
        "stores": STORES,
        "stops": 2 * consignments,
        "iterations": iterations,
        "solve_p50_s": round(percentile([one.wall_s for one in every], 50), 3),
        "solve_p99_s": round(percentile([one.wall_s for one in every], 99), 3),
        "solve_p99_cpu_s": round(percentile([one.cpu_s for one in every], 99), 3),
        "unserved": sum(len(one.plan.unserved) for one in every),
        **{f"{name}_{kind}": value for kind in KINDS for name, value in _saved(done, kind).items()},
        "metres_saved_percent": _percent(
            sum(one.plan.totals().distance_m for one in every), sum(one.plan.single_trips.distance_m for one in every)
        ),
        "cases_compared": len(ratios),
        "reference_s": reference_s,
        "worst_cost_ratio": round(max(ratios), 4) if ratios else None,
        "mean_cost_ratio": round(sum(ratios) / len(ratios), 4) if ratios else None,
    }


def _plan(case: Case, effort: Effort) -> _Planned:
    began, cpu_began = time.perf_counter(), time.thread_time()
    found = plan(case, effort)
    cpu_s, wall_s = time.thread_time() - cpu_began, time.perf_counter() - began
    wrong = breaches(case, found)
    if wrong or cost_of(case, found) != found.totals().cost_milli_minor:
        raise BenchError(f"the plan is not allowed, or costs other than it says: {wrong}")
    return _Planned(case, found, wall_s, cpu_s)


def _long_search(case: Case, seed: int, seconds: int) -> int:
    """Cost of what the search finds in so many seconds of wall-clock time."""
    open_ = [one for one in case.consignments if hindrance(case, one, {}) is None]
    trips = search(case, open_, {}, seed, lambda: MaxRuntime(seconds))
    routes = [route_of(case, trip.vehicle, trip.tasks) for trip in trips]
    served = sum(task.act == "hand_over" for trip in trips for task in trip.tasks)
    cost = sum(route.costs.total() for route in routes if route is not None)
    return cost + LEFT_OUT_MILLI_MINOR * (len(open_) - served)


def _cost(found: Plan) -> int:
    left_out = sum(one.reason == "no_room" for one in found.unserved)
    return found.totals().cost_milli_minor + LEFT_OUT_MILLI_MINOR * left_out


def _saved(done: list[tuple[str, _Planned]], kind: str) -> dict[str, Any]:
    plans = [one.plan for of_kind, one in done if of_kind == kind]
    orders = sum(one.orders for one in plans)
    if not orders:
        return {}
    metres = sum(one.totals().distance_m for one in plans)
    cost = sum(one.totals().cost_milli_minor for one in plans)
    alone_m = sum(one.single_trips.distance_m for one in plans)
    alone_cost = sum(one.single_trips.cost_milli_minor for one in plans)
    return {
        "m_per_order": metres // orders,
        "m_per_order_alone": alone_m // orders,
        "metres_saved_percent": _percent(metres, alone_m),
        "minor_per_order": cost // orders // 1000,
        "minor_per_order_alone": alone_cost // orders // 1000,
    }


def _percent(less: int, more: int) -> float:
    return round(100 * (1 - less / more), 1) if more else 0.0
