"""Our HTTP server: an index page, the read-only schema registry, health. The API and the board join here later."""

from collections.abc import Awaitable, Callable
from html import escape

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from commonshelf.config.settings import Settings
from commonshelf.stack.processes import processes
from commonshelf.web.registry import router as registry_router
from messaging.asked_host import ADVICE, NOT_OURS, is_ours
from messaging.status_server import Status, status_page


def make_app(settings: Settings) -> FastAPI:
    """The app for a stack with these settings."""
    app = FastAPI(title="Commonshelf", docs_url=None, redoc_url=None)
    page = _index_page(settings)

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def index() -> str:
        return page

    @app.get("/health", include_in_schema=False)
    @app.get("/ready", include_in_schema=False)
    def health() -> Response:
        """Ready when it answers: this server has no state and no connection."""
        page = status_page(Status(ok=True))
        return Response(page.body, page.code, media_type=page.content_type)

    @app.middleware("http")
    async def check_host(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        if is_ours(request.headers.get("host"), settings.http.host):
            return await answer(request)
        return JSONResponse({"error": f"this is not the host that was asked for; {ADVICE}"}, NOT_OURS)

    app.include_router(registry_router)
    return app


def _index_page(settings: Settings) -> str:
    rows = "".join(
        f"<li><a href='{escape(url)}'>{escape(url)}</a> {escape(about)}</li>" for url, about in links(settings)
    )
    pools = "".join(f"<li>{escape(pool.name)} ({escape(pool.id)})</li>" for pool in settings.pools)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Commonshelf</title>"
        f"<h1>Commonshelf</h1><h2>Pools</h2><ul>{pools or '<li>none declared</li>'}</ul>"
        f"<h2>Pages</h2><ul>{rows}</ul></html>"
    )


def links(settings: Settings) -> list[tuple[str, str]]:
    """(address, what is there) of everything that a person may open. Ports must be resolved."""
    running = processes(settings, settings.data_dir, {})
    subjects = "schema registry, read-only, Confluent-compatible"
    pages = [(f"{one.url}/subjects", subjects) for one in running if one.role.name == "http"]
    for one in running:
        if one.role.has_metrics:
            name, url = one.spec.name, one.url
            pages += [(f"{url}/ready", f"{name}: ready or what it waits for"), (f"{url}/metrics", f"{name}: metrics")]
    return pages
