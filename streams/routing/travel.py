"""Ways between places, in whole metres and seconds."""

from streams.pool.orders.geo import distance_m
from streams.routing.model import Point, Policy, Vehicle


def road_m(policy: Policy, one: Point, other: Point) -> int:
    """Metres on the road, rounded up."""
    return -(-distance_m(one, other) * policy.detour_permille // 1000)


def travel_s(vehicle: Vehicle, metres: int) -> int:
    """Seconds for so many metres, rounded up."""
    return -(-metres * 3600 // vehicle.speed_m_per_h)
