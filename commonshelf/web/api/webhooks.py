"""Webhooks: a key's subscriptions, by which its holder is told of what it may see at an address of its own."""

import asyncio
import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from commonshelf.web.api.asking import CONFIRM_TIMEOUT_S
from commonshelf.web.api.context import (
    Cursor,
    KnownPool,
    Limit,
    Member,
    Room,
    RoomOf,
    allow,
    answer,
    decode_cursor,
    page,
    unchanged,
)
from commonshelf.web.api.problems import ProblemError, documented
from commonshelf.web.api.shapes import WebhookMade, WebhookShape, WebhooksPage
from commonshelf.web.callers import Caller
from commonshelf.web.told import heard_kinds
from commonshelf.web.webhooks.secrets import mark_of, secret_of
from commonshelf.web.webhooks.targets import TargetRefused, check_url
from messaging.clock import wall_clock_ms
from schemas.models.base import NAME_PATTERN, Offset, TimeMs
from schemas.models.webhooks import URL_MAX, WebhookKind, WebhookReplay, WebhookSubscription
from schemas.types import webhooks as types

router = APIRouter(tags=["webhooks"])
OVERLAP_MS = 86_400_000
_SEEN_WAIT_S = 3.0
_ID_BYTES = 6
WebhookId = Annotated[str, Path(pattern=NAME_PATTERN, description="The subscription's id.")]


class Wish(BaseModel):
    """A wish to be told: of what, and where."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(min_length=1, max_length=URL_MAX)]
    kinds: Annotated[list[WebhookKind], Field(min_length=1, max_length=6)]


class Replay(BaseModel):
    """From where to tell once more: an `offset` of one kind, or `since_ms`; with neither, a parked one goes on."""

    model_config = ConfigDict(extra="forbid")

    kind: WebhookKind | None = None
    offset: Offset | None = None
    since_ms: TimeMs | None = None

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        WebhookReplay(number=1, **self.model_dump())
        return self


_CHANGED = {**documented(403, 404, 413)}


@router.get(
    "/pools/{pool}/webhooks", response_model=WebhooksPage, responses={**documented(403, 404), **unchanged()}
)  # fmt: skip
async def webhooks(
    request: Request, room: RoomOf, caller: Member, pool: KnownPool, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """The key's subscriptions, and how each fares."""
    allow(caller, "webhooks:write", pool)
    after = decode_cursor(cursor)
    rows = (row for row in _own(room, caller, pool) if row["webhook"] > after)
    shown, follows = page(((row["webhook"], _shape(room, row)) for row in rows), limit)
    return answer(request, {"webhooks": shown, "next": follows})


@router.post(
    "/pools/{pool}/webhooks", response_model=WebhookMade, status_code=201, responses=documented(403, 404, 409, 413)
)
async def subscribe(request: Request, room: RoomOf, caller: Member, pool: KnownPool, wish: Wish) -> Response:
    """Subscribe an address to kinds of changes. The answer has the secret that signs; it is not shown again."""
    allow(caller, "webhooks:write", pool)
    kinds = tuple(dict.fromkeys(wish.kinds))
    missing = [kind for kind in kinds if kind not in heard_kinds(caller, pool, kinds)]
    if missing:
        raise ProblemError("not_allowed", f"The key may not hear of {', '.join(missing)}.")
    try:
        check_url(wish.url, may_be_private=room.webhooks.may_call_private_addresses)
    except TargetRefused as refused:
        raise ProblemError("webhook_target", f"url: {refused}.") from None
    key = _server_key(room)
    async with room.webhook_lock:
        if sum(1 for _ in _own(room, caller, pool)) >= room.webhooks.per_key:
            raise ProblemError("too_many_webhooks")
        made = WebhookSubscription(
            pool=pool, webhook=secrets.token_hex(_ID_BYTES), key_id=caller.name, url=wish.url, kinds=kinds,
            key_mark=mark_of(key),
            created_at_ms=wall_clock_ms(),
        )  # fmt: skip
        await _store(room, made)
    headers = {"Location": f"/v1/pools/{pool}/webhooks/{made.webhook}"}
    return answer(request, _with_secret(room, made, key), HTTPStatus.CREATED, headers)


@router.get(
    "/pools/{pool}/webhooks/{webhook}", response_model=WebhookShape, responses={**documented(403, 404), **unchanged()}
)
async def show(request: Request, room: RoomOf, caller: Member, pool: KnownPool, webhook: WebhookId) -> Response:
    """A subscription: how far it was told, and since when it fails."""
    return answer(request, _shape(room, _row(room, caller, pool, webhook)))


@router.delete("/pools/{pool}/webhooks/{webhook}", status_code=204, response_class=Response, responses=_CHANGED)
async def end(request: Request, room: RoomOf, caller: Member, pool: KnownPool, webhook: WebhookId) -> Response:
    """End a subscription for good."""
    await _change(room, caller, pool, webhook, lambda _: {"ended_at_ms": wall_clock_ms()})
    return Response(None, HTTPStatus.NO_CONTENT, getattr(request.state, "headers", {}))


@router.post("/pools/{pool}/webhooks/{webhook}/rotate", response_model=WebhookMade, responses=_CHANGED)
async def rotate(request: Request, room: RoomOf, caller: Member, pool: KnownPool, webhook: WebhookId) -> Response:
    """A new secret, shown once. For a day messages are signed with the one before as well."""
    key = _server_key(room)
    until_ms = wall_clock_ms() + OVERLAP_MS
    changed = await _change(
        room, caller, pool, webhook,
        lambda known: {
            "secret_version": known.secret_version + 1, "previous_until_ms": until_ms, "key_mark": mark_of(key),
        },
    )  # fmt: skip
    return answer(request, _with_secret(room, changed, key))


