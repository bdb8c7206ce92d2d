"""The carrier as HTTP: it takes messages of deliveries."""

import asyncio
import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.carriers.reference.store import Deliveries
from connectors.contract import Delivery
from connectors.http.limit import BodyBudget, ConcurrencyLimit
from connectors.http.payload import PayloadRefused, parse
from connectors.http.reference import Uncounted
from connectors.http.secrets import Secrets
from connectors.http.signature import HEADER, verify
from connectors.http.signed import SenderRules, SignedRequests


class ReferenceCarrier:
    """The server of one carrier. now_s: the clock, Unix time."""

    def __init__(
        self, partner: str, secrets: Secrets, deliveries: Deliveries, now_s: Callable[[], float] = time.time
    ) -> None:
        self._secrets = secrets
        self._deliveries = deliveries
        self._now_s = now_s
        rules = SenderRules("carrier", {"partner": partner}, self._verify, self._take)
        self._requests = SignedRequests(
            rules, Uncounted(), ConcurrencyLimit(64, 503, "too many requests at once"), BodyBudget(4_194_304), now_s
        )
        self.app = Starlette(routes=[Route(f"/hooks/{partner}", self._hook, methods=["POST"]), Route("/health", _well)])

    async def _hook(self, request: Request) -> Response:
        return await self._requests.receive(request)

    def _verify(self, delivery: Delivery) -> None:
        verify(delivery.header(HEADER), delivery.body, self._secrets.current(), delivery.received_at_ms / 1000)

    async def _take(self, delivery: Delivery) -> Response:
        message = parse(delivery.body)
        if message.get("kind") != "delivery":
            return JSONResponse({"note": "not of a delivery, so not for this carrier"}, 200)
        try:
            is_news = await asyncio.to_thread(self._deliveries.put, message, int(self._now_s()))
        except (KeyError, TypeError) as error:
            raise PayloadRefused(f"the message lacks {error}; see docs/carriers.md") from error
        return JSONResponse({"is_news": is_news}, 200)


async def _well(_request: Request) -> Response:
    return JSONResponse({"ok": True})
