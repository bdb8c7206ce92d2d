"""POST /webhooks/v1/{store}: the page of the generic webhook."""

import threading
import time
from collections.abc import Callable, Mapping

from starlette.responses import JSONResponse, Response

from connectors.contract import Delivery, Handler, Sender, Translated
from connectors.http.payload import parse
from connectors.http.receiver import Page, PageRules
from connectors.http.secrets import Secrets
from connectors.http.signature import HEADER, verify
from connectors.installed import Tools
from connectors.webhook.spec import Webhook
from connectors.webhook.translate import translate
from schemas.models.pos import Sale

PATH = "/webhooks/v1/"


class WebhookEndpoint:
    """The signed webhook of one store. Raises SecretUnusable when a secret is missing or too short."""

    def __init__(self, options: Webhook, sender: Sender, tools: Tools, now_s: Callable[[], float] = time.time) -> None:
        self.name = f"webhook {sender.store}"
        self._sender = sender
        self._secrets = Secrets(options.secret_sources())
        metrics = tools.metrics.of(sender.pool, sender.store, "webhook")
        rules = PageRules("webhook", self._verify, self._read, _report)
        self._page = Page(rules, sender.store, tools.publisher, metrics, tools.gate, now_s)

    def pages(self) -> Mapping[str, Handler]:
        return {f"{PATH}{self._sender.store}": self._page.receive}

    def run(self, stop: threading.Event) -> None:
        """It only serves."""

    def wake(self) -> None:
        """It needs no waking."""

    def _verify(self, delivery: Delivery) -> None:
        verify(delivery.header(HEADER), delivery.body, self._secrets.current(), delivery.received_at_ms / 1000)

    async def _read(self, delivery: Delivery) -> Translated:
        return translate(parse(delivery.body), self._sender, delivery.received_at_ms)


def make(options: Webhook, sender: Sender, tools: Tools) -> WebhookEndpoint:
    """The factory that the entry point names."""
    return WebhookEndpoint(options, sender, tools)


def _report(translated: Translated) -> Response:
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
