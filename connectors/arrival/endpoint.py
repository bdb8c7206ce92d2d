"""POST /partners/{id}: what an arrival app reports, answered when Kafka has it, mostly with the pool's word on it."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from starlette.responses import JSONResponse, Response

from connectors.arrival.book import Book, Verdict
from connectors.arrival.spec import Arrival
from connectors.arrival.translate import KINDS, MessageRefused, name_of, translate
from connectors.context import EndpointContext
from connectors.contract import Delivery, Handler
from connectors.http.payload import parse
from connectors.http.receiver import published
from connectors.http.secrets import Secrets
from connectors.http.signature import HEADER, verify
from connectors.http.signed import SenderRules, SignedRequests, answer

PATH: Final = "/partners/"
ANSWER_TIMEOUT_S = 3.0
"""How long an app waits for the pool's word before it is told that it comes later."""
MESSAGE_MAX_BYTES = 16_384
_STATUS: Final = {"unknown_appointment": 404, "wrong_code": 403, "code_needed": 403, "code_locked": 423, "bad_eta": 422}


class ArrivalEndpoint:
    """The page of one arrival app. Raises SecretUnusable when a secret is missing or too short."""

    def __init__(self, options: Arrival, context: EndpointContext) -> None:
        self.name = f"partner {options.id}"
        self._pool, self._partner = options.pool, options.id
        self._book = Book(options.pool, context.follow, context.answers)
        self._secrets = Secrets(options.secret_sources())
        self._publisher = context.host.publisher
        self._metrics = context.host.metrics.of_partner(options.pool, options.id)
        rules = SenderRules(
            "partner", {"partner": options.id}, self._verify, self._take, body_max_bytes=MESSAGE_MAX_BYTES
        )
        self._requests = SignedRequests(rules, self._metrics, context.host.request_limit, context.host.body_budget)

    def pages(self) -> Mapping[str, Handler]:
        return {f"{PATH}{self._partner}": self._requests.receive}

    def run(self, stop: threading.Event) -> None:
        """Follow the appointments."""
        self._book.run(stop)

    def watched(self) -> Sequence[Path]:
        return ()

    def wake(self) -> None:
        """It needs no waking."""

    def _verify(self, delivery: Delivery) -> None:
        verify(delivery.header(HEADER), delivery.body, self._secrets.current(), delivery.received_at_ms / 1000)

    async def _take(self, delivery: Delivery) -> Response:
        payload = parse(delivery.body)
        kind = str(payload.get("kind")) if payload.get("kind") in KINDS else "unknown"
        try:
            name = name_of(self._partner, payload)
            verdict = self._book.verdict(name)  # it came before: the same answer again
            if verdict is None:
                if not self._book.is_ready:
                    return answer(503, "appointments are being read; send the same again", retry_after_s=1)
                told = translate(self._pool, self._partner, payload, self._book, delivery.received_at_ms)
                expected = self._book.expect(name)
                failure = await published(self._publisher, [told], self._requests.tell)
                if failure is not None:
                    self._book.give_up(name)
                    return failure
                verdict = await self._answered(name, asyncio.wrap_future(expected))
        except MessageRefused as refused:
            self._metrics.report(kind, refused.reason)
            return _refused(refused.status, refused.reason, str(refused))
        if verdict is None:
            self._metrics.report(kind, "pending")
            told_later = "it is kept, and the pool answers later; send the same again to ask"
            return JSONResponse({"outcome": "pending", "note": told_later}, 202)
        self._metrics.report(kind, verdict.reason or "accepted")
        if verdict.accepted:
            return JSONResponse({"outcome": "accepted"}, 200)
        return _refused(_STATUS.get(verdict.reason, 409), verdict.reason, verdict.detail or verdict.reason)

    async def _answered(self, name: str, expected: "asyncio.Future[Verdict]") -> Verdict | None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await asyncio.shield(expected)
        except TimeoutError:
            self._book.give_up(name)
            return None


def make(options: Arrival, context: EndpointContext) -> ArrivalEndpoint:
    """The factory that the entry point names."""
    return ArrivalEndpoint(options, context)


def _refused(status: int, reason: str, text: str) -> Response:
    return JSONResponse({"outcome": "refused", "reason": reason, "error": text}, status)
