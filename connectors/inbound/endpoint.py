"""POST /partners/{id}: what a partner reports, answered when Kafka has it, mostly with the pool's word on it."""

import asyncio
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.responses import JSONResponse, Response

from connectors.context import EndpointContext
from connectors.contract import Delivery, Handler
from connectors.http.payload import parse
from connectors.http.receiver import published
from connectors.http.secrets import Secrets
from connectors.http.signature import HEADER, verify
from connectors.http.signed import SenderRules, SignedRequests, answer
from connectors.inbound.book import PartnerBook, Verdict
from connectors.inbound.messages import MessageRefused, Payload, Told, name_of
from connectors.specs import PartnerOptions

PATH: Final = "/partners/"
ANSWER_TIMEOUT_S = 3.0
"""How long a partner waits for the pool's word before it is told that it comes later."""
MESSAGE_MAX_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class MessageRules:
    """The rules that differ between kinds of partners.

    read: makes a report or a request of a message that came at a time (ms since 1970); raises MessageRefused.
    statuses: of HTTP, by the pool's reason for a refusal; 409 for all others.
    """

    kinds: Collection[str]
    read: Callable[[Payload, int], Told]
    statuses: Mapping[str, int]


class PartnerEndpoint:
    """The page of one partner. Raises SecretUnusable when a secret is missing or too short."""

    def __init__(
        self, options: PartnerOptions, context: EndpointContext, book: PartnerBook, rules: MessageRules
    ) -> None:
        self.name = f"partner {options.id}"
        self._partner = options.id
        self._book = book
        self._rules = rules
        self._secrets = Secrets(options.secret_sources())
        self._publisher = context.host.publisher
        self._metrics = context.host.metrics.of_partner(options.pool, options.id)
        sender = SenderRules(
            "partner", {"partner": options.id}, self._verify, self._take, body_max_bytes=MESSAGE_MAX_BYTES
        )
        self._requests = SignedRequests(sender, self._metrics, context.host.request_limit, context.host.body_budget)

    def pages(self) -> Mapping[str, Handler]:
        return {f"{PATH}{self._partner}": self._requests.receive}

    def run(self, stop: threading.Event) -> None:
        """Follow what the partner speaks of."""
        self._book.run(stop)

    def watched(self) -> Sequence[Path]:
        return ()

    def wake(self) -> None:
        """It needs no waking."""

    def _verify(self, delivery: Delivery) -> None:
        verify(delivery.header(HEADER), delivery.body, self._secrets.current(), delivery.received_at_ms / 1000)

    async def _take(self, delivery: Delivery) -> Response:
        payload = parse(delivery.body)
        kind = str(payload.get("kind")) if payload.get("kind") in self._rules.kinds else "unknown"
        try:
            name = name_of(self._partner, payload)
            verdict = self._book.verdict(name)  # it came before: the same answer again
            if verdict is None:
                if not self._book.is_ready:
                    return answer(503, "the pool is being read; send the same again", retry_after_s=1)
                told = self._rules.read(payload, delivery.received_at_ms)
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
        return _refused(self._rules.statuses.get(verdict.reason, 409), verdict.reason, verdict.detail or verdict.reason)

    async def _answered(self, name: str, expected: "asyncio.Future[Verdict]") -> Verdict | None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await asyncio.shield(expected)
        except TimeoutError:
            self._book.give_up(name)
            return None


def _refused(status: int, reason: str, text: str) -> Response:
    return JSONResponse({"outcome": "refused", "reason": reason, "error": text}, status)
