"""Parts of every operation of the API: the views, the caller, limits, and one way to answer.

What operations depend on are coroutines: FastAPI hands a plain function to a thread, which costs more than all it does.
"""

import asyncio
import base64
import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any, Literal, TypeVar

import orjson
from fastapi import Depends, Header, Path, Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.responses import Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from commonshelf.config.web_settings import Api, Webhooks
from commonshelf.web.api.asking import Asker
from commonshelf.web.api.problems import ProblemError
from commonshelf.web.callers import Caller, UnknownToken, address_of, caller_of
from commonshelf.web.views.pool_views import PoolViews
from messaging.clock import wall_clock_ms
from schemas.models.access import Scope
from schemas.models.base import NAME_PATTERN, Name
from schemas.types.catalog import CatalogItem

FRESH_WAIT_S = 3.0
ANSWER_WAIT_MS = 3_000
PAGE_MAX = 200
NO_CURSOR = "cursor is none: pass `next` as it came, or leave it out"
POSITION_HEADER = "Commonshelf-Position"
T = TypeVar("T")
Row = TypeVar("Row")
Place = tuple[int | str, ...]
"""A row's place in a list: numbers, and its name behind them."""

_bearer = HTTPBearer(auto_error=False, description="A key: cs_KEYID_SECRET.")


@dataclass
class Room:
    """Tools of the API; one of each process."""

    views: PoolViews
    asker: Asker
    settings: Api
    webhooks: Webhooks
    webhook_key: Callable[[], bytes | None]
    """What secrets of webhooks follow from; None when it cannot be read."""
    listeners: dict[str, int] = field(default_factory=dict)
    """Caller → live streams."""
    limiter: FixedWindowRateLimiter = field(default_factory=lambda: FixedWindowRateLimiter(MemoryStorage()))
    webhook_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Subscriptions are changed one after the other."""


async def room_of(request: Request) -> Room:
    """The room of the app that was asked."""
    room: Room = request.app.state.room
    return room


RoomOf = Annotated[Room, Depends(room_of)]


async def caller(request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    """Who asks; counted against the limit. Raises ProblemError."""
    room, address = await room_of(request), address_of(request)
    if sent is None and "authorization" in request.headers:
        await _count(request, room, Caller(address))
        raise ProblemError("key_unknown", "Authorization must be `Bearer cs_…`.")
    try:
        found = caller_of(room.views, None if sent is None else sent.credentials, address)
    except UnknownToken:
        await _count(request, room, Caller(address))  # guessing is no faster than asking
        raise ProblemError("key_unknown") from None
    await _count(request, room, found)
    _check_query(request)
    return found


def _check_query(request: Request) -> None:
    """A filter that is misspelt must not be passed over in silence. Raises ProblemError."""
    if not request.query_params:
        return
    route = request.scope["route"]
    asked = dependants(route.dependant) if isinstance(route, APIRoute) else ()
    known = tuple(dict.fromkeys(parameter.alias for one in asked for parameter in one.query_params))
    for name in request.query_params:
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            shown = name[:50].encode(errors="replace").decode()
            raise ProblemError("invalid_request", f"There is no query parameter {shown!r} here; {takes}.")


def dependants(dependant: Dependant) -> Iterator[Dependant]:
    """An operation's own parameters, and those of all that it depends on."""
    yield dependant
    for inner in dependant.dependencies:
        yield from dependants(inner)


async def _count(request: Request, room: Room, found: Caller) -> None:
    most = room.settings.public_requests_per_minute if found.is_public else room.settings.key_requests_per_minute
    item = RateLimitItemPerMinute(most)
    is_allowed = await room.limiter.hit(item, found.name)
    window = await room.limiter.get_window_stats(item, found.name)
    reset_s = max(0, round(window.reset_time - wall_clock_ms() / 1000))
    limits = {
        "RateLimit-Limit": str(most), "RateLimit-Remaining": str(max(0, window.remaining)),
        "RateLimit-Reset": str(reset_s),
    }  # fmt: skip
    request.state.headers = limits
    if not is_allowed:
        raise ProblemError("rate_limited", headers={"Retry-After": str(max(1, reset_s))})


async def member(found: Annotated[Caller, Depends(caller)]) -> Caller:
    """A holder of a key. Raises ProblemError."""
    if found.is_public:
        raise ProblemError("key_needed")
    return found


Anybody = Annotated[Caller, Depends(caller)]
Member = Annotated[Caller, Depends(member)]


async def known_pool(
    request: Request, pool: Annotated[str, Path(pattern=NAME_PATTERN, description="The pool's id.")]
) -> str:
    """Raises ProblemError for a pool that is not configured."""
    if (await room_of(request)).views.settings(pool) is None:
        raise ProblemError("unknown_pool")
    return pool


