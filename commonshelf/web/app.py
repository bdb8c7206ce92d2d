"""Our HTTP server: the board, the API, the read-only schema registry, health."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from commonshelf.config.settings import Settings
from commonshelf.stack.connection import Connection
from commonshelf.web.api.app import make_api
from commonshelf.web.api.problems import problem
from commonshelf.web.board.routes import board_routes
from commonshelf.web.callers import BandWatch
from commonshelf.web.registry import router as registry_router
from commonshelf.web.views.pool_views import PoolViews
from messaging.asked_host import ADVICE, NOT_OURS, is_ours
from messaging.publisher import Publisher
from messaging.status_server import Status, status_page


def make_app(
    settings: Settings,
    views: PoolViews,
    publisher: Publisher,
    registry: CollectorRegistry | None = None,
    kafka: Mapping[str, str] | None = None,
) -> FastAPI:
    """The app for a stack with these settings. What it shows are the views; what callers send goes by the publisher.

    registry: of its metrics; one of its own if left out.
    kafka: options of the board's desks; without them its pages show, and nothing is done on them.
    """
    api = make_api(views, publisher, settings, registry or CollectorRegistry())
    views.changes.notice = BandWatch(views)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        telling = asyncio.create_task(views.changes.run())
        yield
        telling.cancel()

    app = FastAPI(title="Commonshelf", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.mount("/v1", api)
    app.router.routes.extend(board_routes(Connection(settings, dict(kafka or {})), views))

    @app.exception_handler(404)
    async def not_found(request: Request, error: Exception) -> Response:
        """An address with a line break in it is not handed to the API, whose callers hear of problems in one form."""
        if request.url.path.startswith("/v1/"):
            return problem("not_found")
        assert isinstance(error, HTTPException), "it has the status 404"
        return await http_exception_handler(request, error)

    @app.get("/health", include_in_schema=False)
    def health() -> Response:
        page = status_page(Status(ok=True))
        return Response(page.body, page.code, media_type=page.content_type)

    @app.get("/ready", include_in_schema=False)
    def ready() -> Response:
        """Ready when the views were once read to their ends."""
        page = status_page(views.ready())
        return Response(page.body, page.code, media_type=page.content_type)

    app.add_middleware(_HostCheck, bound_host=settings.http.host)
    app.include_router(registry_router)
    return app


class _HostCheck:
    """Answers only what is asked under a name of this server."""

    def __init__(self, app: ASGIApp, bound_host: str) -> None:
        self._app = app
        self._bound_host = bound_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_ours(Headers(scope=scope).get("host"), self._bound_host):
            await self._app(scope, receive, send)
            return
        told = {"error": f"this is not the host that was asked for; {ADVICE}"}
        await JSONResponse(told, NOT_OURS)(scope, receive, send)
