"""The public directory: pools, stores, hours, places of pickup and services, of stores that show themselves."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel

from commonshelf.web.api.context import Anybody, KnownPool, RoomOf, answer, unchanged
from commonshelf.web.api.problems import KINDS, ProblemError, documented, kind_of, rejections
from commonshelf.web.directory.listing import as_feed, as_geojson, as_schema_org, directory

router = APIRouter(tags=["directory"])


class PoolShape(BaseModel):
    pool: str
    name: str
    stores: int


class PoolsAnswer(BaseModel):
    """Pools of which at least one store is listed."""

    pools: list[PoolShape]


class Hours(BaseModel):
    weekday: int
    opens_minute: int
    closes_minute: int


class PlaceShape(BaseModel):
    place: str
    name: str
    opening: list[Hours]
    closed_days: list[str]


class StoreShape(BaseModel):
    """A store as it shows itself. Without opening hours it is open around the clock, but for its closed days."""

    store: str
    name: str
    is_open: bool
    latitude_e6: int
    longitude_e6: int
    opening: list[Hours]
    closed_days: list[str]
    address: str | None
    url: str | None
    services: list[str]
    shows_bands: bool
    categories: list[str] | None
    pickup_places: list[PlaceShape]


class DirectoryAnswer(BaseModel):
    pool: str
    name: str
    time_zone: str
    stores: list[StoreShape]


class ProblemKind(BaseModel):
    code: str
    status: int
    title: str
    to_do: str


class ProblemKinds(BaseModel):
    problems: list[ProblemKind]


@router.get("/pools", response_model=PoolsAnswer, responses={**documented(), **unchanged()})
async def pools(request: Request, room: RoomOf, caller: Anybody) -> Response:
    """Pools with stores that show themselves; with a key, its own pool, too."""
    found = []
    for pool in room.views.pools():
        settings, listed = room.views.settings(pool), room.views.listings(pool)
        if settings is not None and (listed or caller.pool == pool):
            found.append({"pool": pool, "name": settings["name"], "stores": len(listed)})
    return answer(request, {"pools": found})


@router.get("/pools/{pool}/directory", response_model=DirectoryAnswer, responses={**documented(404), **unchanged()})
async def show(request: Request, room: RoomOf, _caller: Anybody, pool: KnownPool) -> Response:
    """The stores of a pool that show themselves."""
    return answer(request, directory(room.views, pool))


def _of_type(media_type: str) -> dict[int | str, dict[str, object]]:
    return {
        200: {"content": {media_type: {"schema": {"type": "object"}}}, "description": "The directory."},
        **documented(404), **unchanged(),
    }  # fmt: skip


@router.get("/pools/{pool}/directory.jsonld", response_class=Response, responses=_of_type("application/ld+json"))
async def schema_org(request: Request, room: RoomOf, _caller: Anybody, pool: KnownPool) -> Response:
    """The directory in the words of schema.org."""
    return answer(request, as_schema_org(room.views, pool), media_type="application/ld+json")


@router.get("/pools/{pool}/directory.geojson", response_class=Response, responses=_of_type("application/geo+json"))
async def geojson(request: Request, room: RoomOf, _caller: Anybody, pool: KnownPool) -> Response:
    """The directory as points of a map."""
    return answer(request, as_geojson(room.views, pool), media_type="application/geo+json")


@router.get("/pools/{pool}/directory.feed.json", response_class=Response, responses=_of_type("application/feed+json"))
async def feed(request: Request, room: RoomOf, _caller: Anybody, pool: KnownPool) -> Response:
    """Changes of the directory as a JSON feed."""
    return answer(request, as_feed(room.views, pool), media_type="application/feed+json")


@router.get("/problems", response_model=ProblemKinds, responses={**documented(), **unchanged()}, tags=["problems"])
async def problems(request: Request, _caller: Anybody) -> Response:
    """Every code of a problem document, and what to do."""
    return answer(request, {"problems": [_kind(code) for code in sorted({*KINDS, *rejections()})]})


@router.get(
    "/problems/{code}", response_model=ProblemKind, responses={**documented(404), **unchanged()}, tags=["problems"]
)
async def problem(request: Request, _caller: Anybody, code: Annotated[str, Path(pattern="^[a-z_]{1,64}$")]) -> Response:
    """What a code means, and what to do."""
    if kind_of(code) is None:
        raise ProblemError("not_found", "There is no such code; /v1/problems lists them.")
    return answer(request, _kind(code))


def _kind(code: str) -> dict[str, object]:
    kind = kind_of(code)
    assert kind is not None, "it is known"
    return {"code": code, "status": kind.status, "title": kind.title, "to_do": kind.to_do}
