"""A receiver of one store's webhooks: it verifies, reads, publishes, and answers once Kafka has the events.

There is no memory of delivered ids here: the pool absorbs a repeat by its source id and version for longer (late limit
and a day, 8 days as set) than any vendor retries (72 h), across restarts and across processes.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from connectors.contract import Delivery, Message, Publishes, Translated, Unavailable
from connectors.http.limit import BodyBudget, ConcurrencyLimit
from connectors.http.payload import BODY_MAX_BYTES
from connectors.http.signed import FAILED_RETRY_AFTER_S, NOT_STORED, SenderRules, SignedRequests, answer
from connectors.metrics import StoreMetrics
from connectors.refusals import messages, refusals
from messaging.publisher import EventTooLarge, PublisherBusy, PublishError

ACK_TIMEOUT_S = 10.0


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
        told = {"connector": rules.system, "store": store}
        sender = SenderRules("store", told, rules.verify, self._take, rules.media_types, rules.body_max_bytes)
        self._requests = SignedRequests(sender, metrics, request_limit, body_budget, now_s)

    async def receive(self, request: Request) -> Response:
        """Answer one request, whatever fails on the way; the statuses are listed in docs/webhook.md."""
        return await self._requests.receive(request)

    async def _take(self, delivery: Delivery) -> Response:
        try:
            translated = await self._rules.read(delivery)
        except Unavailable as unavailable:
            self._requests.tell("the vendor does not say what it announced", reason=str(unavailable))
            return answer(503, "not fetched yet; send the same again", retry_after_s=unavailable.retry_after_s)
        if translated.events or translated.problems:
            labels, now_ms = self._metrics.labels, delivery.received_at_ms
            try:
                unconfirmed = await self._publish(messages(translated, labels, now_ms))
            except EventTooLarge as error:  # all others are there
                self._requests.tell("an event is too large for Kafka and was set aside", reason=str(error))
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
        return await published(self._publisher, events, self._requests.tell)


async def published(
    publisher: Publishes, events: Sequence[Message], tell: Callable[[str, str], None]
) -> Response | None:
    """None once Kafka has all of them; else an answer that makes the sender try again. Raises EventTooLarge."""
    try:
        async with asyncio.timeout(ACK_TIMEOUT_S):
            await publisher.publish_acked(events)
    except PublisherBusy as busy:
        return answer(503, str(busy), retry_after_s=1)
    except EventTooLarge:
        raise
    except (PublishError, TimeoutError) as error:
        tell("Kafka does not confirm", str(error) or f"nothing within {ACK_TIMEOUT_S:g} s")
        return answer(503, NOT_STORED, retry_after_s=FAILED_RETRY_AFTER_S)
    return None
