"""From a case to its plan: who is servable, what has left, the search, and the plan in whole numbers."""

from pyvrp.stop import MaxIterations

from streams.routing.left import what_has_left
from streams.routing.model import Case, Effort, Plan, Reason, Trips, Unserved
from streams.routing.program import search
from streams.routing.schedule import route_of
from streams.routing.servable import hindrance, single_trip


def plan(case: Case, effort: Effort, earlier: Plan | None = None) -> Plan:
    """The routes for a case; the same case, effort and earlier plan give the same plan.

    What has left by the earlier plan stays: its stops so far, and what is aboard stays on its vehicle. All else is
    planned anew. Raises EarlierPlanUnusable.
    """
    left = {} if earlier is None else what_has_left(case, earlier)
    gone = {name for one in left.values() for stop in one.stops for name in stop.loads}
    waiting = [one for one in case.consignments if one.consignment not in gone and not one.is_failed]
    reasons: dict[str, Reason] = {
        one.consignment: reason for one in waiting if (reason := hindrance(case, one, left)) is not None
    }
    open_ = [one for one in waiting if one.consignment not in reasons]
    routes = []
    trips = search(case, open_, left, effort.seed, lambda: MaxIterations(effort.iterations)) if open_ or left else []
    for trip in trips:
        route = route_of(case, trip.vehicle, trip.tasks, left.get(trip.vehicle.vehicle))
        assert route is not None, "the search keeps to the same rules"
        routes.append(route)
    routes.sort(key=lambda route: route.vehicle)
    delivered = {name for route in routes for stop in route.stops for name in stop.hands_over}
    loaded = {name for route in routes for stop in route.stops for name in stop.loads}
    returned = {name for route in routes for stop in route.stops for name in stop.returns}
    unserved = []
    for one in case.consignments:
        name = one.consignment
        if name in delivered or name in returned or (one.is_failed and name not in loaded):
            continue
        unserved.append(Unserved(name, "aboard" if name in loaded else reasons.get(name, "no_room")))
    return Plan(effort, tuple(routes), tuple(unserved), *_alone(case, delivered))


def _alone(case: Case, delivered: set[str]) -> tuple[int, Trips]:
    done = [one for one in case.consignments if one.consignment in delivered]
    trips = [single_trip(case, one) for one in done]
    orders = len({one.order for one in done})
    return orders, Trips(sum(trip.distance_m for trip in trips), sum(trip.cost_milli_minor for trip in trips))
