"""A receiver of one store's webhooks: it verifies, reads, publishes, and answers once Kafka has the events.

There is no memory of delivered ids here: the pool absorbs a repeat by its source id and version for longer (late limit
and a day, 8 days as set) than any vendor retries (72 h), across restarts and across processes.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from connectors.contract import Delivery, Message, Publishes, Translated, Unavailable
from connectors.http.limit import BodyBudget, Busy, ConcurrencyLimit, TokenBucket
from connectors.http.payload import BODY_MAX_BYTES, PayloadRefused
from connectors.http.signature import SignatureRefused
from connectors.metrics import StoreMetrics
from connectors.refusals import messages, refusals
from messaging.publisher import EventTooLarge, PublisherBusy, PublishError

BODY_TIMEOUT_S = 5.0
ACK_TIMEOUT_S = 10.0
STORE_REQUESTS_MAX = 32
"""Requests of one store at a time: one store's flood leaves the others their turn."""
STORE_REQUESTS_PER_S = 400
"""Of one store: far beyond a shop's tills, and less than would starve its neighbours."""
REFUSAL_LOGGED_EVERY_S = 60.0
"""Anyone can send bad signatures as fast as they like; the log must not grow with them."""

FAILED_RETRY_AFTER_S = 2
_NOT_STORED = "not stored yet; send the same again, a repeat changes nothing"
_LENGTH_DIGITS_MAX = 12
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReceiverRules:
    """The rules that differ between the webhooks of one system and another's.

    system: as in the log. verify: raises SignatureRefused. read: raises PayloadRefused, Unavailable.
    report: the answer when Kafka has all events.
    """

    system: str
    verify: Callable[[Delivery], None]
    read: Callable[[Delivery], Awaitable[Translated]]
    report: Callable[[Translated], Response]
    media_types: frozenset[str] = frozenset({"application/json"})
    body_max_bytes: int = BODY_MAX_BYTES


class WebhookReceiver:
    """Receives the webhooks of one store.

    request_limit, body_budget: shared by all receivers of the process. now_s: the clock, Unix time.

    A request has a place, and counts towards the store's rate, only when its body is here and its signature is right:
    strangers take no shop's place, however many or slow they are.
    """

    def __init__(
        self,
        rules: ReceiverRules,
        store: str,
        publisher: Publishes,
        metrics: StoreMetrics,
        request_limit: ConcurrencyLimit,
        body_budget: BodyBudget,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._rules = rules
        self._publisher = publisher
        self._metrics = metrics
        self._request_limit = request_limit
        self._body_budget = body_budget
        self._store_limit = ConcurrencyLimit(
            STORE_REQUESTS_MAX, 429, f"this store has {STORE_REQUESTS_MAX} requests under way"
        )
        self._bucket = TokenBucket(STORE_REQUESTS_PER_S, STORE_REQUESTS_PER_S)
        self._now_s = now_s
        self._refusal_logged_at_s = float("-inf")
        self._log = _log.bind(connector=rules.system, store=store)

    async def receive(self, request: Request) -> Response:
        """Answer one request, whatever fails on the way; the statuses are listed in docs/webhook.md."""
        try:
            response = await self._answer(request)
        except Exception as error:  # noqa: BLE001  a full disk, a bug: the sender keeps its events and sends them again
            self._tell("a request failed", reason=f"{type(error).__name__}: {error}")
            response = _error(503, _NOT_STORED, retry_after_s=FAILED_RETRY_AFTER_S, closes=True)
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
            with self._request_limit.enter(), self._store_limit.enter():
                return await self._take(delivery)
        except SignatureRefused as unproven:
            self._metrics.signature_rejected()
            self._log_seldom(self._now_s(), unproven)
            return _error(401, str(unproven))
        except TimeoutError:
            return _error(408, f"the body did not arrive within {BODY_TIMEOUT_S:g} s, or too slowly", closes=True)
        except ClientDisconnect:
            return _error(400, "the request was broken off")
        except Busy as busy:
            return _error(busy.status, str(busy), retry_after_s=busy.retry_after_s, closes=True)

    async def _take(self, delivery: Delivery) -> Response:
        try:
            translated = await self._rules.read(delivery)
        except PayloadRefused as refused:
            self._log_seldom(delivery.received_at_ms / 1000, refused)
            return _error(refused.status, str(refused))
        except Unavailable as unavailable:
            self._tell("the vendor does not say what it announced", reason=str(unavailable))
            return _error(503, "not fetched yet; send the same again", retry_after_s=unavailable.retry_after_s)
        if translated.events or translated.problems:
            labels, now_ms = self._metrics.labels, delivery.received_at_ms
            try:
                unconfirmed = await self._publish(messages(translated, labels, now_ms))
            except EventTooLarge as error:  # all others are there
                self._tell("an event is too large for Kafka and was set aside", reason=str(error))
                already_told = len(translated.problems)
                translated = translated.without(error.events)
                unconfirmed = await self._publish(refusals(translated.problems[already_told:], labels, now_ms))
            if unconfirmed is not None:
                return unconfirmed
            if translated.events:
                self._metrics.published(translated.line_count, translated.newest_ms)
        self._metrics.left_out(translated)
        return self._rules.report(translated)

    async def _publish(self, events: Sequence[Message]) -> Response | None:
        """None once Kafka has all of them; else an answer that makes the sender try again. Raises EventTooLarge."""
        try:
            async with asyncio.timeout(ACK_TIMEOUT_S):
                await self._publisher.publish_acked(events)
        except PublisherBusy as busy:
            return _error(503, str(busy), retry_after_s=1)
        except EventTooLarge:
            raise
        except (PublishError, TimeoutError) as error:
            self._tell("Kafka does not confirm", reason=str(error) or f"nothing within {ACK_TIMEOUT_S:g} s")
            return _error(503, _NOT_STORED, retry_after_s=FAILED_RETRY_AFTER_S)
        return None

    def _log_seldom(self, now_s: float, refused: Exception) -> None:
        if now_s - self._refusal_logged_at_s >= REFUSAL_LOGGED_EVERY_S:
            self._refusal_logged_at_s = now_s
            self._tell("webhook refused; the metrics count all", reason=str(refused))

    def _tell(self, what: str, reason: str) -> None:
        """Log a warning, if the log takes it: where its disk is full, the answer still goes out."""
        with contextlib.suppress(Exception):
            self._log.warning(what, reason=reason)


def _refuse_head(request: Request, rules: ReceiverRules) -> Response | None:
    """An answer to a request that need not be read, by its method and headers."""
    if request.method != "POST":
        return _error(405, "only POST is served here", headers={"Allow": "POST"})
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        return _error(415, "compressed bodies are not taken; send the JSON as it is", closes=True)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in rules.media_types:
        wanted = " or ".join(sorted(rules.media_types))
        return _error(415, f"the body must be JSON: send Content-Type: {wanted}", closes=True)
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
    return _error(413, f"the body is larger than {max_bytes} bytes; send less at a time", closes=True)


def _error(
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
