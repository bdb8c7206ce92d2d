"""From the order of the halts to a route: when it arrives where, what it carries, and what that costs."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from streams.routing.model import Case, Consignment, Costs, Point, Route, Stop, Vehicle
from streams.routing.travel import road_m, travel_s

Act = Literal["load", "hand_over", "return"]


class Task(NamedTuple):
    """A thing to do for one consignment at one place. The work begins within `early_s` and `late_s`."""

    act: Act
    consignment: Consignment
    place: str
    at: Point
    early_s: int
    late_s: int
    work_s: int


class Tasks:
    """The tasks of a case's consignments."""

    def __init__(self, case: Case) -> None:
        self._policy = case.policy
        self._stores = {store.store: store for store in case.stores}

    def load(self, one: Consignment) -> Task:
        """At its store, while that is open, once it is ready."""
        store = self._stores[one.from_store]
        early_s = max(store.opens_s, one.ready_s)
        work_s = self._policy.load_s
        return Task("load", one, store.store, store.at, early_s, store.closes_s - work_s, work_s)

    def hand_over(self, one: Consignment) -> Task:
        """At its receiver, inside its window; a store must be open."""
        early_s, until_s, work_s = one.from_s, one.until_s, self._policy.handover_s
        if one.to_store is not None:
            store = self._stores[one.to_store]
            early_s, until_s = max(early_s, store.opens_s), min(until_s, store.closes_s)
        place = one.order if one.to_store is None else one.to_store
        return Task("hand_over", one, place, one.to_place, early_s, until_s - work_s, work_s)

    def bring_back(self, one: Consignment) -> Task:
        """To its store, while that is open."""
        store = self._stores[one.from_store]
        work_s = self._policy.handover_s
        return Task("return", one, store.store, store.at, store.opens_s, store.closes_s - work_s, work_s)


class Left(NamedTuple):
    """The part of a route that has left already; it stays as it is."""

    starts_s: int
    stops: tuple[Stop, ...]
    distance_m: int
    """So far."""
    at: Point
    """The place where it is free to go on."""
    free_s: int
    """When it is done there."""
    next_s: int
    """When it may go on at the earliest."""
    aboard: tuple[Consignment, ...]


def route_of(case: Case, vehicle: Vehicle, tasks: Sequence[Task], left: Left | None = None) -> Route | None:
    """The route that does the tasks in this order, leaving as late as costs no time; None when it is not allowed."""
    legs_m = _legs_m(case, vehicle, tasks, left)
    seconds = [travel_s(vehicle, metres) for metres in legs_m]
    begins = _begins(case, vehicle, tasks, seconds, left)
    if begins is None or not _fits(vehicle, tasks, left):
        return None
    starts_s, times = begins
    done_s = times[-1] + tasks[-1].work_s if tasks else left.free_s if left else starts_s
    ends_s = done_s + seconds[-1]
    distance_m = sum(legs_m) + (left.distance_m if left else 0)
    if ends_s > vehicle.ends_s or distance_m > vehicle.distance_max_m:
        return None
    left_s = left.starts_s if left else starts_s
    work_s = ends_s - left_s
    costs = Costs(
        1000 * vehicle.fixed_minor, distance_m * vehicle.minor_per_km, work_s * vehicle.work_milli_minor_per_s
    )
    return Route(vehicle.vehicle, left_s, ends_s, distance_m, costs, _stops(tasks, times, left))


def earliest_s(case: Case, vehicle: Vehicle, left: Left | None) -> int:
    """When the vehicle may leave, or go on."""
    if left is not None:
        return left.next_s
    return vehicle.starts_s if case.now_s is None else max(vehicle.starts_s, case.now_s)


def _fits(vehicle: Vehicle, tasks: Sequence[Task], left: Left | None) -> bool:
    aboard_milli = sum(one.load_milli() for one in left.aboard) if left else 0
    if aboard_milli > vehicle.capacity_milli:
        return False
    for task in tasks:
        aboard_milli += task.consignment.load_milli() * (1 if task.act == "load" else -1)
        if aboard_milli > vehicle.capacity_milli:
            return False
    return True


def _legs_m(case: Case, vehicle: Vehicle, tasks: Sequence[Task], left: Left | None) -> list[int]:
    points = [left.at if left else vehicle.home_at, *(task.at for task in tasks), vehicle.home_at]
    return [road_m(case.policy, one, other) for one, other in pairwise(points)]


def _begins(
    case: Case, vehicle: Vehicle, tasks: Sequence[Task], seconds: Sequence[int], left: Left | None
) -> tuple[int, list[int]] | None:
    """When it leaves, and when each task begins; None when a window closes before.

    It leaves so late that nothing ends later for it, and no earlier than the shift begins.
    """
    starts_s = at_s = earliest_s(case, vehicle, left)
    for task, way_s in zip(tasks, seconds, strict=False):
        at_s = max(at_s + way_s, task.early_s)
        if at_s > task.late_s:
            return None
        at_s += task.work_s
    if left is None and tasks:
        latest_s = vehicle.ends_s - seconds[-1]  # when the last of what follows must begin at the latest
        for task, way_s in reversed(list(zip(tasks, seconds, strict=False))):
            latest_s = min(latest_s - task.work_s, task.late_s) - way_s
        without_waiting_s = at_s - sum(task.work_s for task in tasks) - sum(seconds[:-1])
        starts_s = max(starts_s, min(latest_s, without_waiting_s))
    times, at_s = [], starts_s
    for task, way_s in zip(tasks, seconds, strict=False):
        times.append(max(at_s + way_s, task.early_s))
        at_s = times[-1] + task.work_s
    return starts_s, times


def _stops(tasks: Sequence[Task], times: Sequence[int], left: Left | None) -> tuple[Stop, ...]:
    stops = list(left.stops) if left else []
    kept = len(stops)
    aboard = sum(one.load_milli() for one in left.aboard) if left else 0
    for task, at_s in zip(tasks, times, strict=True):
        milli = task.consignment.load_milli()
        aboard += milli if task.act == "load" else -milli
        name = (task.consignment.consignment,)
        new = Stop(
            task.place, task.at, at_s, at_s + task.work_s,
            name if task.act == "load" else (), name if task.act == "hand_over" else (),
            name if task.act == "return" else (), aboard,
        )  # fmt: skip
        if len(stops) > kept and stops[-1].at == new.at and stops[-1].place == new.place:
            stops[-1] = _joined(stops[-1], new)
        else:
            stops.append(new)
    return tuple(stops)


def _joined(one: Stop, next_: Stop) -> Stop:
    return one._replace(
        leaves_s=next_.leaves_s,
        loads=one.loads + next_.loads,
        hands_over=one.hands_over + next_.hands_over,
        returns=one.returns + next_.returns,
        aboard_milli=next_.aboard_milli,
    )
