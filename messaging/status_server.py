"""A process's answers about itself over HTTP: /health, /ready and /metrics.

A process that has no HTTP server of its own runs a `StatusServer`; one that has answers with the same pages from it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

_CLIENT_TIMEOUT_S = 5


@dataclass(frozen=True)
class Status:
    """A yes or no with what explains it, often a sentence as `reason`."""

    ok: bool
    facts: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def unless(cls, reason: str | None) -> Self:
        """Good without a reason against it."""
        return cls(ok=True) if reason is None else cls(ok=False, facts={"reason": reason})


class Page(NamedTuple):
    """An answer."""

    code: int
    content_type: str
    body: bytes


Query = dict[str, str]


def json_page(value: object, code: int = HTTPStatus.OK) -> Page:
    """A page of JSON."""
    return Page(int(code), "application/json", json.dumps(value).encode())


def status_page(status: Status) -> Page:
    """200 or 503, and why: {"ok": …, and the facts}."""
    code = HTTPStatus.OK if status.ok else HTTPStatus.SERVICE_UNAVAILABLE
    return json_page({"ok": status.ok, **status.facts}, code)


def metrics_page(registry: CollectorRegistry) -> Page:
    """The metrics in Prometheus' text form."""
    return Page(int(HTTPStatus.OK), CONTENT_TYPE_LATEST, generate_latest(registry))


class StatusServer:
    """Serves the pages from a thread of its own, so that they answer while the process works or is stuck.

    port: 0 takes a free one; `port` says which it became.
    health: is the process alive; a supervisor may kill one that is not.
    ready: can it do its work now.
    more: further pages by path; each takes the query.
    Raises OSError when the port is taken or the host is not ours.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        health: Callable[[], Status],
        ready: Callable[[], Status],
        registry: CollectorRegistry = REGISTRY,
        more: Mapping[str, Callable[[Query], Page]] | None = None,
    ) -> None:
        pages: dict[str, Callable[[Query], Page]] = {
            "/health": lambda _: status_page(health()),
            "/ready": lambda _: status_page(ready()),
            "/metrics": lambda _: metrics_page(registry),
            **(more or {}),
        }
        self._server = ThreadingHTTPServer((host, port), _handler(pages))
        self._server.daemon_threads = True
        self.host, self.port = host, int(self._server.server_port)
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), name="status", daemon=True)

    @property
    def url(self) -> str:
        """Where the pages are, without a trailing slash."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1)


def _handler(pages: Mapping[str, Callable[[Query], Page]]) -> type[BaseHTTPRequestHandler]:
    known = ", ".join(pages)

    class Handler(BaseHTTPRequestHandler):
        timeout = _CLIENT_TIMEOUT_S
        server_version = "commonshelf"
        sys_version = ""

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            page = pages.get(url.path)
            answer = (
                page(dict(parse_qsl(url.query)))
                if page is not None
                else json_page({"error": f"nothing is served here; the pages are {known}"}, HTTPStatus.NOT_FOUND)
            )
            self.send_response(answer.code)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            """Say nothing: a probe every few seconds is not news."""

    return Handler
