"""A case as JSON, in the form of docs/routing.md, read and checked."""

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, ValidationError, model_validator

from messaging.errors import UserError
from schemas.models.base import GEOHASH_PATTERN, ORDER_QUANTITY_MAX_MILLI, Name, PolicyMinor, Record, Text
from schemas.models.forms import problem_text, text_like
from streams.pool.orders.geo import geohash_centre
from streams.routing import model
from streams.routing.model import Case, Point

CONSIGNMENTS_MAX = 500
VEHICLES_MAX = 500
STORES_MAX = 1_000
_S = Annotated[int, Field(ge=0, le=10**11)]
_Metres = Annotated[int, Field(ge=1, le=10**8)]
_Milli = Annotated[int, Field(ge=1, le=10**9)]
_Latitude = Annotated[int, Field(ge=-90_000_000, le=90_000_000)]
_Longitude = Annotated[int, Field(ge=-180_000_000, le=180_000_000)]


_Parsed = TypeVar("_Parsed", bound=Record)


class CaseUnusable(UserError):
    """The text is no case; the message says what is wrong, where, and what to do."""


class _Part(Record):
    model_config = ConfigDict(strict=True)


class _Place(_Part):
    latitude_e6: _Latitude
    longitude_e6: _Longitude

    def point(self) -> Point:
        return self.latitude_e6, self.longitude_e6


class _Store(_Place):
    store: Name
    opens_s: _S = 0
    closes_s: _S = 10**11


class _Hub(_Place):
    hub: Name


class _Goods(_Part):
    sku: Text
    quantity_milli: Annotated[int, Field(gt=0, le=ORDER_QUANTITY_MAX_MILLI)]


class Consignment(_Part):
    """A consignment as a case has it: to a store, to a geohash, or to a point."""

    consignment: Text
    order: Text | None = None
    from_store: Name
    to_store: Name | None = None
    to_geohash: Annotated[str, text_like("u0yjj", GEOHASH_PATTERN)] | None = None
    to_point: _Place | None = None
    goods: Annotated[tuple[_Goods, ...], Field(min_length=1, max_length=100)]
    ready_s: _S = 0
    from_s: _S = 0
    until_s: _S
    is_failed: bool = False

    @model_validator(mode="after")
    def _has_one_receiver(self) -> Self:
        if sum(one is not None for one in (self.to_store, self.to_geohash, self.to_point)) != 1:
            raise ValueError("it takes one of to_store, to_geohash and to_point")
        if self.to_store == self.from_store:
            raise ValueError("to_store is from_store; take it out, for the goods are there")
        return self


_KINDS = {
    "cargo_bike": {
        "capacity_milli": 80_000, "speed_m_per_h": 15_000, "distance_max_m": 60_000, "fixed_minor": 0,
        "minor_per_km": 10,
    },
    "van": {
        "capacity_milli": 800_000, "speed_m_per_h": 35_000, "distance_max_m": 250_000, "fixed_minor": 1_500,
        "minor_per_km": 35,
    },
}  # fmt: skip
"""Kind of vehicle → what it is like unless its own fields say otherwise."""


class _Courier(_Part):
    kind: Literal["cargo_bike", "van"] = "cargo_bike"
    count: Annotated[int, Field(ge=1, le=100)] = 1
    starts_s: _S
    ends_s: _S
    capacity_milli: _Milli | None = None
    speed_m_per_h: Annotated[int, Field(ge=1_000, le=200_000)] | None = None
    distance_max_m: _Metres | None = None
    fixed_minor: PolicyMinor | None = None
    minor_per_km: Annotated[int, Field(ge=0, le=100_000)] | None = None
    work_milli_minor_per_s: Annotated[int, Field(ge=0, le=100_000)] = 500

    def like(self, name: str, home: str, at: Point, only_store: str | None = None) -> Iterator[model.Vehicle]:
        """The vehicles that it stands for: a number behind the name where there are several."""
        told = self.model_dump(include=set(_KINDS[self.kind]), exclude_none=True)
        terms = {**_KINDS[self.kind], **told}
        for number in range(1, self.count + 1):
            yield model.Vehicle(
                vehicle=name if self.count == 1 else f"{name}-{number}", home=home, home_at=at, only_store=only_store,
                starts_s=self.starts_s, ends_s=self.ends_s, work_milli_minor_per_s=self.work_milli_minor_per_s, **terms,
            )  # fmt: skip


class _Vehicle(_Courier):
    vehicle: Name
    home: Name
    only_own_store: bool = False


class _Policy(_Part):
    load_s: Annotated[int, Field(ge=0, le=86_400)] = 60
    handover_s: Annotated[int, Field(ge=0, le=86_400)] = 120
    detour_permille: Annotated[int, Field(ge=1_000, le=10_000)] = 1_300


