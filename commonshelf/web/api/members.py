"""Pages of members besides orders: restock proposals and answers to them, statements, and their key."""

from typing import Annotated, Self, cast

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from commonshelf.web.api.context import (
    ANSWER_WAIT_MS,
    Cursor,
    KnownPool,
    Limit,
    Member,
    Room,
    RoomOf,
    Store,
    Wait,
    allow_at,
    answer,
    decode_cursor,
    page,
    pending,
    unchanged,
)
from commonshelf.web.api.problems import ProblemError, documented
from commonshelf.web.api.shapes import KeyShape, Pending, Proposal, ProposalsPage, StatementsPage
from commonshelf.web.api.showing import proposal_shape, statement_shape
from commonshelf.web.views.answers import proposal_key
from messaging.clock import wall_clock_ms
from schemas.codec import BadMessage
from schemas.models.base import QUANTITY_MAX_MILLI, Offset, Text
from schemas.models.restock import RestockAnswer, RestockAnswerKind
from schemas.types import restock as types
from streams.restock.planning.answers import ANSWERED, BAD_QUANTITY, UNKNOWN_PROPOSAL
from streams.restock.planning.answers import answer as decide

router = APIRouter()


class ProposalAnswer(BaseModel):
    """A shopkeeper's word on a proposal."""

    model_config = ConfigDict(extra="forbid")

    sku: Text
    version: Offset
    """Of the proposal that was read: a newer one asks anew."""
    kind: RestockAnswerKind
    buy_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] | None = None
    """Of changed: what to buy instead, in whole packs."""
    with_moves: bool = True
    """Neighbours are asked for what the proposal names."""

    @model_validator(mode="after")
    def _says_how_much(self) -> Self:
        if (self.kind == RestockAnswerKind.changed) != (self.buy_milli is not None):
            raise ValueError("buy_milli belongs to changed, and to it only: how much is bought instead?")
        return self


@router.get("/key", response_model=KeyShape, responses={**documented(), **unchanged()}, tags=["keys"])
async def key(request: Request, caller: Member) -> Response:
    """The key that asks, and what it may do."""
    assert caller.key is not None, "a member"
    return answer(request, {
        "key": caller.key["key_id"], "pool": caller.pool, "store": caller.key["store"], "label": caller.key["label"],
        "scopes": caller.key["scopes"], "expires_at_ms": caller.key["expires_at_ms"],
    })  # fmt: skip


@router.get(
    "/pools/{pool}/stores/{store}/proposals", response_model=ProposalsPage,
    responses={**documented(403, 404), **unchanged()}, tags=["restock"],
)  # fmt: skip
async def proposals(
    request: Request,
    room: RoomOf,
    caller: Member,
    pool: KnownPool,
    store: Store,
    is_open: bool = True,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """What a store is proposed to buy, and to get from neighbours, by SKU."""
    allow_at(room, caller, "restock:read", pool, store)
    after = decode_cursor(cursor)
    rows = (row for row in room.views.proposals(pool, store) if not is_open or row["status"] == "open")
    shown, follows = page(((row["sku"], proposal_shape(row)) for row in rows if row["sku"] > after), limit)
    return answer(request, {"proposals": shown, "next": follows})


@router.post(
    "/pools/{pool}/stores/{store}/proposals/answers", response_model=Proposal, tags=["restock"],
    responses={
        **documented(403, 404, 409, 413),
        202: {"model": Pending, "description": "Kafka has the answer; restock has not taken it yet."},
    },
)  # fmt: skip
async def answer_proposal(
    request: Request,
    room: RoomOf,
    caller: Member,
    pool: KnownPool,
    store: Store,
    said: ProposalAnswer,
    wait_ms: Wait = ANSWER_WAIT_MS,
) -> Response:
    """Approve, change or refuse a proposal; the first answer to a version counts, the same again changes nothing."""
    allow_at(room, caller, "restock:write", pool, store)
    event = RestockAnswer(
        **said.model_dump(), pool=pool, store=store, by=caller.label, recorded_at_ms=wall_clock_ms(), origin="api"
    )
    if not _is_answered(room, event):
        key = proposal_key(store, said.sku, said.version)
        if not await room.asker.answer_proposal(event, key, wait_ms / 1000):
            url = f"/v1/pools/{pool}/stores/{store}/proposals?is_open=false"
            return pending(request, key, url, "restock has not taken it")
        if not _is_answered(room, event):
            raise ProblemError("superseded", "Restock has not taken the answer; its dead letters say why.")
    row = room.views.proposal(pool, store, said.sku)
    assert row is not None, "it is answered"
    return answer(request, proposal_shape(row))


@router.get(
    "/pools/{pool}/stores/{store}/statements", response_model=StatementsPage,
    responses={**documented(403, 404), **unchanged()}, tags=["settlement"],
)  # fmt: skip
async def statements(
    request: Request,
    room: RoomOf,
    caller: Member,
    pool: KnownPool,
    store: Store,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """A store's statements of the windows that have closed, oldest first."""
    allow_at(room, caller, "statements:read", pool, store)
    named = [(f"{row['start_ms']:015}/{row['currency']}", row) for row in room.views.statements(pool, store)]
    after = decode_cursor(cursor)
    shown, follows = page(((name, statement_shape(row)) for name, row in named if name > after), limit)
    return answer(request, {"statements": shown, "next": follows})


_CODES = {UNKNOWN_PROPOSAL: "unknown_proposal", ANSWERED: "answered_before", BAD_QUANTITY: "wrong_quantity"}


def _is_answered(room: Room, said: RestockAnswer) -> bool:
    """Whether the proposal is answered so already. Raises ProblemError for what restock would set aside."""
    row = room.views.proposal(said.pool, said.store, said.sku)
    plain = cast("types.RestockAnswer", said.to_avro())
    try:
        return decide(row, None, plain, said.recorded_at_ms) is None
    except BadMessage as error:
        raise ProblemError(_CODES.get(error.reason, "superseded"), str(error)) from None
