"""The search for the cheapest routes: a case as PyVRP's problem, and its answer as tasks in order.

Each consignment is a shipment: a pickup and its delivery on one vehicle. What a vehicle that has left carries is a
client of this vehicle alone. Nothing must be served; leaving a consignment out costs more than any route.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from pyvrp import Activity, Client, Depot, Location, ProblemData, Route, Shipment, Solution, VehicleType, solve
from pyvrp.stop import StoppingCriterion

from streams.routing.model import Case, Consignment, Point, Vehicle
from streams.routing.schedule import Left, Task, Tasks, earliest_s
from streams.routing.travel import road_m

LEFT_OUT_MILLI_MINOR = 10**8
"""The price of leaving a consignment out, 1,000.00: above what a route for it alone costs."""
_Matrix: TypeAlias = "np.ndarray[Any, Any]"
_FAR_M = 10**8
"""To where a vehicle may not go."""


class Trip(NamedTuple):
    """A vehicle and its tasks, in order."""

    vehicle: Vehicle
    tasks: tuple[Task, ...]


def search(
    case: Case,
    open_: Sequence[Consignment],
    left: Mapping[str, Left],
    seed: int,
    stop: Callable[[], StoppingCriterion],
) -> list[Trip]:
    """The trips found, one for each vehicle that is used or has left. stop: makes what ends a search."""
    problem = _Problem(case, open_, left)
    best = solve(problem.data, stop(), seed, collect_stats=False).best
    if not best.is_feasible():  # a search that begins with what is allowed ends so
        allowed = [route for route in map(problem.less, best.routes()) if any(not one.is_depot() for one in route)]
        first = Solution(problem.data, allowed)
        best = solve(problem.data, stop(), seed, collect_stats=False, initial_solution=first).best
    return problem.trips(best)


class _Kind(NamedTuple):
    """Vehicles between which nothing differs but the name."""

    vehicles: list[Vehicle]
    left: Left | None
    nodes: tuple[int, int]
    """Start and home."""


class _Problem:
    def __init__(self, case: Case, open_: Sequence[Consignment], left: Mapping[str, Left]) -> None:
        self._case, self._open = case, open_
        self._tasks = Tasks(case)
        self._nodes: dict[tuple[Hashable, ...], int] = {}
        self._points: list[Point] = []
        self._zero_s = min([vehicle.starts_s for vehicle in case.vehicles] + [one.starts_s for one in left.values()])
        self._end_s = max(vehicle.ends_s for vehicle in case.vehicles)
        self._kinds = [self._kind(vehicles, left) for vehicles in _alike(case, left)]
        self._aboard = [
            (at, self._tasks.bring_back(one) if one.is_failed else self._tasks.hand_over(one))
            for at, kind in enumerate(self._kinds)
            for one in (kind.left.aboard if kind.left else ())
        ]
        self.data = self._build()

    def trips(self, solution: Solution) -> list[Trip]:
        """What the solution says, in our words."""
        waiting = [list(kind.vehicles) for kind in self._kinds]
        trips = []
        for route in solution.routes():
            tasks = tuple(self._task(activity) for activity in route if not activity.is_depot())
            trips.append(Trip(waiting[route.vehicle_type()].pop(0), tasks))
        idle = [kind for kind, rest in zip(self._kinds, waiting, strict=True) if kind.left and rest]
        return trips + [Trip(kind.vehicles[0], ()) for kind in idle]

    def less(self, route: Route) -> Route:
        """The route without the last of its consignments that make it one that is not allowed."""
        activities = [Activity(one.type, one.idx) for one in route if not one.is_depot()]
        while not route.is_feasible():
            last = activities[-1]
            activities = [one for one in activities if one.idx != last.idx or one.is_client() != last.is_client()]
            route = Route(self.data, activities, route.vehicle_type())
        return route

    def _task(self, activity: Activity) -> Task:
        if activity.is_client():
            return self._aboard[activity.idx][1]
        one = self._open[activity.idx]
        return self._tasks.load(one) if activity.is_pickup() else self._tasks.hand_over(one)

    def _node(self, key: tuple[Hashable, ...], point: Point) -> int:
        if key not in self._nodes:
            self._nodes[key] = len(self._points)
            self._points.append(point)
        return self._nodes[key]

    def _kind(self, vehicles: list[Vehicle], left: Mapping[str, Left]) -> _Kind:
        vehicle = vehicles[0]
        under = left.get(vehicle.vehicle)
        start = under.at if under else vehicle.home_at
        return _Kind(
            vehicles,
            under,
            (self._node(("home", start), start), self._node(("home", vehicle.home_at), vehicle.home_at)),
        )

    def _window(self, early_s: int, late_s: int) -> tuple[int, int]:
        """Inside the time that there are vehicles; what is never then is at its very end, where nobody comes."""
        late_s = min(late_s, self._end_s)
        early_s = min(max(early_s, self._zero_s), self._end_s + 1)
        return early_s - self._zero_s, max(late_s, early_s) - self._zero_s

    def _build(self) -> ProblemData:
        shipments = []
        for one in self._open:
            load, handover = self._tasks.load(one), self._tasks.hand_over(one)
            first = self._node(("load", one.from_store), load.at)
            second = self._node(("hand over", one.to_store, one.to_place), handover.at)
            shipments.append(
                Shipment(
                    first, second, *self._window(load.early_s, load.late_s), load.work_s,
                    *self._window(handover.early_s, handover.late_s), handover.work_s,
                    [one.load_milli()], LEFT_OUT_MILLI_MINOR, required=False, name=one.consignment,
                )
            )  # fmt: skip
        clients, owners = [], {}
        for owner, task in self._aboard:
            node = self._node(("aboard", task.consignment.consignment), task.at)
            owners[node] = owner
            early_s, late_s = self._window(task.early_s, task.late_s)
            clients.append(
                Client(
                    node, [task.consignment.load_milli()], [0], task.work_s, early_s, late_s,
                    prize=LEFT_OUT_MILLI_MINOR, required=False,
                )
            )  # fmt: skip
        metres = self._metres()
        profiles: dict[tuple[Hashable, ...], int] = {}
        distances: list[_Matrix] = []
        durations: list[_Matrix] = []
        types = []
        for at, kind in enumerate(self._kinds):
            vehicle = kind.vehicles[0]
            shut = self._shut(at, vehicle, owners)
            key = (vehicle.speed_m_per_h, *shut)
            if key not in profiles:
                profiles[key] = len(distances)
                distances.append(_closed(metres, shut, _FAR_M))
                seconds = -(-metres * 3600 // vehicle.speed_m_per_h)
                durations.append(_closed(seconds, shut, 2 * (self._end_s - self._zero_s) + 1))
            types.append(self._type(kind, profiles[key]))
        depots = [Depot(node) for node in range(len(self._points))]
        return ProblemData(
            [Location(0, 0) for _ in self._points], clients, depots, types, distances, durations, [], shipments
        )

    def _type(self, kind: _Kind, profile: int) -> VehicleType:
        vehicle, left = kind.vehicles[0], kind.left
        starts_s = earliest_s(self._case, vehicle, left) - self._zero_s
        ends_s = max(vehicle.ends_s - self._zero_s, starts_s)
        return VehicleType(
            num_available=len(kind.vehicles), capacity=[vehicle.capacity_milli],
            start_depot=kind.nodes[0], end_depot=kind.nodes[1],
            fixed_cost=0 if left else 1000 * vehicle.fixed_minor, tw_early=starts_s, tw_late=ends_s,
            max_distance=vehicle.distance_max_m - (left.distance_m if left else 0),
            unit_distance_cost=vehicle.minor_per_km, unit_duration_cost=vehicle.work_milli_minor_per_s,
            profile=profile, start_late=starts_s if left else ends_s,
        )  # fmt: skip

    def _shut(self, at: int, vehicle: Vehicle, owners: Mapping[int, int]) -> list[int]:
        """Nodes to which the vehicle may not go."""
        others = [node for node, owner in owners.items() if owner != at]
        if vehicle.only_store is None:
            return others
        own = ("load", vehicle.only_store)
        loads = [
            node for key, node in self._nodes.items() if isinstance(key, tuple) and key[0] == "load" and key != own
        ]
        return others + loads

    def _metres(self) -> _Matrix:
        policy = self._case.policy
        return np.array([[road_m(policy, one, other) for other in self._points] for one in self._points], np.int64)


def _alike(case: Case, left: Mapping[str, Left]) -> list[list[Vehicle]]:
    kinds: dict[Hashable, list[Vehicle]] = {}
    for vehicle in case.vehicles:
        key = vehicle.vehicle if vehicle.vehicle in left else vehicle._replace(vehicle="")
        kinds.setdefault(key, []).append(vehicle)
    return list(kinds.values())


def _closed(matrix: _Matrix, shut: Sequence[int], value: int) -> _Matrix:
    closed = matrix.copy()
    closed[:, shut] = value
    np.fill_diagonal(closed, 0)
    return closed