class Fleet(_Part):
    """The vehicles, as a case has them: those named, and each store's own courier."""

    hubs: Annotated[tuple[_Hub, ...], Field(max_length=STORES_MAX)] = ()
    vehicles: Annotated[tuple[_Vehicle, ...], Field(max_length=VEHICLES_MAX)] = ()
    own_courier: _Courier | None = None
    policy: _Policy = _Policy()

    def of(self, stores: Iterable[model.Store]) -> tuple[model.Vehicle, ...]:
        """Every single vehicle. Raises CaseUnusable."""
        stores = tuple(stores)
        homes = {store.store: store.at for store in stores} | {hub.hub: hub.point() for hub in self.hubs}
        found: list[model.Vehicle] = []
        for row, one in enumerate(self.vehicles):
            where = f"vehicles[{row}] ({one.vehicle})"
            if one.home not in homes:
                raise CaseUnusable(
                    f"{where}: home {one.home!r} is no store and no hub; add it to hubs, or name a store"
                )
            if one.only_own_store and all(store.store != one.home for store in stores):
                raise CaseUnusable(f"{where}: only_own_store takes a store as home, and {one.home!r} is a hub")
            _check_span(where, "starts_s", one.starts_s, "ends_s", one.ends_s)
            found += one.like(one.vehicle, one.home, homes[one.home], one.home if one.only_own_store else None)
        if self.own_courier is not None:
            _check_span("own_courier", "starts_s", self.own_courier.starts_s, "ends_s", self.own_courier.ends_s)
            for store in stores:
                found += self.own_courier.like(f"own-{store.store}", store.store, store.at, store.store)
        _once("vehicles", [one.vehicle for one in found])
        if not found:
            raise CaseUnusable("there is no vehicle; add one to vehicles, or an own_courier for each store")
        return tuple(found)


class _Case(Fleet):
    stores: Annotated[tuple[_Store, ...], Field(min_length=1, max_length=STORES_MAX)]
    consignments: Annotated[tuple[Consignment, ...], Field(max_length=CONSIGNMENTS_MAX)]
    now_s: _S | None = None


def read_case(text: bytes) -> Case:
    """Raises CaseUnusable."""
    read = _parsed(_Case, text, "the case")
    for row, store in enumerate(read.stores):
        _check_span(f"stores[{row}] ({store.store})", "opens_s", store.opens_s, "closes_s", store.closes_s)
    stores = tuple(model.Store(one.store, one.point(), one.opens_s, one.closes_s) for one in read.stores)
    _once("stores", [one.store for one in stores])
    _once("consignments", [one.consignment for one in read.consignments])
    vehicles = read.of(stores)
    most_milli = max(one.capacity_milli for one in vehicles)
    at = {store.store: store.at for store in stores}
    consignments = []
    for row, told in enumerate(read.consignments):
        one = consignment_of(told, at, f"consignments[{row}] ({told.consignment})")
        if one.load_milli() > most_milli:
            raise CaseUnusable(
                f"consignments[{row}] ({told.consignment}): it takes {one.load_milli()} thousandths, and the largest "
                f"vehicle has room for {most_milli}; split it, or add a larger vehicle"
            )
        consignments.append(one)
    return Case(stores, tuple(consignments), vehicles, model.Policy(**read.policy.model_dump()), read.now_s)


def read_fleet(text: bytes) -> Fleet:
    """Raises CaseUnusable."""
    return _parsed(Fleet, text, "the fleet")


def consignment_of(told: Consignment, stores: dict[str, Point], where: str) -> model.Consignment:
    """A consignment of a file. Raises CaseUnusable, which says `where`."""
    for field, name in (("from_store", told.from_store), ("to_store", told.to_store)):
        if name is not None and name not in stores:
            raise CaseUnusable(
                f"{where}: {field} {name!r} is no store of the case; add it to stores, or correct the name"
            )
    _check_span(where, "from_s", told.from_s, "until_s", told.until_s)
    if told.ready_s > told.until_s:
        raise CaseUnusable(f"{where}: it is ready at {told.ready_s}, after until_s {told.until_s}; correct one of them")
    if told.to_store is not None:
        at = stores[told.to_store]
    elif told.to_geohash is not None:
        at = geohash_centre(told.to_geohash)
    else:
        assert told.to_point is not None
        at = told.to_point.point()
    return model.Consignment(
        told.consignment, told.order or told.consignment, told.from_store, told.to_store, at,
        tuple(model.Goods(one.sku, one.quantity_milli) for one in told.goods),
        told.ready_s, told.from_s, told.until_s, told.is_failed,
    )  # fmt: skip


def _parsed(form: type[_Parsed], text: bytes, what: str) -> _Parsed:
    try:
        json.loads(text, object_pairs_hook=_each_key_once)
        return form.model_validate_json(text)
    except ValidationError as error:
        problems = "\n".join(
            f"{_where(one['loc'], what)}: {problem_text(one)}" for one in error.errors(include_url=False)
        )
        raise CaseUnusable(f"{what} cannot be used; its form is in docs/routing.md\n{problems}") from None
    except (ValueError, RecursionError) as error:
        raise CaseUnusable(f"{what} is no JSON: {error}; its form is in docs/routing.md") from None


def _check_span(where: str, first: str, first_s: int, last: str, last_s: int) -> None:
    if first_s >= last_s:
        raise CaseUnusable(f"{where}: {last} {last_s} is not after {first} {first_s}; correct one of them")


def _once(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise CaseUnusable(f"{what}: {name!r} stands there twice; give each a name of its own")


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{twice!r} stands twice in one object")
    return dict(pairs)


def _where(location: tuple[int | str, ...], what: str) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return where.removeprefix(".") or what
