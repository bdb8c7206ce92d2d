"""The API as an app of its own, which the server mounts at /v1."""

import json
import logging
import time
from functools import cache, partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from commonshelf.config.settings import Settings
from commonshelf.web.api import availability, directory, live, members, orders, tasks, webhooks
from commonshelf.web.api.asking import Asker
from commonshelf.web.api.context import Room, dependants, member
from commonshelf.web.api.problems import HANDLED, Problem, answer_problem, problem
from commonshelf.web.views.pool_views import PoolViews
from commonshelf.web.webhooks.secrets import server_key
from connectors.specs import SecretUnusable
from messaging.metrics import listed
from messaging.publisher import Publisher
from schemas.generate.asyncapi import document
from schemas.registry import registry

_log = logging.getLogger(__name__)
BODY_MAX_BYTES = 65_536
"""Largest body of a request: 30 lines of an order are a tenth of it."""

_PARTS = (availability, orders, tasks, members, directory, live, webhooks)
_ABOUT = """
What small shops that act as one have, hold, order, hand over and owe. Quantities are thousandths of the item's unit,
money is minor units, times are ms since 1970 UTC. Without a key: public pages, in bands, of what stores show. With one:
`Authorization: Bearer cs_…`. Errors are problem documents (RFC 9457) with a stable `code`.
"""


def make_api(views: PoolViews, publisher: Publisher, settings: Settings, registry: CollectorRegistry) -> FastAPI:
    """The API on these views; what callers send goes to Kafka by this publisher. registry: of its metrics."""
    api = FastAPI(
        title="Commonshelf micro-fulfilment API", version="1", description=_ABOUT, docs_url=None, redoc_url=None,
        servers=[{"url": "/v1"}], root_path_in_servers=False,
    )  # fmt: skip
    api.state.room = Room(views, Asker(views, publisher), settings.api, settings.webhooks, partial(_key, settings))
    for part in _PARTS:
        api.include_router(part.router)
    for error in HANDLED:
        api.add_exception_handler(error, answer_problem)
    api.add_middleware(BodyLimit)
    api.add_middleware(_Metered, registry=registry)
    listed.API_LISTENERS.on(registry).set_function(lambda: views.changes.listeners)
    _document(api)
    api.add_route("/asyncapi.json", _topics, include_in_schema=False)
    return api


async def _topics(_request: Request) -> Response:
    """The topics, as AsyncAPI 3: beside what this API can be asked, what can be read in Kafka."""
    return Response(_topics_document(), media_type="application/json")


@cache
def _topics_document() -> str:
    return document({subject: json.loads(versions[-1].text) for subject, versions in registry().by_subject.items()})


def _key(settings: Settings) -> bytes | None:
    try:
        return server_key(settings)
    except (SecretUnusable, OSError) as error:
        _log.warning("webhooks cannot be signed: %s", error)
        return None


class _Metered:
    """Counts requests, and how long each takes to the beginning of its answer."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = listed.API_REQUESTS.on(registry)
        for number in range(2, 6):
            self._requests.labels(f"{number}xx")  # shown from the start
        self._seconds = listed.API_REQUEST_SECONDS.on(registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun_s = time.perf_counter()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._requests.labels(f"{message['status'] // 100}xx").inc()
                self._seconds.observe(time.perf_counter() - begun_s)
            await send(message)

        await self._app(scope, receive, sent)


class BodyLimit:
    """Answers 413 to a body that is larger than BODY_MAX_BYTES, as soon as that is seen."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > BODY_MAX_BYTES:
            await _refuse(scope, receive, send)
            return
        seen, is_refused, has_begun = 0, False, False

        async def limited() -> Message:
            nonlocal seen, is_refused
            message = await receive()
            seen += len(message.get("body", b""))
            if seen <= BODY_MAX_BYTES:
                return message
            is_refused = True
            return {"type": "http.request", "body": b"", "more_body": False}

        async def sent(message: Message) -> None:
            nonlocal has_begun
            if not is_refused:
                await send(message)
            elif not has_begun:
                has_begun = True
                await _refuse(scope, receive, send)

        await self._app(scope, limited, sent)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await problem("body_too_large", f"Send {BODY_MAX_BYTES} bytes at most.")(scope, receive, send)


def _document(api: FastAPI) -> None:
    """The problem document is a part of the schema, and all errors are of it; a key is asked for only by some."""
    made = api.openapi
    public = {
        (route.path_format, method.lower())
        for part in _PARTS
        for route in part.router.routes
        if isinstance(route, APIRoute) and not any(one.call is member for one in dependants(route.dependant))
        for method in route.methods or ()
    }

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            document = made()
            schemas = document["components"]["schemas"]
            schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    _name_errors(operation)
                    if (path, method) in public:
                        operation["security"].append({})
            api.openapi_schema = document
        return api.openapi_schema

    api.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to change the document


def _name_errors(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if status.isdigit() and int(status) >= HTTPStatus.BAD_REQUEST:
            response["content"] = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
