"""Questions to routing and its answers. Rules and formula: docs/routing.md.

Times are seconds since any zero that a case likes: since 1970 UTC for a pool. Distances are metres, quantities
thousandths of a unit, costs milli-minor: thousandths of the currency's minor unit. Nothing here checks its values:
`case_file` does for files, the desk of routes for a pool.
"""

from typing import Literal, NamedTuple

Point = tuple[int, int]
"""(latitude, longitude) in millionths of a degree."""

Reason = Literal["too_large", "no_vehicle", "too_far", "out_of_time", "no_room", "aboard"]
"""Why a consignment is on no route, or not delivered; the first that holds. docs/routing.md says when each does."""


class Store(NamedTuple):
    """A store, where goods are loaded and to which transfers go."""

    store: str
    at: Point
    opens_s: int
    closes_s: int


class Goods(NamedTuple):
    """So much of one item."""

    sku: str
    quantity_milli: int


class Consignment(NamedTuple):
    """Goods of one order or transfer that one store hands to one receiver."""

    consignment: str
    order: str
    """The order or the transfer; an order that two stores fill has two consignments."""
    from_store: str
    to_store: str | None
    """The receiver of a transfer; None for a delivery."""
    to_place: Point
    """Of a transfer where the receiver is; of a delivery where the customer is, coarsely."""
    goods: tuple[Goods, ...]
    ready_s: int
    """Not to be loaded before."""
    from_s: int
    """Not to be handed over before."""
    until_s: int
    """To be handed over by then."""
    is_failed: bool = False
    """Called off or refused: not to be delivered; what is aboard goes back to its store."""

    def load_milli(self) -> int:
        """The room that it takes: a piece, a kilogram and a litre take the same."""
        return sum(one.quantity_milli for one in self.goods)


class Vehicle(NamedTuple):
    """A vehicle with its driver's shift; it leaves its home once and comes back there."""

    vehicle: str
    home: str
    """Name of the place: a store or a hub."""
    home_at: Point
    capacity_milli: int
    starts_s: int
    """The shift."""
    ends_s: int
    speed_m_per_h: int
    distance_max_m: int
    fixed_minor: int
    """For leaving at all."""
    minor_per_km: int
    work_milli_minor_per_s: int
    """500 is 18.00 an hour."""
    only_store: str | None = None
    """A shop's own courier carries only what this store sends."""


class Policy(NamedTuple):
    """The terms that hold for all vehicles."""

    load_s: int = 60
    """To load one consignment."""
    handover_s: int = 120
    """To hand one over."""
    detour_permille: int = 1300
    """Metres on the road for 1,000 m as the crow flies."""


class Case(NamedTuple):
    """The consignments of a time window, and who may carry them."""

    stores: tuple[Store, ...]
    consignments: tuple[Consignment, ...]
    vehicles: tuple[Vehicle, ...]
    policy: Policy = Policy()
    now_s: int | None = None
    """Nothing leaves before; None when that is before all shifts."""


class Effort(NamedTuple):
    """The length of the search and its random numbers: what makes an answer repeatable."""

    seed: int = 1
    iterations: int = 300


class Stop(NamedTuple):
    """A halt at a place; the times are of loading and handing over there."""

    place: str
    """A store, or the order whose customer is there."""
    at: Point
    arrives_s: int
    leaves_s: int
    loads: tuple[str, ...]
    """Consignments."""
    hands_over: tuple[str, ...]
    returns: tuple[str, ...]
    """Failed consignments that come back to their store."""
    aboard_milli: int
    """What the vehicle carries when it leaves."""


class Costs(NamedTuple):
    """The terms of the formula, in milli-minor."""

    fixed: int
    distance: int
    work: int

    def total(self) -> int:
        """The cost that is minimised, over all routes."""
        return sum(self)


class Route(NamedTuple):
    """A vehicle's way from its home through its stops and back."""

    vehicle: str
    starts_s: int
    ends_s: int
    distance_m: int
    costs: Costs
    stops: tuple[Stop, ...]


class Unserved(NamedTuple):
    """A consignment that no route delivers, and why."""

    consignment: str
    reason: Reason


class Trips(NamedTuple):
    """Trips, summed up."""

    distance_m: int
    cost_milli_minor: int


class Plan(NamedTuple):
    """An answer: the routes, what is on none, and what one trip for each consignment would take instead."""

    effort: Effort
    routes: tuple[Route, ...]
    """By vehicle id."""
    unserved: tuple[Unserved, ...]
    """In the order of the case."""
    orders: int
    """Orders and transfers that the routes deliver, in whole or in part."""
    single_trips: Trips
    """For the consignments delivered: from the store to the receiver and back, each alone."""

    def totals(self) -> Trips:
        """Metres and cost of all routes."""
        return Trips(sum(route.distance_m for route in self.routes), sum(route.costs.total() for route in self.routes))
