# ruff: noqa: FAST003  an OrderChange has the names of its path
"""Orders: placed, amended, confirmed, cancelled, moved to another window, and followed."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from commonshelf.web.api.asking import Naming, checked, request_key
from commonshelf.web.api.context import (
    ANSWER_WAIT_MS,
    POSITION_HEADER,
    Cursor,
    Fresh,
    IdempotencyKey,
    KnownPool,
    Limit,
    Member,
    Position,
    Room,
    RoomOf,
    Wait,
    allow,
    answer,
    be_fresh,
    decode_cursor,
    page,
    pending,
    unchanged,
)
from commonshelf.web.api.problems import ProblemError, documented
from commonshelf.web.api.shapes import Order, OrderChanges, OrdersPage, Pending, Reported
from commonshelf.web.api.showing import order_shape, task_shape
from commonshelf.web.callers import Caller
from commonshelf.web.orders_seen import hears, sees, sees_all
from messaging.clock import wall_clock_ms
from schemas.models.base import NAME_PATTERN
from schemas.models.requests import OrderRequest, OrderRequestKind, OrderTerms, PickupWish
from schemas.types.orders import OrderEvent
from schemas.types.tasks import TaskRow

router = APIRouter(tags=["orders"])
OrderId = Annotated[str, Path(pattern=NAME_PATTERN, description="The order's id.")]
_PENDING: dict[int | str, dict[str, Any]] = {
    202: {"model": Pending, "description": "Kafka has the request; the pool has not decided yet."}
}
_CHANGED = {**documented(403, 404, 409, 413), **_PENDING}


class WindowWish(BaseModel):
    """Another window in which the customer would like to collect."""

    model_config = ConfigDict(extra="forbid")

    pickup: PickupWish


@dataclass(frozen=True)
class OrderChange:
    """A request about an order that is there, with all that such requests have in common."""

    request: Request
    room: RoomOf
    caller: Member
    pool: KnownPool
    order: OrderId
    idempotency_key: IdempotencyKey
    wait_ms: Wait = ANSWER_WAIT_MS

    async def ask(
        self, kind: OrderRequestKind, terms: OrderTerms | None = None, pickup: PickupWish | None = None
    ) -> Response:
        """Send it; what the pool makes of it. Raises ProblemError."""
        allow(self.caller, "orders:write", self.pool)
        if not sees_all(self.caller, self.order):
            raise ProblemError("unknown_order")
        naming = Naming.of(self.caller, self.idempotency_key)
        asked = _request(self.pool, self.order, naming.key, kind, terms, pickup)
        told = await self.room.asker.ask(asked, naming.key, self.wait_ms / 1000)
        return _told(self.request, self.room, self.caller, told, naming, self.pool, HTTPStatus.OK, {})


Change = Annotated[OrderChange, Depends()]


@router.post(
    "/pools/{pool}/orders", status_code=HTTPStatus.CREATED, response_model=Order,
    responses={200: {"model": Order, "description": "It was placed before by the same Idempotency-Key."}, **_CHANGED},
)  # fmt: skip
async def place(
    request: Request,
    room: RoomOf,
    caller: Member,
    pool: KnownPool,
    terms: OrderTerms,
    idempotency_key: IdempotencyKey,
    wait_ms: Wait = ANSWER_WAIT_MS,
) -> Response:
    """Place an order: goods are held until it is confirmed, or its hold ends. Its id is made of the Idempotency-Key."""
    allow(caller, "orders:write", pool)
    naming = Naming.of(caller, idempotency_key)
    before = room.views.answer(pool, naming.key)
    was_there = before is not None and before["kind"] != "refused"
    asked = _request(pool, naming.order, naming.key, OrderRequestKind.placed, terms=terms)
    told = await room.asker.ask(asked, naming.key, wait_ms / 1000)
    where = f"/v1/pools/{pool}/orders/{naming.order}"
    return _told(request, room, caller, told, naming, pool, 200 if was_there else 201, {"Location": where})


@router.put("/pools/{pool}/orders/{order}", response_model=Order, responses=_CHANGED)
async def amend(change: Change, terms: OrderTerms) -> Response:
    """Amend an order, wholly anew; when the pool cannot fill it, it stands as it was."""
    return await change.ask(OrderRequestKind.amended, terms=terms)


@router.post("/pools/{pool}/orders/{order}/confirm", response_model=Order, responses=_CHANGED)
async def confirm(change: Change) -> Response:
    """Confirm an order: goods are held until its deadline, and the stores are asked to pick."""
    return await change.ask(OrderRequestKind.confirmed)


@router.post("/pools/{pool}/orders/{order}/cancel", response_model=Order, responses=_CHANGED)
async def cancel(change: Change) -> Response:
    """Cancel an order: all that is held for it is free again."""
    return await change.ask(OrderRequestKind.cancelled)


@router.post("/pools/{pool}/orders/{order}/move", response_model=Order, responses=_CHANGED)
async def move(change: Change, wish: WindowWish) -> Response:
    """Move an order's appointments to another window."""
    return await change.ask(OrderRequestKind.moved, pickup=wish.pickup)


