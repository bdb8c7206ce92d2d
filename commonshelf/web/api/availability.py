"""Items, their availability at each store, what of a basket each store has, and a store's own shelves."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from commonshelf.web.api.context import (
    PAGE_MAX,
    POSITION_HEADER,
    Anybody,
    Cursor,
    Fresh,
    KnownPool,
    Limit,
    Member,
    Position,
    RoomOf,
    Store,
    allow,
    answer,
    be_fresh,
    decode_cursor,
    known_store,
    page,
    unchanged,
)
from commonshelf.web.api.problems import ProblemError, documented
from commonshelf.web.api.shapes import AvailabilityAnswer, BasketAnswer, ItemsPage, ShelvesPage
from commonshelf.web.callers import Sight
from commonshelf.web.views.pool_views import PoolViews
from messaging.clock import wall_clock_ms
from schemas.models.base import ORDER_LINES_MAX, ORDER_QUANTITY_MAX_MILLI, Text, TimeMs
from schemas.types.catalog import CatalogItem
from schemas.types.stock import Availability
from streams.directory.bands import shown_to_public
from streams.pool.orders.geo import Point, distance_m
from streams.pool.tasks.opening_hours import time_after

router = APIRouter(tags=["availability"])
SKUS_MAX = 100
_E6 = 1_000_000
_DISTANCE_MAX_M = 100_000_000

Near = Annotated[
    str | None,
    Query(
        pattern=r"^-?[0-9]{1,2}(\.[0-9]{1,6})?,-?[0-9]{1,3}(\.[0-9]{1,6})?$",
        examples=["52.5200,13.4050"],
        description="Latitude and longitude in degrees: the nearest stores come first.",
    ),
]
Within = Annotated[int | None, Query(ge=0, le=_DISTANCE_MAX_M, description="Of `near`, metres as the crow flies.")]


class BasketLine(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sku: Text
    quantity_milli: Annotated[int, Field(gt=0, le=ORDER_QUANTITY_MAX_MILLI)]


class BasketWish(BaseModel):
    """A basket, and when it is wanted."""

    model_config = ConfigDict(extra="forbid")

    lines: Annotated[list[BasketLine], Field(min_length=1, max_length=ORDER_LINES_MAX)]
    by_ms: TimeMs | None = None
    """Only stores that can be ready until then."""


@router.get("/pools/{pool}/items", response_model=ItemsPage, responses={**documented(404), **unchanged()})
async def items(
    request: Request,
    room: RoomOf,
    caller: Anybody,
    pool: KnownPool,
    category: Annotated[str | None, Query(max_length=200)] = None,
    gtin: Annotated[str | None, Query(pattern="^[0-9]{14}$", examples=["04012345678901"])] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """The pool's items by SKU. Without a key, those of which some store shows a band to everybody."""
    listings = [] if caller.pool == pool else list(room.views.listings(pool).values())

    def found() -> Iterator[tuple[str, object]]:
        for item in room.views.items(pool, decode_cursor(cursor)):
            is_shown = caller.pool == pool or any(shown_to_public(listing, item["category"]) for listing in listings)
            if is_shown and category in (None, item["category"]) and gtin in (None, item["gtin"]):
                yield item["sku"], {field: item[field] for field in _ITEM_FIELDS}  # type: ignore[literal-required]

    shown, follows = page(found(), limit)
    return answer(request, {"items": shown, "next": follows})


@router.get(
    "/pools/{pool}/availability", response_model=AvailabilityAnswer, responses={**documented(404), **unchanged()}
)
async def availability(
    request: Request,
    room: RoomOf,
    caller: Anybody,
    pool: KnownPool,
    sku: Annotated[list[Text], Query(min_length=1, max_length=SKUS_MAX, description="Items; may be repeated.")],
    near: Near = None,
    within_m: Within = None,
    consistency: Fresh = "eventual",
    position: Position = None,
) -> Response:
    """Where items are: bands for everybody, of what stores show; numbers of the own store, and under a grant."""
    await be_fresh(room, pool, consistency, position)
    point = _point(near, within_m)
    at, sight = room.views.position(pool) if caller.pool == pool else None, Sight.of(room.views, caller, pool)
    found, unknown = [], []
    for one in dict.fromkeys(sku):
        item = room.views.item(pool, one)
        if item is None:
            unknown.append(one)
        else:
            found.append(_availability(room.views, sight, pool, item, point, within_m))
    body = {"pool": pool, "position": at, "items": found, "unknown": unknown}
    return answer(request, body, headers={} if at is None else {POSITION_HEADER: str(at)})


