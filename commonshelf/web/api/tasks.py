"""A store's work: its tasks and appointments, and reports on them, on transfers and on customers who come."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from commonshelf.web.api.asking import Naming
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
    RoomOf,
    Store,
    Wait,
    allow,
    allow_at,
    answer,
    be_fresh,
    page_of_list,
    unchanged,
)
from commonshelf.web.api.orders import OrderId, seen_order, undecided
from commonshelf.web.api.problems import ProblemError, documented
from commonshelf.web.api.shapes import AppointmentsPage, Pending, Reported, Task, TasksPage
from commonshelf.web.api.showing import appointment_shape, task_shape
from commonshelf.web.orders_seen import sees_all
from commonshelf.web.views.places import appointment_place, task_place
from messaging.clock import wall_clock_ms
from schemas.models.base import Name, Text, TimeMs
from schemas.models.reports import FulfilmentLine, FulfilmentReport
from schemas.types.reports import ReportKind, ShortReason

router = APIRouter(tags=["tasks and appointments"])
IsLive = Annotated[bool, Query(description="Leave out what is over.")]


class Report(BaseModel):
    """A report of a store, or an app, on work: docs/topics/fulfilment.reports.v1.md."""

    model_config = ConfigDict(extra="forbid")

    kind: ReportKind
    task: Text | None = None
    transfer: Text | None = None
    order: Name | None = None
    eta_ms: TimeMs | None = None
    code: Text | None = None
    worker: Text | None = None
    reason: ShortReason | None = None
    lines: Annotated[list[FulfilmentLine], Field(max_length=100)] = []
    occurred_at_ms: TimeMs | None = None
    """When it happened; now when left out."""

    @model_validator(mode="after")
    def _names_its_work(self) -> Self:
        if [self.task, self.transfer, self.order].count(None) != 2:
            raise ValueError("give one of task, transfer and order: what is it about?")
        return self


_REPORTED: dict[int | str, dict[str, Any]] = {
    **documented(403, 404, 409, 413),
    202: {"model": Pending, "description": "Kafka has the report; the pool has not decided yet."},
}


@router.get(
    "/pools/{pool}/stores/{store}/tasks", response_model=TasksPage, responses={**documented(403, 404), **unchanged()}
)
async def tasks(
    request: Request,
    room: RoomOf,
    caller: Member,
    pool: KnownPool,
    store: Store,
    is_live: IsLive = True,
    consistency: Fresh = "eventual",
    position: Position = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """A store's tasks, the most urgent first."""
    allow_at(room, caller, "tasks:read", pool, store)
    await be_fresh(room, pool, consistency, position)
    rows = room.views.tasks(pool, store, is_live=is_live)
    shown, follows = page_of_list(rows, task_place, task_shape, cursor, limit)
    return answer(request, {"tasks": shown, "next": follows})


@router.get("/pools/{pool}/tasks/{task}", response_model=Task, responses={**documented(403, 404), **unchanged()})
async def show(
    request: Request,
    room: RoomOf,
    caller: Member,
    pool: KnownPool,
    task: Annotated[Text, Path()],
    consistency: Fresh = "eventual",
    position: Position = None,
) -> Response:
    """A task as it stands."""
    allow(caller, "tasks:read", pool)
    await be_fresh(room, pool, consistency, position)
    row = room.views.task(pool, task)
    if row is None or caller.store not in (None, row["store"]):
        raise ProblemError("unknown_task")
    return answer(request, task_shape(row), headers={POSITION_HEADER: str(row["position"])})


@router.post("/pools/{pool}/stores/{store}/reports", response_model=Reported, responses=_REPORTED)
async def report(
    request: Request,
    room: RoomOf,
    caller: Member,
    pool: KnownPool,
    store: Store,
    said: Report,
    idempotency_key: IdempotencyKey,
    wait_ms: Wait = ANSWER_WAIT_MS,
) -> Response:
    """Report on a task (claimed, renewed, done, short, refused), a transfer (shipped, received) or a customer."""
    allow_at(room, caller, "tasks:write", pool, store)
    naming = Naming.of(caller, idempotency_key)
    now_ms = wall_clock_ms()
    event = FulfilmentReport(
        **said.model_dump(exclude={"occurred_at_ms"}), pool=pool, store=store, report_id=naming.key,
        occurred_at_ms=now_ms if said.occurred_at_ms is None else said.occurred_at_ms, recorded_at_ms=now_ms,
        origin="api",
    )  # fmt: skip
    told = None
    if room.views.reported(pool, naming.key) is None:
        told = await room.asker.ask(event, naming.key, wait_ms / 1000)
    if told is False:
        return undecided(request, pool, naming)
    row = None if said.task is None else room.views.task(pool, said.task)
    position = told["position"] if isinstance(told, dict) else None if row is None else row["position"]
    body = {
        "report": naming.request, "kind": told["kind"] if isinstance(told, dict) else "taken", "position": position,
        "task": None if row is None else task_shape(row),
        "order": (told["order"] or None) if isinstance(told, dict) else said.order,
    }  # fmt: skip
    return answer(request, body, headers={} if position is None else {POSITION_HEADER: str(position)})


@router.get(
    "/pools/{pool}/stores/{store}/appointments", response_model=AppointmentsPage,
    responses={**documented(403, 404), **unchanged()},
)  # fmt: skip
async def appointments(
    request: Request,
    room: RoomOf,
    caller: Member,
    pool: KnownPool,
    store: Store,
    is_live: IsLive = True,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Customers who collect at a store, by time."""
    allow_at(room, caller, "tasks:read", pool, store)
    rows = room.views.appointments_at(pool, store, is_live=is_live)
    shown, follows = page_of_list(rows, appointment_place, appointment_shape, cursor, limit)
    return answer(request, {"appointments": shown, "next": follows})


@router.get(
    "/pools/{pool}/orders/{order}/appointments", response_model=AppointmentsPage,
    responses={**documented(403, 404), **unchanged()},
)  # fmt: skip
async def appointments_of(request: Request, room: RoomOf, caller: Member, pool: KnownPool, order: OrderId) -> Response:
    """An order's appointments; a store that has only a part in it sees its own."""
    allow(caller, "orders:read", pool)
    seen_order(room, caller, pool, order)
    rows = [
        row for row in room.views.appointments(pool, order)
        if caller.store in (None, row["store"]) or sees_all(caller, order)
    ]  # fmt: skip
    return answer(request, {"appointments": [appointment_shape(row) for row in rows], "next": None})
