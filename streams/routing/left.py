"""The routes of an earlier plan that have left: what of them stays as it is, and what they have aboard."""

from collections.abc import Mapping
from itertools import pairwise

from messaging.errors import UserError
from streams.routing.model import Case, Consignment, Plan, Route, Stop, Vehicle
from streams.routing.schedule import Left, route_of
from streams.routing.travel import road_m


class EarlierPlanUnusable(UserError):
    """The earlier plan does not fit the case; the message says what to do."""


def what_has_left(case: Case, earlier: Plan) -> dict[str, Left]:
    """Vehicle → the part of its route that has left by the case's `now_s`. Raises EarlierPlanUnusable.

    A vehicle that has left still goes to the stop that it is on its way to. There it no longer loads what has failed
    since, and does not hand it over.
    """
    if case.now_s is None:
        raise EarlierPlanUnusable("there is an earlier plan but no now_s; say in now_s what time it is")
    known = {one.consignment: one for one in case.consignments}
    found = {}
    for route in earlier.routes:
        if route.starts_s <= case.now_s:
            vehicle = _vehicle(case, route)
            found[route.vehicle] = left = _left(case, vehicle, route, known, case.now_s)
            if route_of(case, vehicle, (), left) is None:
                raise EarlierPlanUnusable(
                    f"vehicle {route.vehicle!r} has left, and its terms do not allow even that it comes home; set its "
                    "ends_s, distance_max_m and capacity_milli as they were when it left"
                )
    return found


def _vehicle(case: Case, route: Route) -> Vehicle:
    for vehicle in case.vehicles:
        if vehicle.vehicle == route.vehicle:
            return vehicle
    raise EarlierPlanUnusable(
        f"vehicle {route.vehicle!r} of the earlier plan has left, and the case has no such vehicle; add it"
    )


def _left(case: Case, vehicle: Vehicle, route: Route, known: Mapping[str, Consignment], now_s: int) -> Left:
    stops: list[Stop] = []
    aboard: dict[str, Consignment] = {}
    for stop in route.stops:
        if stops and stops[-1].leaves_s > now_s:
            break
        wanted = stop if stop.arrives_s <= now_s else _less_failed(stop, known)
        stops.append(_through(wanted, known, aboard))
    points = [vehicle.home_at, *(stop.at for stop in stops)]
    metres = sum(road_m(case.policy, one, other) for one, other in pairwise(points))
    last = stops[-1]
    at, free_s, next_s = last.at, last.leaves_s, last.leaves_s
    if last.leaves_s <= now_s:  # nothing is left to do: it is on its way home, or there
        metres += road_m(case.policy, last.at, vehicle.home_at)
        at, free_s, next_s = vehicle.home_at, route.ends_s, max(route.ends_s, now_s)
    return Left(route.starts_s, tuple(stops), metres, at, free_s, next_s, tuple(aboard.values()))


def _less_failed(stop: Stop, known: Mapping[str, Consignment]) -> Stop:
    wanted = {name for name, one in known.items() if not one.is_failed}
    return stop._replace(
        loads=tuple(name for name in stop.loads if name in wanted),
        hands_over=tuple(name for name in stop.hands_over if name in wanted),
    )


def _through(stop: Stop, known: Mapping[str, Consignment], aboard: dict[str, Consignment]) -> Stop:
    """The stop, with what is aboard behind it; `aboard` is as before it, and then as behind it."""
    for name in stop.loads:
        if name not in known:
            raise EarlierPlanUnusable(
                f"consignment {name!r} of the earlier plan has left, and the case lacks it; add it, and mark it "
                "is_failed if it is not to be delivered any more"
            )
        aboard[name] = known[name]
    for name in (*stop.hands_over, *stop.returns):
        if aboard.pop(name, None) is None:
            raise EarlierPlanUnusable(
                f"the earlier plan hands {name!r} over and has not loaded it; give it as route plan --json printed it"
            )
    return stop._replace(aboard_milli=sum(one.load_milli() for one in aboard.values()))
