"""A process's answers about itself over HTTP: /health, /ready and /metrics.

Each process that works runs a `StatusServer`, on a port of its own: what it says is not for the world.
"""

import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from messaging.asked_host import ADVICE, NOT_OURS, is_ours

REQUEST_TIMEOUT_S = 5.0
"""From the connection to the end of the request's head, however slowly it comes."""
CONNECTIONS_MAX = 64
_IDLE_TIMEOUT_S = 5
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """A yes or no with what explains it, often a sentence as `reason`."""

    ok: bool
    facts: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def unless(cls, reason: str | None) -> Self:
        """Good without a reason against it."""
        return cls(ok=True) if reason is None else cls(ok=False, facts={"reason": reason})

    @classmethod
    def of_loop(cls, alive_at_s: float, stuck_after_s: float) -> Self:
        """Good while a loop turns: it last did at `alive_at_s`, by the monotonic clock."""
        idle_s = time.monotonic() - alive_at_s
        return cls(idle_s < stuck_after_s, {"seconds_since_last_turn": round(idle_s, 3)})


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
        self._server = _Server((host, port), _handler(pages, host))
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


class _Server(ThreadingHTTPServer):
    """A thread for each connection, CONNECTIONS_MAX at most: a further one takes the place of the oldest."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._opened_at_s: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            if len(self._opened_at_s) >= CONNECTIONS_MAX:
                _hang_up(next(iter(self._opened_at_s)))
            self._opened_at_s[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._opened_at_s.pop(request, None)
        super().shutdown_request(request)

    def head_is_here(self, connection: socket.socket) -> None:
        """The page itself may take its time."""
        with self._lock:
            if connection in self._opened_at_s:
                self._opened_at_s[connection] = float("inf")

    def service_actions(self) -> None:
        """Called between requests: hang up on whoever takes too long."""
        overdue_s = time.monotonic() - REQUEST_TIMEOUT_S
        with self._lock:
            for connection in [each for each, opened_s in self._opened_at_s.items() if opened_s < overdue_s]:
                _hang_up(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone, or was hung up on, is no news; any other fault is."""
        if not isinstance(sys.exception(), OSError):
            _log.exception("a page failed", extra={"client": client_address})


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):  # it has gone already
        connection.shutdown(socket.SHUT_RDWR)


def _handler(pages: Mapping[str, Callable[[Query], Page]], host: str) -> type[BaseHTTPRequestHandler]:
    known = ", ".join(pages)

    class Handler(BaseHTTPRequestHandler):
        timeout = _IDLE_TIMEOUT_S
        server_version = "commonshelf"
        sys_version = ""

        server: _Server

        def do_GET(self) -> None:
            self.server.head_is_here(self.connection)
            answer = self._answer()
            self.send_response(answer.code)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def _answer(self) -> Page:
            if not is_ours(self.headers.get("Host"), host):
                return json_page({"error": f"this is not the host that was asked for; {ADVICE}"}, NOT_OURS)
            url = urlsplit(self.path)
            page = pages.get(url.path)
            if page is None:
                return json_page({"error": f"nothing is served here; the pages are {known}"}, HTTPStatus.NOT_FOUND)
            return page(dict(parse_qsl(url.query)))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            """Say nothing: a probe every few seconds is not news."""

    return Handler
