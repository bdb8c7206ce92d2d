"""POST /webhooks/v1/{store}: verify, translate, publish, and answer once Kafka has it."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from connectors.contract import Handler, Publishes, Translated
from connectors.metrics import ConnectorMetrics
from connectors.publisher import PublisherBusy, PublishFailed
from connectors.specs import WebhookSpec
from connectors.webhook.payload import BODY_MAX_BYTES, PayloadRefused, parse
from connectors.webhook.secrets import Secrets
from connectors.webhook.signature import HEADER, SignatureRefused, verify
from connectors.webhook.translate import Sender, TooManyLines, WrongStore, translate
from schemas.models import Sale

PATH = "/webhooks/v1/"
BODY_TIMEOUT_S = 5.0
ACK_TIMEOUT_S = 10.0
STORE_REQUESTS_MAX = 32
"""Requests of one store at a time: one store's flood leaves the others their turn."""
REFUSAL_LOGGED_EVERY_S = 60.0
"""Anyone can send bad signatures as fast as they like; the log must not grow with them."""

_LENGTH_DIGITS_MAX = 12
_RAW_HEADER = HEADER.lower().encode()
_log = structlog.get_logger()


class Busy(Exception):
    """Too much at once. `status` is 429 where the sender is the cause, else 503."""

    def __init__(self, status: int, reason: str, retry_after_s: int) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after_s = retry_after_s


class Gate:
    """Lets so many requests in at a time, and no more. `requests_max` bounds the memory that bodies take."""

    def __init__(self, requests_max: int, status: int, reason: str) -> None:
        self._free = requests_max
        self._status = status
        self._reason = reason

    @contextlib.contextmanager
    def enter(self) -> Iterator[None]:
        """Raise Busy when full."""
        if self._free <= 0:
            raise Busy(self._status, self._reason, retry_after_s=1)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


class Webhook:
    """The signed webhook of one store. Raises SecretUnusable when a secret is missing or too short.

    gate: shared by all webhooks of the process. now_s: the clock, Unix time.
    """

    def __init__(
        self,
        spec: WebhookSpec,
        publisher: Publishes,
        metrics: ConnectorMetrics,
        gate: Gate,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.name = f"webhook {spec.store}"
        self._sender = Sender(spec.pool, spec.store, spec.zone, spec.currency)
        self._secrets = Secrets(spec.secrets)
        self._publisher = publisher
        self._metrics = metrics.of(spec.pool, spec.store, "webhook")
        self._gate = gate
        self._store_gate = Gate(STORE_REQUESTS_MAX, 429, f"this store has {STORE_REQUESTS_MAX} requests under way")
        self._now_s = now_s
        self._refusal_logged_at_s = float("-inf")
        self._log = _log.bind(connector="webhook", store=spec.store)

    def pages(self) -> Mapping[str, Handler]:
        return {f"{PATH}{self._sender.store}": self.receive}

    def run(self, stop: threading.Event) -> None:
        """It only serves."""

    def wake(self) -> None:
        """It needs no waking."""

    async def receive(self, request: Request) -> Response:
        """Answer one request; the statuses are listed in docs/webhook.md."""
        response = await self._answer(request)
        self._metrics.request(response.status_code)
        return response

    async def _answer(self, request: Request) -> Response:
        refused = _refuse_head(request)
        if refused is not None:
            return refused
        try:
            with self._gate.enter(), self._store_gate.enter():
                async with asyncio.timeout(BODY_TIMEOUT_S):
                    body = await _read(request)
                if body is None:
                    return _too_large()
                return await self._take(request, body)
        except TimeoutError:
            return _error(408, f"the body did not arrive within {BODY_TIMEOUT_S:g} s", closes=True)
        except ClientDisconnect:
            return _error(400, "the request was broken off")
        except Busy as busy:
            return _error(busy.status, str(busy), retry_after_s=busy.retry_after_s, closes=True)

    async def _take(self, request: Request, body: bytes) -> Response:
        now_s = self._now_s()
        headers = [value for name, value in request.scope["headers"] if name == _RAW_HEADER]
        try:
            verify(headers, body, self._secrets.current(), now_s)
            translated = translate(parse(body), self._sender, int(now_s * 1000))
        except SignatureRefused as refused:
            self._metrics.signature_rejected()
            if now_s - self._refusal_logged_at_s >= REFUSAL_LOGGED_EVERY_S:
                self._refusal_logged_at_s = now_s
                self._log.warning("webhook signature refused; the metrics count all", reason=str(refused))
            return _error(401, str(refused))
        except WrongStore as refused:
            self._log.warning("webhook names another store", reason=str(refused))
            return _error(403, str(refused))
        except TooManyLines as refused:
            return _error(413, str(refused))
        except PayloadRefused as refused:
            return _error(400, str(refused))
        if translated.events:
            unconfirmed = await self._publish(translated)
            if unconfirmed is not None:
                return unconfirmed
        return self._report(translated)

    async def _publish(self, translated: Translated) -> Response | None:
        """None once Kafka has all events; else an answer that makes the sender try again."""
        try:
            async with asyncio.timeout(ACK_TIMEOUT_S):
                await self._publisher.publish_acked(translated.events)
        except PublisherBusy as busy:
            return _error(503, str(busy), retry_after_s=1)
        except (PublishFailed, TimeoutError) as error:
            self._log.warning("Kafka does not confirm", reason=str(error) or f"nothing within {ACK_TIMEOUT_S:g} s")
            return _error(503, "not stored yet; send the same again, a repeat changes nothing", retry_after_s=2)
        self._metrics.published(translated.line_count, max(event.occurred_at_ms for event in translated.events))
        return None

    def _report(self, translated: Translated) -> Response:
        if translated.problems:
            self._metrics.refused(len(translated.problems))
        sales = sum(isinstance(event, Sale) for event in translated.events)
        errors = [{"pointer": problem.where, "reason": problem.reason} for problem in translated.problems]
        if not translated.events and not errors:
            errors = [{"pointer": "", "reason": "neither sales nor stock reports are in it"}]
        answer = {
            "sales_published": sales,
            "stock_published": len(translated.events) - sales,
            "lines_published": translated.line_count,
            "errors": errors,
        }
        return JSONResponse(answer, 202 if translated.events else 422)


def _refuse_head(request: Request) -> Response | None:
    """An answer to a request that need not be read, by its method and headers."""
    if request.method != "POST":
        return _error(405, "only POST is served here", headers={"Allow": "POST"})
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        return _error(415, "compressed bodies are not taken; send the JSON as it is", closes=True)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        return _error(415, "the body must be JSON: send Content-Type: application/json", closes=True)
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or len(length) > _LENGTH_DIGITS_MAX or int(length) > BODY_MAX_BYTES:
        return _too_large()
    return None


async def _read(request: Request) -> bytes | None:
    """The body; None as soon as it is too large, whatever its head says."""
    chunks: list[bytes] = []
    size_bytes = 0
    async for chunk in request.stream():
        size_bytes += len(chunk)
        if size_bytes > BODY_MAX_BYTES:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large() -> Response:
    return _error(413, f"the body is larger than {BODY_MAX_BYTES} bytes; send less at a time", closes=True)


def _error(
    status: int,
    reason: str,
    *,
    retry_after_s: int | None = None,
    closes: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """closes: the rest of the request is not read, so the connection cannot serve another."""
    extra = dict(headers or {})
    if retry_after_s is not None:
        extra["Retry-After"] = str(retry_after_s)
    if closes:
        extra["Connection"] = "close"
    return JSONResponse({"error": reason}, status, headers=extra)
