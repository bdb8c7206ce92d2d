"""The rules and the formula of docs/routing.md once more, written from the page alone: what plans are held against."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from streams.pool.orders.geo import distance_m
from streams.routing.model import Case, Consignment, Plan, Point, Route, Vehicle


def breaches(case: Case, plan: Plan, *, left: frozenset[str] = frozenset()) -> list[str]:
    """Sentences about what of the plan is not allowed or is not true; none when all of it holds.

    left: vehicles that had left before; the times of their first stops are of an earlier case.
    """
    known = {one.consignment: one for one in case.consignments}
    vehicles = {one.vehicle: one for one in case.vehicles}
    found = []
    names = [route.vehicle for route in plan.routes]
    found += [f"{name} has two routes" for name, times in Counter(names).items() if times > 1]
    ended = Counter[str]()
    for route in plan.routes:
        vehicle = vehicles[route.vehicle]
        ended.update(name for stop in route.stops for name in (*stop.hands_over, *stop.returns))
        found += [f"{route.vehicle}: {told}" for told in _of_route(case, known, vehicle, route, left)]
    unserved = {one.consignment for one in plan.unserved}
    for name, one in known.items():
        times = ended[name] + (name in unserved)
        if times != 1 and not (one.is_failed and times == 0):
            found.append(f"{name} is handed over {ended[name]} times and {'' if name in unserved else 'not '}left out")
    return found


def cost_of(case: Case, plan: Plan) -> int:
    """By the formula, from the stops alone: milli-minor."""
    vehicles = {one.vehicle: one for one in case.vehicles}
    cost = 0
    for route in plan.routes:
        vehicle = vehicles[route.vehicle]
        metres = sum(_legs_m(case, vehicle, route))
        seconds = route.ends_s - route.starts_s
        cost += 1000 * vehicle.fixed_minor + metres * vehicle.minor_per_km + seconds * vehicle.work_milli_minor_per_s
    return cost


def _of_route(
    case: Case, known: dict[str, Consignment], vehicle: Vehicle, route: Route, left: frozenset[str]
) -> Iterator[str]:
    legs_m = _legs_m(case, vehicle, route)
    if sum(legs_m) > vehicle.distance_max_m or sum(legs_m) != route.distance_m:
        yield f"drives {sum(legs_m)} m, says {route.distance_m} m and may {vehicle.distance_max_m} m"
    if route.starts_s < vehicle.starts_s or route.ends_s > vehicle.ends_s:
        yield "is under way outside the shift"
    if case.now_s is not None and vehicle.vehicle not in left and route.starts_s < case.now_s:
        yield "leaves before now"
    at_s, aboard = route.starts_s, set[str]()
    for stop, metres in zip(route.stops, legs_m, strict=False):
        at_s += -(-metres * 3600 // vehicle.speed_m_per_h)
        if stop.arrives_s < at_s:
            yield f"is at {stop.place} before it can be"
        if vehicle.vehicle not in left:
            yield from _of_times(case, known, stop.arrives_s, stop.leaves_s, [*stop.loads], [*stop.hands_over])
        yield from (f"has {name} twice" for name in stop.loads if name in aboard)
        for name in stop.loads:
            if vehicle.only_store not in {None, known[name].from_store}:
                yield f"carries {name} of another store"
            if stop.at != _store(case, known[name].from_store):
                yield f"loads {name} elsewhere"
        aboard |= set(stop.loads)
        yield from (f"has no {name} to hand over" for name in {*stop.hands_over, *stop.returns} - aboard)
        yield from (f"hands over {name} elsewhere" for name in stop.hands_over if stop.at != known[name].to_place)
        aboard -= {*stop.hands_over, *stop.returns}
        load = sum(known[name].load_milli() for name in aboard)
        if load != stop.aboard_milli or load > vehicle.capacity_milli:
            yield f"has {load} aboard, says {stop.aboard_milli} and may {vehicle.capacity_milli}"
        at_s = stop.leaves_s
    if route.stops and at_s + -(-legs_m[-1] * 3600 // vehicle.speed_m_per_h) > route.ends_s:
        yield "is home before it can be"


def _of_times(
    case: Case, known: dict[str, Consignment], arrives_s: int, leaves_s: int, loads: list[str], hands_over: list[str]
) -> Iterator[str]:
    """Within a stop consignments are done one behind the other, so each has its time inside the stop's."""
    work_s = len(loads) * case.policy.load_s + len(hands_over) * case.policy.handover_s
    if leaves_s - arrives_s < work_s:
        yield f"takes {leaves_s - arrives_s} s for {work_s} s of work"
    for name in loads:
        one = known[name]
        store = next(store for store in case.stores if store.store == one.from_store)
        if (
            leaves_s - case.policy.load_s < max(one.ready_s, store.opens_s)
            or arrives_s + case.policy.load_s > store.closes_s
        ):
            yield f"loads {name} outside its time"
    for name in hands_over:
        one = known[name]
        until_s = one.until_s
        if one.to_store is not None:
            until_s = min(until_s, next(store.closes_s for store in case.stores if store.store == one.to_store))
        if leaves_s - case.policy.handover_s < one.from_s or arrives_s + case.policy.handover_s > until_s:
            yield f"hands over {name} outside its time"


def _legs_m(case: Case, vehicle: Vehicle, route: Route) -> list[int]:
    points = [vehicle.home_at, *(stop.at for stop in route.stops), vehicle.home_at]
    return [-(-distance_m(one, other) * case.policy.detour_permille // 1000) for one, other in pairwise(points)]


def _store(case: Case, name: str) -> Point:
    return next(store.at for store in case.stores if store.store == name)
