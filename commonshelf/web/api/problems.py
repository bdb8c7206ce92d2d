"""Problem documents (RFC 9457): each has a code that stays, and says what to do."""

import json
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from messaging.publisher import PublishError
from messaging.view import ViewDamaged, ViewFailed
from schemas.models.forms import problem_text
from schemas.types.orders import OrderEvent

MEDIA_TYPE = "application/problem+json"
_RECORDS = Path(__file__).parents[3] / "schemas" / "records"
_SHOWN_MAX = 10


class Kind(NamedTuple):
    """A kind of problem. retry_after_s: None when the same again would not help."""

    status: int
    title: str
    to_do: str
    retry_after_s: int | None = None


KINDS: dict[str, Kind] = {
    "invalid_request": Kind(422, "The request is not of the form that is asked for.", "Correct what `errors` names."),
    "body_too_large": Kind(413, "The body is too large.", "Send less at once."),
    "key_needed": Kind(401, "This needs a key.", "Send one: Authorization: Bearer cs_…; operators make them."),
    "key_unknown": Kind(401, "The key is unknown, revoked or over.", "Ask the pool's operator for a new one."),
    "not_allowed": Kind(403, "The key may not do this.", "Ask the pool's operator for a key with the scope, or store."),
    "unknown_pool": Kind(404, "There is no such pool.", "GET /v1/pools names those that show themselves."),
    "unknown_store": Kind(404, "The pool has no such store.", "GET /v1/pools/{pool}/directory names those it shows."),
    "unknown_item": Kind(404, "The pool has no such item.", "GET /v1/pools/{pool}/items lists them."),
    "unknown_order": Kind(404, "There is no such order, or it is not for this key to see.", "Check its id."),
    "unknown_task": Kind(404, "There is no such task, or it is another store's.", "List the store's tasks."),
    "unknown_request": Kind(
        404, "No answer is known to a request of that id by this key.", "Ask again, or send it with the same key."
    ),
    "unknown_proposal": Kind(404, "The store has no proposal for that item.", "List the store's proposals."),
    "unknown_webhook": Kind(404, "The key has no such subscription.", "GET …/webhooks lists those it has."),
    "webhook_target": Kind(
        422, "Messages do not go to that address.", "Give one that begins with https:// and is on the internet."
    ),
    "too_many_webhooks": Kind(409, "The key has as many subscriptions as it may.", "End one that is not needed."),
    "webhooks_away": Kind(
        503, "This server cannot sign messages: its key is not there.", "Ask the pool's operator to set it."
    ),
    "not_found": Kind(404, "Nothing is served here.", "See /v1/openapi.json."),
    "method_not_allowed": Kind(405, "This method is not served here.", "`Allow` names those that are."),
    "superseded": Kind(409, "There is a newer version of the proposal.", "Read it anew, and answer that."),
    "answered_before": Kind(409, "The proposal was answered before, otherwise.", "Nothing: the first answer counts."),
    "wrong_quantity": Kind(409, "The quantity is not in whole packs.", "Round it to the proposal's pack_milli."),
    "idempotency_key_reused": Kind(
        409, "The same Idempotency-Key came before with another content.", "Use a new key for a new request."
    ),
    "rate_limited": Kind(429, "That is more than is allowed at a time.", "Wait as Retry-After says.", 1),
    "too_many_listeners": Kind(429, "That is more live streams than are allowed at once.", "Close some of them.", 5),
    "not_yet": Kind(
        503, "The views have not come to that position yet.", "Ask again in a moment; or without consistency=fresh.", 1
    ),
    "not_ready": Kind(503, "The views are being read.", "Ask again in a moment; /ready says when.", 2),
    "unconfirmed": Kind(
        503, "Kafka has not confirmed in time; it may still take it.", "Send it again with the same key: safe.", 2
    ),
}  # fmt: skip
"""By code. What the pool refuses has the code of the refusal, and the status 409."""


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(examples=["/v1/problems/unknown_order"])
    title: str
    status: int
    detail: str
    code: str = Field(description="Stays the same in all releases.", examples=["unknown_order"])
    to_do: str = Field(description="What the caller should do.")
    errors: list[str] | None = Field(None, description="Of invalid_request: what is wrong, and where.")


class ProblemError(Exception):
    """A request that is answered by a problem document."""

    def __init__(self, code: str, detail: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.headers = headers or {}


def refused(event: OrderEvent) -> ProblemError:
    """The problem of what a pool has refused."""
    if event["reason"] == "conflict":
        return ProblemError("idempotency_key_reused", event["detail"])
    return ProblemError(event["reason"], event["detail"])


def kind_of(code: str) -> Kind | None:
    """The kind of problem with that code; None when there is none."""
    known = KINDS.get(code)
    if known is not None:
        return known
    meaning = rejections().get(code)
    if meaning is None:
        return None
    title, _, to_do = meaning.rstrip(".").partition(": ")
    advice = f"{to_do[:1].upper()}{to_do[1:]}." if to_do else "See the title."
    return Kind(int(HTTPStatus.CONFLICT), f"The pool refused it: {title}.", advice)


@cache
def rejections() -> dict[str, str]:
    """What pools say no with: the word, its meaning and what to do."""
    kinds: dict[str, dict[str, str]] = json.loads((_RECORDS / "requests" / "kinds.json").read_text(encoding="utf-8"))
    return {word: meaning or word for word, meaning in kinds["Rejection"].items()}


def problem(
    code: str, detail: str = "", headers: dict[str, str] | None = None, errors: list[str] | None = None
) -> Response:
    """The answer that tells of a problem."""
    kind = kind_of(code) or Kind(int(HTTPStatus.CONFLICT), f"The pool refused it: {code}.", "See the detail.")
    body = Problem(
        type=f"/v1/problems/{code}", title=kind.title, status=kind.status, detail=detail or kind.title, code=code,
        to_do=kind.to_do, errors=errors,
    )  # fmt: skip
    found = dict(headers or {})
    if kind.retry_after_s is not None:
        found.setdefault("Retry-After", str(kind.retry_after_s))
    if kind.status == HTTPStatus.UNAUTHORIZED:
        found["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body.model_dump(exclude_none=True), kind.status, found, MEDIA_TYPE)


async def answer_problem(request: Request, error: Exception) -> Response:
    """What a request is told whose handling raised one of `HANDLED`."""
    told = _told(error)
    for header, value in getattr(request.state, "headers", {}).items():
        told.headers[header] = value
    return told


def _told(error: Exception) -> Response:
    match error:
        case ProblemError():
            return problem(error.code, error.detail, error.headers)
        case RequestValidationError():
            shown = [f"{'.'.join(map(str, one['loc']))}: {problem_text(one)}" for one in error.errors()[:_SHOWN_MAX]]
            shown = [text.encode(errors="replace").decode() for text in shown]  # names of fields are the caller's
            return problem("invalid_request", "; ".join(shown), errors=shown)
        case ViewDamaged() | ViewFailed():
            return problem("not_ready")
        case PublishError():
            return problem("unconfirmed", str(error))
        case StarletteHTTPException(status_code=404):
            return problem("not_found")
        case StarletteHTTPException(status_code=405):
            return problem("method_not_allowed", headers=dict(error.headers or {}))
        case StarletteHTTPException():
            return problem("invalid_request", str(error.detail))
    raise error


HANDLED: tuple[type[Exception], ...] = (
    ProblemError, RequestValidationError, ViewDamaged, ViewFailed, PublishError, StarletteHTTPException,
)  # fmt: skip


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How an operation documents its problems, besides those that any may have."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in (*statuses, 401, 422, 429, 503)
    }