@router.post("/pools/{pool}/availability/basket", response_model=BasketAnswer, responses=documented(404, 413))
async def basket(
    request: Request,
    room: RoomOf,
    caller: Anybody,
    pool: KnownPool,
    wish: BasketWish,
    near: Near = None,
    within_m: Within = None,
) -> Response:
    """Which stores have a basket, and by when each can be ready. Nothing is held; an order does that."""
    point, now_ms = _point(near, within_m), wall_clock_ms()
    views, sight = room.views, Sight.of(room.views, caller, pool)
    has: dict[str, list[str]] = {}
    wanted: dict[str, int] = {}
    for line in wish.lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity_milli
    for sku, quantity_milli in wanted.items():
        item = views.item(pool, sku)
        if item is None:
            raise ProblemError("unknown_item", f"The pool has no item {sku}.")
        for row in views.shelves(pool, sku):
            band = sight.shelf(item, row)
            if band is None or band == "out":
                continue
            if not sight.has_numbers(row["store"]) or row["available_milli"] >= quantity_milli:
                has.setdefault(row["store"], []).append(sku)
    settings = views.settings(pool)
    assert settings is not None, "checked before"
    places = views.places(pool)
    stores = []
    for store, skus in has.items():
        away_m = None if point is None else distance_m(point, _place(sight, store))
        ready_ms = time_after(sight.stores[store], settings["time_zone"], now_ms, settings["preparation_ms"])
        if (within_m is not None and away_m is not None and away_m > within_m) or ready_ms > (wish.by_ms or ready_ms):
            continue
        stores.append({
            "store": store, "name": sight.stores[store]["name"], "distance_m": away_m,
            "has": "all" if len(skus) == len(wanted) else "some", "lines": skus, "ready_ms": ready_ms,
            "places": [name for name, place in places.items() if place["open"] and store in place["stores"]],
        })  # fmt: skip
    stores.sort(key=lambda one: (one["has"] != "all", one["ready_ms"], one["distance_m"] or 0, one["store"]))
    return answer(request, {"pool": pool, "stores": stores})


@router.get(
    "/pools/{pool}/stores/{store}/shelves",
    response_model=ShelvesPage,
    responses={**documented(403, 404), **unchanged()},
)
async def shelves(
    request: Request,
    room: RoomOf,
    caller: Member,
    pool: KnownPool,
    store: Store,
    consistency: Fresh = "eventual",
    position: Position = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
) -> Response:
    """The numbers of a store's shelves by SKU: of the own store, and of one that has opened them by a grant."""
    allow(caller, "shelves:read", pool)
    known_store(room, pool, store)
    await be_fresh(room, pool, consistency, position)
    if not Sight.of(room.views, caller, pool).has_numbers(store):
        raise ProblemError("not_allowed", f"The key sees no numbers of store {store}: it has no grant of them.")
    rows = room.views.shelves_of(pool, store, decode_cursor(cursor))
    shown, follows = page(
        ((row["sku"], {"sku": row["sku"], "unit": row["unit"], **numbers(row)}) for row in rows), limit
    )
    return answer(request, {"shelves": shown, "next": follows})


_ITEM_FIELDS = ("sku", "gtin", "name", "category", "unit", "pack_milli")


def numbers(row: Availability) -> dict[str, int]:
    """The numbers of a shelf."""
    return {
        "available_milli": row["available_milli"], "on_hand_milli": row["on_hand_milli"],
        "held_milli": row["held_milli"], "safety_stock_milli": row["safety_stock_milli"],
        "contribution_milli": row["contribution_milli"], "confidence_permille": row["confidence_permille"],
        "recorded_at_ms": row["recorded_at_ms"],
    }  # fmt: skip


def _availability(
    views: PoolViews, sight: Sight, pool: str, item: CatalogItem, point: Point | None, within_m: int | None
) -> dict[str, object]:
    stores = []
    for row in views.shelves(pool, item["sku"]):
        store, band = row["store"], sight.shelf(item, row)
        if band is None:
            continue
        away_m = None if point is None else distance_m(point, _place(sight, store))
        if within_m is not None and away_m is not None and away_m > within_m:
            continue
        stores.append({
            "store": store, "name": sight.stores[store]["name"], "distance_m": away_m, "band": band,
            "numbers": numbers(row) if sight.has_numbers(store) else None,
        })  # fmt: skip
    if point is not None:
        stores.sort(key=lambda one: (one["distance_m"], one["store"]))
    return {"pool": pool, "sku": item["sku"], "name": item["name"], "unit": item["unit"], "stores": stores}


def _place(sight: Sight, store: str) -> Point:
    settings = sight.stores[store]
    return settings["latitude_e6"], settings["longitude_e6"]


def _point(near: str | None, within_m: int | None) -> Point | None:
    """Raises ProblemError for a place that is none."""
    if near is None:
        if within_m is not None:
            raise ProblemError("invalid_request", "within_m needs near")
        return None
    latitude, _, longitude = near.partition(",")
    point = round(float(latitude) * _E6), round(float(longitude) * _E6)
    if abs(point[0]) > 90 * _E6 or abs(point[1]) > 180 * _E6:
        raise ProblemError("invalid_request", "near is no place: latitude is within 90, longitude within 180 degrees")
    return point