@router.get("/pools/{pool}/orders", response_model=OrdersPage, responses={**documented(403, 404), **unchanged()})
async def orders(
    request: Request,
    room: RoomOf,
    caller: Member,
    pool: KnownPool,
    consistency: Fresh = "eventual",
    position: Position = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """The orders under way that the key may see, by id."""
    allow(caller, "orders:read", pool)
    await be_fresh(room, pool, consistency, position)

    def found() -> Iterator[tuple[str, object]]:
        for event in room.views.open_orders(pool, decode_cursor(cursor)):
            if sees(caller, event):
                yield event["order"], order_shape(event, room.views.decision(pool, event["order"]), caller)

    shown, follows = page(found(), limit)
    return answer(request, {"orders": shown, "next": follows})


@router.get("/pools/{pool}/orders/{order}", response_model=Order, responses={**documented(403, 404), **unchanged()})
async def show(
    request: Request,
    room: RoomOf,
    caller: Member,
    pool: KnownPool,
    order: OrderId,
    consistency: Fresh = "eventual",
    position: Position = None,
) -> Response:
    """An order as it stands, ended ones of the last 30 days among them."""
    allow(caller, "orders:read", pool)
    await be_fresh(room, pool, consistency, position)
    event = seen_order(room, caller, pool, order)
    shape = order_shape(event, room.views.decision(pool, order), caller)
    return answer(request, shape, headers={POSITION_HEADER: str(event["position"])})


@router.get(
    "/pools/{pool}/orders/{order}/events", response_model=OrderChanges,
    responses={**documented(403, 404), **unchanged()},
)  # fmt: skip
async def events(request: Request, room: RoomOf, caller: Member, pool: KnownPool, order: OrderId) -> Response:
    """What became of an order, oldest first; a store that has only a part in it hears of what it did itself."""
    allow(caller, "orders:read", pool)
    seen_order(room, caller, pool, order)
    is_whole = sees_all(caller, order)
    told = [
        {
            "position": one["position"], "at_ms": one["at_ms"], "kind": one["kind"], "reason": one["reason"],
            "detail": one["detail"] if is_whole else "", "store": one["store"], "status": one["status"],
            "outcome": one["outcome"],
        }
        for one in room.views.order_events(pool, order)
        if hears(caller, one)
    ]  # fmt: skip
    return answer(request, {"events": told})


@router.get(
    "/pools/{pool}/requests/{request_id}", response_model=Order | Reported,
    responses={**documented(404, 409), **unchanged()},
)  # fmt: skip
async def answered(
    request: Request,
    room: RoomOf,
    caller: Member,
    pool: KnownPool,
    request_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="As a 202 named it.")],
) -> Response:
    """What became of a request, or of a report, that was answered with 202."""
    assert caller.key is not None, "a member"
    key = request_key(caller.key["key_id"], request_id)
    event, task = room.views.answer(pool, key), room.views.reported(pool, key)
    if event is not None and event["task"] is None and event["status"] and event["transfer"] is None:
        checked(event)
        return answer(request, order_shape(event, room.views.decision(pool, event["order"]), caller))
    if event is None and task is None:
        raise ProblemError("unknown_request")
    checked(event)
    shown = task_shape(cast("TaskRow", task)) if task is not None and "task" in task else None
    return answer(request, {
        "report": request_id, "kind": "taken" if event is None else event["kind"],
        "position": None if event is None else event["position"], "task": shown,
        "order": None if event is None else event["order"] or None,
    })  # fmt: skip


def seen_order(room: Room, caller: Caller, pool: str, order: str) -> OrderEvent:
    """How an order stands that the caller may see. Raises ProblemError."""
    event = room.views.order(pool, order)
    if event is None or not sees(caller, event):
        raise ProblemError("unknown_order")
    return event


def _request(
    pool: str,
    order: str,
    key: str,
    kind: OrderRequestKind,
    terms: OrderTerms | None = None,
    pickup: PickupWish | None = None,
) -> OrderRequest:
    return OrderRequest(
        pool=pool, order=order, kind=kind, key=key, recorded_at_ms=wall_clock_ms(), origin="api", terms=terms,
        pickup=pickup,
    )  # fmt: skip


def _told(
    request: Request,
    room: Room,
    caller: Caller,
    told: OrderEvent | bool | None,
    naming: Naming,
    pool: str,
    status: int,
    headers: dict[str, str],
) -> Response:
    if not isinstance(told, dict):
        return undecided(request, pool, naming)
    shape = order_shape(told, room.views.decision(pool, told["order"]), caller)
    return answer(request, shape, status, {POSITION_HEADER: str(told["position"]), **headers})


def undecided(request: Request, pool: str, naming: Naming) -> Response:
    """Kafka has it, and the pool has not decided in time."""
    return pending(request, naming.request, f"/v1/pools/{pool}/requests/{naming.request}", "the pool has not decided")
