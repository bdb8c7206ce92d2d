"""Requests and reports to a pool: published, confirmed by Kafka, and answered when the pool has decided.

A request is named after the caller's key and its Idempotency-Key, so the same again is the same request: the pool's own
memory makes the repeat harmless, also when this process was killed between. Nothing is answered as taken that Kafka has
not confirmed.
"""

import asyncio
import hashlib
from dataclasses import dataclass

from commonshelf.web.api.problems import ProblemError, refused
from commonshelf.web.callers import Caller
from commonshelf.web.orders_seen import order_prefix
from commonshelf.web.views.answers import Answer
from commonshelf.web.views.pool_views import PoolViews
from messaging.publisher import Publisher
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.models.restock import RestockAnswer
from schemas.statuses import REFUSED_EVENTS

CONFIRM_TIMEOUT_S = 5.0
_ID_LETTERS = 32
_ORDER_LETTERS = 20


@dataclass(frozen=True)
class Naming:
    """Names of what a caller sends under one Idempotency-Key."""

    key_id: str
    request: str
    """In the caller's own words: what /requests/… is asked for."""

    @classmethod
    def of(cls, caller: Caller, idempotency_key: str) -> "Naming":
        assert caller.key is not None, "only holders of keys publish"
        return cls(caller.key["key_id"], hashlib.sha256(idempotency_key.encode()).hexdigest()[:_ID_LETTERS])

    @property
    def key(self) -> str:
        """The name of the request, or of the report, for the pool."""
        return request_key(self.key_id, self.request)

    @property
    def order(self) -> str:
        """The id of an order that is placed by it."""
        return f"{order_prefix(self.key_id)}{self.request[:_ORDER_LETTERS]}"


def request_key(key_id: str, request: str) -> str:
    """The name for the pool of a caller's request."""
    return f"api/{key_id}/{request}"


@dataclass(frozen=True)
class Asker:
    """Publishes, and waits for the answer."""

    views: PoolViews
    publisher: Publisher

    async def ask(self, event: OrderRequest | FulfilmentReport, key: str, wait_s: float) -> Answer | bool:
        """What the pool made of it: the event, None when rows alone show that it was taken; False while it has not.

        Raises ProblemError for what the pool refused, PublishError when Kafka has not confirmed it.
        """
        with self.views.answers.expected(event.pool, key) as told:
            await self._publish(event)
            try:
                answer = await asyncio.wait_for(told, wait_s)
            except TimeoutError:
                return False
        if answer is not None and answer["kind"] == "repeated":
            answer = self.views.answer(event.pool, key) or answer
        return checked(answer)

    async def answer_proposal(self, said: RestockAnswer, key: str, wait_s: float) -> bool:
        """Whether restock has taken, or passed over, the answer. Raises PublishError."""
        with self.views.answers.expected(said.pool, key) as told:
            await self._publish(said)
            try:
                await asyncio.wait_for(told, wait_s)
            except TimeoutError:
                return False
        return True

    async def _publish(self, event: OrderRequest | FulfilmentReport | RestockAnswer) -> None:
        # What Kafka was handed is delivered all the same: the caller hears that it is not sure, and sends it again.
        try:
            async with asyncio.timeout(CONFIRM_TIMEOUT_S):
                await self.publisher.publish_acked([event])
        except TimeoutError:
            raise ProblemError("unconfirmed") from None


def checked(answer: Answer) -> Answer:
    """The answer, if it is no refusal. Raises ProblemError."""
    if answer is not None and answer["kind"] in REFUSED_EVENTS:
        raise refused(answer)
    return answer
