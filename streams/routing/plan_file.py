"""A plan as JSON, in the form of docs/routing.md: printed, and read again when what is left is planned anew."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.models.forms import problem_text
from streams.routing import model
from streams.routing.case_file import CaseUnusable, Consignment, consignment_of
from streams.routing.model import Case, Costs, Effort, Plan, Route, Stop, Trips

_Int = Annotated[int, Field(ge=-(10**18), le=10**18)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Stop(_Part):
    place: str
    latitude_e6: _Int
    longitude_e6: _Int
    arrives_s: _Int
    leaves_s: _Int
    loads: tuple[str, ...]
    hands_over: tuple[str, ...]
    returns: tuple[str, ...]
    aboard_milli: _Int


class _Route(_Part):
    vehicle: str
    starts_s: _Int
    ends_s: _Int
    distance_m: _Int
    stops: Annotated[tuple[_Stop, ...], Field(min_length=1)]


class _Plan(_Part):
    seed: _Int
    iterations: _Int
    routes: tuple[_Route, ...]
    consignments: tuple[Consignment, ...]


def plan_as_json(case: Case, plan: Plan) -> dict[str, Any]:
    """The plan and the consignments on its routes, for json.dumps."""
    totals = plan.totals()
    named = {name for route in plan.routes for stop in route.stops for name in (*stop.loads, *stop.hands_over)}
    return {
        **plan.effort._asdict(),
        "routes": [_route_as_json(route) for route in plan.routes],
        "unserved": [one._asdict() for one in plan.unserved],
        "orders": plan.orders,
        **_trips_as_json(totals, plan.orders),
        "single_trips": _trips_as_json(plan.single_trips, plan.orders),
        "consignments": [_consignment_as_json(one) for one in case.consignments if one.consignment in named],
    }


def read_earlier(text: bytes, case: Case) -> tuple[Case, Plan]:
    """An earlier plan, and the case with what has left by its `now_s` and the case lacks. Raises CaseUnusable."""
    try:
        read = _Plan.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the earlier plan"
        raise CaseUnusable(
            f"the earlier plan cannot be used: {where}: {problem_text(first)}; give it as route plan --json printed it"
        ) from None
    routes = tuple(_route(one) for one in read.routes)
    now_s = -1 if case.now_s is None else case.now_s
    loaded = {
        name for route in routes if route.starts_s <= now_s
        for stop in route.stops if stop.arrives_s <= now_s for name in stop.loads
    }  # fmt: skip
    at = {store.store: store.at for store in case.stores}
    known = {one.consignment for one in case.consignments}
    more = [one for one in read.consignments if one.consignment in loaded - known]
    added = tuple(consignment_of(one, at, f"consignment {one.consignment} of the earlier plan") for one in more)
    earlier = Plan(Effort(read.seed, read.iterations), routes, (), 0, Trips(0, 0))
    return case._replace(consignments=case.consignments + added), earlier


def _route(one: _Route) -> Route:
    stops = tuple(
        Stop(
            stop.place, (stop.latitude_e6, stop.longitude_e6), stop.arrives_s, stop.leaves_s, stop.loads,
            stop.hands_over, stop.returns, stop.aboard_milli,
        )
        for stop in one.stops
    )  # fmt: skip
    return Route(one.vehicle, one.starts_s, one.ends_s, one.distance_m, Costs(0, 0, 0), stops)


def _route_as_json(route: Route) -> dict[str, Any]:
    return {
        "vehicle": route.vehicle,
        "starts_s": route.starts_s,
        "ends_s": route.ends_s,
        "distance_m": route.distance_m,
        "cost_milli_minor": route.costs.total(),
        "terms_milli_minor": route.costs._asdict(),
        "stops": [
            {
                "place": stop.place, "latitude_e6": stop.at[0], "longitude_e6": stop.at[1],
                "arrives_s": stop.arrives_s, "leaves_s": stop.leaves_s, "loads": list(stop.loads),
                "hands_over": list(stop.hands_over), "returns": list(stop.returns), "aboard_milli": stop.aboard_milli,
            }
            for stop in route.stops
        ],
    }  # fmt: skip


def _trips_as_json(trips: Trips, orders: int) -> dict[str, int]:
    each = max(orders, 1)
    return {
        **trips._asdict(),
        "distance_m_per_order": trips.distance_m // each,
        "cost_milli_minor_per_order": trips.cost_milli_minor // each,
    }


def _consignment_as_json(one: model.Consignment) -> dict[str, Any]:
    receiver = (
        {"to_point": {"latitude_e6": one.to_place[0], "longitude_e6": one.to_place[1]}}
        if one.to_store is None
        else {"to_store": one.to_store}
    )
    return {
        "consignment": one.consignment, "order": one.order, "from_store": one.from_store, **receiver,
        "goods": [goods._asdict() for goods in one.goods], "ready_s": one.ready_s, "from_s": one.from_s,
        "until_s": one.until_s, "is_failed": one.is_failed,
    }  # fmt: skip