@router.post("/pools/{pool}/webhooks/{webhook}/ping", status_code=202, response_model=WebhookShape, responses=_CHANGED)
async def ping(request: Request, room: RoomOf, caller: Member, pool: KnownPool, webhook: WebhookId) -> Response:
    """Send a test message; `pinged` and `ping_answer` of the subscription tell what became of it."""
    changed = await _change(room, caller, pool, webhook, lambda known: {"pings": known.pings + 1})
    return answer(request, _shape(room, _plain(changed)), HTTPStatus.ACCEPTED)


@router.post(
    "/pools/{pool}/webhooks/{webhook}/replay", status_code=202, response_model=WebhookShape, responses=_CHANGED
)  # fmt: skip
async def replay(
    request: Request, room: RoomOf, caller: Member, pool: KnownPool, webhook: WebhookId, wish: Replay
) -> Response:
    """Tell once more from a place on, or go on with one that was parked. A message told again has the id it had."""

    def again(known: WebhookSubscription) -> dict[str, object]:
        if wish.kind is not None and wish.kind not in known.kinds:
            raise ProblemError("invalid_request", f"kind: the subscription is not told of {wish.kind}.")
        number = 1 if known.replay is None else known.replay.number + 1
        return {"replay": WebhookReplay(number=number, **wish.model_dump())}

    changed = await _change(room, caller, pool, webhook, again)
    return answer(request, _shape(room, _plain(changed)), HTTPStatus.ACCEPTED)


def _own(room: Room, caller: Caller, pool: str) -> list[types.WebhookSubscription]:
    found = room.views.webhooks(pool)
    return [row for row in found if row["key_id"] == caller.name and row["ended_at_ms"] is None]


def _row(room: Room, caller: Caller, pool: str, webhook: str) -> types.WebhookSubscription:
    """Raises ProblemError for one that is not the caller's, or is ended."""
    allow(caller, "webhooks:write", pool)
    row = room.views.webhook(pool, webhook)
    if row is None or row["key_id"] != caller.name or row["ended_at_ms"] is not None:
        raise ProblemError("unknown_webhook")
    return row


async def _change(
    room: Room, caller: Caller, pool: str, webhook: str, change: Callable[[WebhookSubscription], dict[str, object]]
) -> WebhookSubscription:
    """Change a subscription, one change after the other. Raises ProblemError."""
    async with room.webhook_lock:
        known = WebhookSubscription.model_validate(_row(room, caller, pool, webhook))
        changed = known.model_copy(update=change(known))
        await _store(room, changed)
    return changed


async def _store(room: Room, subscription: WebhookSubscription) -> None:
    """Return when Kafka has it, and this process knows it. Raises ProblemError, PublishError."""
    pool, wanted = subscription.pool, _plain(subscription)
    with room.views.listen(pool, ["webhook"]) as listener:
        try:
            async with asyncio.timeout(CONFIRM_TIMEOUT_S):
                await room.asker.publisher.publish_acked([subscription])
        except TimeoutError:
            raise ProblemError("unconfirmed") from None
        while room.views.webhook(pool, subscription.webhook) != wanted:
            if await listener.next(_SEEN_WAIT_S) is None:
                raise ProblemError("not_yet")


def _plain(subscription: WebhookSubscription) -> types.WebhookSubscription:
    plain: types.WebhookSubscription = subscription.to_avro()  # type: ignore[assignment]  # the record's own shape
    return plain


def _server_key(room: Room) -> bytes:
    """Raises ProblemError."""
    key = room.webhook_key()
    if key is None:
        raise ProblemError("webhooks_away")
    return key


def _with_secret(room: Room, subscription: WebhookSubscription, key: bytes) -> dict[str, object]:
    return _shape(room, _plain(subscription)) | {"secret": secret_of(key, subscription, subscription.secret_version)}


def _shape(room: Room, row: types.WebhookSubscription) -> dict[str, object]:
    """A subscription as its holder sees it."""
    told = room.views.webhook_progress(row["pool"], row["webhook"])
    replayed = 0 if told is None else told["replay"]
    shown: dict[str, object] = {
        "webhook": row["webhook"], "url": row["url"], "kinds": row["kinds"], "created_at_ms": row["created_at_ms"],
        "secret_version": row["secret_version"], "pings": row["pings"],
        "is_replaying": row["replay"] is not None and row["replay"]["number"] > replayed,
    }  # fmt: skip
    if told is None:
        return shown | {
            "status": "starting", "places": [], "delivered": 0, "last_delivered_at_ms": None, "refused": 0,
            "last_refused": None, "failing_since_ms": None, "failure": None, "parked_at_ms": None, "pinged": 0,
            "ping_answer": None,
        }  # fmt: skip
    status = "parked" if told["parked_at_ms"] is not None else "failing" if told["failing_since_ms"] else "active"
    return shown | {
        "status": status, "places": told["places"], "delivered": told["delivered"],
        "last_delivered_at_ms": told["last_delivered_at_ms"], "refused": told["refused"],
        "last_refused": told["last_refused"], "failing_since_ms": told["failing_since_ms"],
        "failure": told["failure"], "parked_at_ms": told["parked_at_ms"], "pinged": told["pinged"],
        "ping_answer": told["ping_answer"],
    }  # fmt: skip
