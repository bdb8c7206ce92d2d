"""Signed requests of one sender: bounded, verified, and handed on. What is wrong with one is answered here."""

import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from connectors.contract import Delivery
from connectors.http.limit import BodyBudget, Busy, ConcurrencyLimit, TokenBucket
from connectors.http.payload import BODY_MAX_BYTES, PayloadRefused
from connectors.http.signature import SignatureRefused

BODY_TIMEOUT_S = 5.0
SENDER_REQUESTS_MAX = 32
"""Requests of one sender at a time: one's flood leaves the others their turn."""
SENDER_REQUESTS_PER_S = 400
"""Of one sender: far beyond a shop's tills, and less than would starve its neighbours."""
REFUSAL_LOGGED_EVERY_S = 60.0
"""Anyone can send bad signatures as fast as they like; the log must not grow with them."""
FAILED_RETRY_AFTER_S = 2
NOT_STORED = "not stored yet; send the same again, a repeat changes nothing"
_LENGTH_DIGITS_MAX = 12
_log = structlog.get_logger()


class RequestMetrics(Protocol):
    """Counts the requests of one sender."""

    def request(self, status: int) -> None:
        """A request was answered."""

    def signature_rejected(self) -> None:
        """A request was not signed with a secret of the sender."""


@dataclass(frozen=True, slots=True)
class SenderRules:
    """The rules that differ between senders.

    sender: as in answers: this store, this partner. log: what the log says of it. verify: raises SignatureRefused.
    take: answers a request that is verified; may raise PayloadRefused.
    """

    sender: str
    log: Mapping[str, str]
    verify: Callable[[Delivery], None]
    take: Callable[[Delivery], Awaitable[Response]]
    media_types: frozenset[str] = frozenset({"application/json"})
    body_max_bytes: int = BODY_MAX_BYTES


class SignedRequests:
    """Takes the requests of one sender.

    request_limit, body_budget: shared by all senders of the process. now_s: the clock, Unix time.

    A request has a place, and counts towards the sender's rate, only when its body is here and its signature is right:
    strangers take nobody's place, however many or slow they are.
    """

    def __init__(
        self,
        rules: SenderRules,
        metrics: RequestMetrics,
        request_limit: ConcurrencyLimit,
        body_budget: BodyBudget,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._rules = rules
        self._metrics = metrics
        self._request_limit = request_limit
        self._body_budget = body_budget
        self._sender_limit = ConcurrencyLimit(
            SENDER_REQUESTS_MAX, 429, f"this {rules.sender} has {SENDER_REQUESTS_MAX} requests under way"
        )
        self._bucket = TokenBucket(SENDER_REQUESTS_PER_S, SENDER_REQUESTS_PER_S)
        self._now_s = now_s
        self._refusal_logged_at_s = float("-inf")
        self._log = _log.bind(**rules.log)

    async def receive(self, request: Request) -> Response:
        """Answer one request, whatever fails on the way; the statuses are listed in docs/webhook.md."""
        try:
            response = await self._answer(request)
        except Exception as error:  # noqa: BLE001  a full disk, a bug: the sender keeps its events and sends them again
            self.tell("a request failed", reason=f"{type(error).__name__}: {error}")
            response = answer(503, NOT_STORED, retry_after_s=FAILED_RETRY_AFTER_S, closes=True)
        self._metrics.request(response.status_code)
        return response

    async def _answer(self, request: Request) -> Response:
        refused = _refuse_head(request, self._rules)
        if refused is not None:
            return refused
        try:
            async with self._body_budget.body(BODY_TIMEOUT_S) as hold:
                body = await _read(request, self._rules.body_max_bytes, hold)
                if body is None:
                    return _too_large(self._rules.body_max_bytes)
            delivery = Delivery(tuple(request.scope["headers"]), body, int(self._now_s() * 1000))
            self._rules.verify(delivery)
            self._bucket.take()
            with self._request_limit.enter(), self._sender_limit.enter():
                return await self._rules.take(delivery)
        except PayloadRefused as unusable:
            self._log_seldom(self._now_s(), unusable)
            return answer(unusable.status, str(unusable))
        except SignatureRefused as unproven:
            self._metrics.signature_rejected()
            self._log_seldom(self._now_s(), unproven)
            return answer(401, str(unproven))
        except TimeoutError:
            return answer(408, f"the body did not arrive within {BODY_TIMEOUT_S:g} s, or too slowly", closes=True)
        except ClientDisconnect:
            return answer(400, "the request was broken off")
        except Busy as busy:
            return answer(busy.status, str(busy), retry_after_s=busy.retry_after_s, closes=True)

    def _log_seldom(self, now_s: float, refused: Exception) -> None:
        if now_s - self._refusal_logged_at_s >= REFUSAL_LOGGED_EVERY_S:
            self._refusal_logged_at_s = now_s
            self.tell("webhook refused; the metrics count all", reason=str(refused))

    def tell(self, what: str, reason: str) -> None:
        """Log a warning, if the log takes it: where its disk is full, the answer still goes out."""
        with contextlib.suppress(Exception):
            self._log.warning(what, reason=reason)


def _refuse_head(request: Request, rules: SenderRules) -> Response | None:
    """An answer to a request that need not be read, by its method and headers."""
    if request.method != "POST":
        return answer(405, "only POST is served here", headers={"Allow": "POST"})
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        return answer(415, "compressed bodies are not taken; send the JSON as it is", closes=True)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in rules.media_types:
        wanted = " or ".join(sorted(rules.media_types))
        return answer(415, f"the body must be JSON: send Content-Type: {wanted}", closes=True)
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or len(length) > _LENGTH_DIGITS_MAX or int(length) > rules.body_max_bytes:
        return _too_large(rules.body_max_bytes)
    return None


async def _read(request: Request, max_bytes: int, hold: Callable[[int], None]) -> bytes | None:
    """The body; None as soon as it is too large, whatever its head says. hold: is told of each piece's bytes."""
    chunks: list[bytes] = []
    size_bytes = 0
    async for chunk in request.stream():
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            return None
        hold(len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(max_bytes: int) -> Response:
    return answer(413, f"the body is larger than {max_bytes} bytes; send less at a time", closes=True)


def answer(
    status: int,
    reason: str,
    *,
    retry_after_s: int | None = None,
    closes: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer of this status. closes: the rest of the request is not read, so the connection cannot serve another."""
    extra = dict(headers or {})
    if retry_after_s is not None:
        extra["Retry-After"] = str(retry_after_s)
    if closes:
        extra["Connection"] = "close"
    return JSONResponse({"error": reason}, status, headers=extra)
