"""A consignment alone: who could carry it, and what one trip for it takes."""

from collections.abc import Mapping

from streams.routing.model import Case, Consignment, Reason, Trips
from streams.routing.schedule import Left, Tasks, route_of
from streams.routing.travel import road_m, travel_s


def hindrance(case: Case, one: Consignment, left: Mapping[str, Left]) -> Reason | None:
    """Why no vehicle could carry it even if it had nothing else to do; None when one could."""
    able = [vehicle for vehicle in case.vehicles if vehicle.capacity_milli >= one.load_milli()]
    if not able:
        return "too_large"
    able = [vehicle for vehicle in able if vehicle.only_store in {None, one.from_store}]
    if not able:
        return "no_vehicle"
    tasks = Tasks(case)
    trip = (tasks.load(one), tasks.hand_over(one))
    free = [(vehicle, _empty(left.get(vehicle.vehicle))) for vehicle in able]
    if any(route_of(case, vehicle, trip, so_far) for vehicle, so_far in free):
        return None
    unlimited = [(vehicle._replace(distance_max_m=10**12), so_far) for vehicle, so_far in free]
    return "too_far" if any(route_of(case, vehicle, trip, so_far) for vehicle, so_far in unlimited) else "out_of_time"


def single_trip(case: Case, one: Consignment) -> Trips:
    """From its store to its receiver and back, by the cheapest vehicle that has room; the fixed cost is left out."""
    store = next(store for store in case.stores if store.store == one.from_store)
    metres = road_m(case.policy, store.at, one.to_place)
    work_s = case.policy.load_s + case.policy.handover_s
    costs = [
        2 * metres * vehicle.minor_per_km + (work_s + 2 * travel_s(vehicle, metres)) * vehicle.work_milli_minor_per_s
        for vehicle in case.vehicles
        if vehicle.capacity_milli >= one.load_milli()
    ]
    return Trips(2 * metres, min(costs))


def _empty(left: Left | None) -> Left | None:
    return left and left._replace(aboard=())
