"""POST /webhooks/v1/{store}: the page of the generic webhook."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from starlette.responses import JSONResponse, Response

from connectors.context import ConnectorContext
from connectors.contract import Delivery, Handler, StoreContext, Translated
from connectors.http.payload import parse
from connectors.http.receiver import ReceiverRules, WebhookReceiver
from connectors.http.secrets import Secrets
from connectors.http.signature import HEADER, verify
from connectors.webhook.spec import Webhook
from connectors.webhook.translate import translate
from schemas.models.pos import Sale

PATH = "/webhooks/v1/"


class WebhookEndpoint:
    """The signed webhook of one store. Raises SecretUnusable when a secret is missing or too short."""

    def __init__(
        self, options: Webhook, store: StoreContext, context: ConnectorContext, now_s: Callable[[], float] = time.time
    ) -> None:
        self.name = f"webhook {store.id}"
        self._store = store
        self._secrets = Secrets(options.secret_sources())
        metrics = context.metrics.of(store.pool, store.id, "webhook")
        rules = ReceiverRules("webhook", self._verify, self._read, _report)
        self._receiver = WebhookReceiver(
            rules, store.id, context.publisher, metrics, context.request_limit, context.body_budget, now_s
        )

    def pages(self) -> Mapping[str, Handler]:
        return {f"{PATH}{self._store.id}": self._receiver.receive}

    def run(self, stop: threading.Event) -> None:
        """It only serves."""

    def watched(self) -> Sequence[Path]:
        return ()

    def wake(self) -> None:
        """It needs no waking."""

    def _verify(self, delivery: Delivery) -> None:
        verify(delivery.header(HEADER), delivery.body, self._secrets.current(), delivery.received_at_ms / 1000)

    async def _read(self, delivery: Delivery) -> Translated:
        return translate(parse(delivery.body), self._store, delivery.received_at_ms)


def make(options: Webhook, store: StoreContext, context: ConnectorContext) -> WebhookEndpoint:
    """The factory that the entry point names."""
    return WebhookEndpoint(options, store, context)


def _report(translated: Translated) -> Response:
    sales = sum(isinstance(event, Sale) for event in translated.events)
    errors = [{"pointer": problem.where, "reason": problem.reason} for problem in translated.problems]
    if not translated.events and not errors:
        errors = [{"pointer": "", "reason": "neither sales nor stock reports are in it"}]
    answer: dict[str, object] = {
        "sales_published": sales,
        "stock_published": len(translated.events) - sales,
        "lines_published": translated.line_count,
        "errors": errors,
    }
    if translated.notes:
        answer["notes"] = [{"pointer": note.where, "text": note.text} for note in translated.notes]
    return JSONResponse(answer, 202 if translated.events else 422)
