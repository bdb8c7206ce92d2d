"""Server-sent events: what has changed in a pool, as it happens.

Of shelves a listener hears the numbers that it may see; of all others their band when it is another, never that goods
moved. Of all else it hears names, and asks for what it wants to see.
"""

import json
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from commonshelf.web.api.availability import numbers
from commonshelf.web.api.context import Anybody, KnownPool, Room, RoomOf
from commonshelf.web.api.problems import ProblemError, documented
from commonshelf.web.callers import Caller, Sight, is_over
from commonshelf.web.told import heard_kinds, name_told, order_told, task_told
from commonshelf.web.views.changes import Change, ChangeKind, Listener, ReadAnew
from messaging.view import ViewDamaged, ViewFailed

router = APIRouter(tags=["live"])
HEARTBEAT_S = 15.0
_READ_ANEW: Final = "event: read_anew\ndata: {}\n\n"
Told = Literal["shelf", "band", "order", "task", "appointment", "proposal", "statement"]


@router.get(
    "/pools/{pool}/events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Without an end."},
        **documented(404),
    },
)
async def events(
    room: RoomOf,
    caller: Anybody,
    pool: KnownPool,
    kinds: Annotated[list[Told] | None, Query(description="All that the caller may hear of when left out.")] = None,
) -> StreamingResponse:
    """Changes as server-sent events; `read_anew` says that some were missed. Without a key: bands alone."""
    if room.listeners.get(caller.name, 0) >= room.settings.listeners_per_caller:
        raise ProblemError("too_many_listeners")
    wanted = heard_kinds(caller, pool, kinds)
    stream = _stream(room, caller, pool, wanted)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, headers=headers, media_type="text/event-stream")


async def _stream(room: Room, caller: Caller, pool: str, kinds: set[ChangeKind]) -> AsyncIterator[str]:
    room.listeners[caller.name] = room.listeners.get(caller.name, 0) + 1
    try:
        with room.views.listen(pool, kinds) as listener:
            yield ": listening\n\n"
            said_at_s = time.monotonic()
            while not is_over(room.views, caller):
                told = await _next(room, caller, pool, listener, max(0.0, said_at_s + HEARTBEAT_S - time.monotonic()))
                if told or time.monotonic() - said_at_s >= HEARTBEAT_S:
                    said_at_s = time.monotonic()
                    yield told or ": nothing new\n\n"
    finally:
        room.listeners[caller.name] -= 1
        if not room.listeners[caller.name]:
            del room.listeners[caller.name]


async def _next(room: Room, caller: Caller, pool: str, listener: Listener, timeout_s: float) -> str:
    heard = await listener.next(timeout_s)
    if heard is None:
        return ""
    if isinstance(heard, ReadAnew):
        return _READ_ANEW
    try:
        return heard.told(caller.audience, lambda changes: "".join(_told(room, caller, pool, changes)))
    except (ViewDamaged, ViewFailed):
        return _READ_ANEW


def _told(room: Room, caller: Caller, pool: str, changes: Iterable[Change]) -> Iterator[str]:
    sight = Sight.of(room.views, caller, pool)
    for change in changes:
        if room.views.changes.is_ended:
            return
        told = what_is_told(room, caller, sight, change)
        if told is not None:
            kind = "band" if change.kind == "public_band" else change.kind
            yield f"event: {kind}\ndata: {json.dumps(told, separators=(',', ':'))}\n\n"


def what_is_told(room: Room, caller: Caller, sight: Sight, change: Change) -> dict[str, object] | None:
    """What a caller is told of a change; None when it is not for them."""
    match change.kind:
        case "shelf" | "band" | "public_band":
            return _shelf(room, sight, change)
        case "order":
            event = room.views.event(change.pool, change.offset)
            return None if event is None else order_told(caller, event)
        case "task":
            task = room.views.task(change.pool, change.name)
            return None if task is None else task_told(caller, task)
        case _:
            return name_told(caller, change.kind, change.name)


def _shelf(room: Room, sight: Sight, change: Change) -> dict[str, object] | None:
    sku, _, store = change.name.rpartition("/")
    if (change.kind == "shelf") != sight.has_numbers(store):
        return None
    row, item = room.views.shelf(change.pool, sku, store), room.views.item(change.pool, sku)
    band = None if row is None or item is None else sight.shelf(item, row)
    if row is None or band is None:
        return None
    told: dict[str, object] = {"sku": sku, "store": store, "band": band}
    return told | {"numbers": numbers(row)} if change.kind == "shelf" else told