KnownPool = Annotated[str, Depends(known_pool)]
Store = Annotated[Name, Path(description="The store's id.")]
Fresh = Annotated[
    Literal["eventual", "fresh"], Query(description="fresh: wait until the views have the journal's `position`.")
]
Position = Annotated[
    int | None, Query(ge=0, lt=2**63, description="A position that an answer named: read your writes.")
]
Cursor = Annotated[str | None, Query(max_length=400, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Entries of a page.")]
Wait = Annotated[int, Query(ge=0, le=10_000, description="How long to wait for the pool's answer, ms.")]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="Names the request: the same again changes nothing. It holds while the pool remembers the order.",
    ),
]


def allow(found: Caller, scope: Scope, pool: str, store: str | None = None) -> None:
    """Raises ProblemError unless the caller may do that, there."""
    if not found.may(scope, pool, store):
        raise ProblemError("not_allowed", _why_not(found, scope, pool, store))


def _why_not(found: Caller, scope: Scope, pool: str, store: str | None) -> str:
    if found.key is None:
        return f"Without a key nobody may do {scope}."
    if found.pool != pool:
        return f"The key is of pool {found.pool}, not of {pool}."
    if scope not in found.key["scopes"]:
        return f"The key may not do {scope}: it was made for {', '.join(found.key['scopes'])}; a new one can have more."
    return f"The key is of store {found.store}, not of {store}."


def allow_at(room: Room, found: Caller, scope: Scope, pool: str, store: str) -> None:
    """As `allow`, of a store that the pool has. Raises ProblemError."""
    allow(found, scope, pool, store)
    known_store(room, pool, store)


def known_store(room: Room, pool: str, store: str) -> None:
    """Raises ProblemError for a store that the pool has not."""
    if room.views.store(pool, store) is None:
        raise ProblemError("unknown_store")


def known_item(room: Room, pool: str, sku: str) -> CatalogItem:
    """Raises ProblemError for an item that the pool has not."""
    item = room.views.item(pool, sku)
    if item is None:
        raise ProblemError("unknown_item")
    return item


async def be_fresh(room: Room, pool: str, consistency: str, position: int | None) -> None:
    """Wait until the views have come so far as the caller wants. Raises ProblemError."""
    if consistency != "fresh":
        return
    if position is None:
        raise ProblemError("invalid_request", "consistency=fresh needs position", headers={})
    if room.views.position(pool) >= position:
        return
    if not await asyncio.to_thread(room.views.wait_for, pool, position, FRESH_WAIT_S):
        raise ProblemError("not_yet")


def encode_cursor(last: str) -> str:
    """The cursor behind the entry of that name."""
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> str:
    """The name of the last entry before; empty without a cursor. Raises ProblemError."""
    if not cursor:
        return ""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except ValueError:
        raise ProblemError("invalid_request", NO_CURSOR) from None


def page(entries: Iterable[tuple[str, T]], limit: int) -> tuple[list[T], str | None]:
    """The first entries, by their names, and the cursor of what follows; None when nothing does."""
    found = list(islice(entries, limit + 1))
    follows = encode_cursor(found[limit - 1][0]) if len(found) > limit else None
    return [entry for _, entry in found[:limit]], follows


def page_of_list(
    rows: Sequence[Row], place: Callable[[Row], Place], shape: Callable[[Row], T], cursor: str | None, limit: int
) -> tuple[list[T], str | None]:
    """As `page`, of rows in an order of their own: behind the cursor's place, whether or not that row is still there.

    place: what the rows are sorted by; each row's is its own. Raises ProblemError for a cursor of another list.
    """
    places = list(map(place, rows))
    start = bisect_right(places, _decode_place(cursor, places)) if cursor and places else 0
    return page(((json.dumps(at), shape(row)) for at, row in zip(places[start:], rows[start:], strict=True)), limit)


def _decode_place(cursor: str, places: Sequence[Place]) -> Place:
    try:
        place = tuple(json.loads(decode_cursor(cursor)))
    except (ValueError, TypeError):
        place = ()
    if list(map(type, place)) != list(map(type, places[0])):
        raise ProblemError("invalid_request", NO_CURSOR)
    return place


def pending(request: Request, name: str, url: str, who: str) -> Response:
    """The answer while Kafka has a request, and `who` decides has not told: where to ask."""
    body = {"request": name, "url": url, "detail": f"Kafka has it; {who} yet."}
    return answer(request, body, HTTPStatus.ACCEPTED, {"Location": url})


def answer(
    request: Request,
    body: object,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """An answer as JSON, with its ETag; 304 without a body when the caller has it already."""
    content = orjson.dumps(body)
    found = {**getattr(request.state, "headers", {}), **(headers or {})}
    if request.method == "GET":
        found["ETag"] = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
        found["Cache-Control"] = "private, no-cache"
        if found["ETag"] in (request.headers.get("if-none-match") or ""):
            return Response(None, HTTPStatus.NOT_MODIFIED, found)
    return Response(content, int(status), found, media_type)


def unchanged() -> dict[int | str, dict[str, Any]]:
    """How an operation documents that nothing has changed."""
    return {304: {"description": "Not Modified: `If-None-Match` names what there is."}}
