"""The worker's pages: /health, /ready and /metrics.

They run on a thread of their own, so that they answer while the event loop is stuck, and are all that this
process serves: Faust's own web, which would show tables to anyone, is off.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import ClassVar, Self

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from streams.agents.errors import AgentsError

_LOOP_STUCK_S = 10.0
_CLIENT_TIMEOUT_S = 5


@dataclass
class Status:
    """What the event loop says about itself; the pages only read it."""

    waiting_for: str | None = "the worker is starting"
    """What readiness waits for; None when ready."""
    loop_seen_s: float = field(default_factory=time.monotonic)
    """When the event loop last ran, on the monotonic clock."""

    def loop_ran(self) -> None:
        self.loop_seen_s = time.monotonic()


class Pages:
    """Serves the pages until stopped.

    port: 0 takes a free one; `url` names it.
    Raises AgentsError when the port is taken or the host is not ours.
    """

    def __init__(self, host: str, port: int, status: Status, metrics: CollectorRegistry) -> None:
        handler = type("_BoundPage", (_Page,), {"pages": _answers(status, metrics)})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            raise AgentsError(
                f"the agents' pages cannot listen on {host}:{port} ({error.strerror}); "
                "choose another http_port, or stop what uses it."
            ) from error
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), name="pages", daemon=True)

    @property
    def url(self) -> str:
        """Where the pages are, without a trailing slash."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1)


_Answer = tuple[HTTPStatus, str, bytes]


def _answers(status: Status, metrics: CollectorRegistry) -> dict[str, Callable[[], _Answer]]:
    def health() -> _Answer:
        silent_s = time.monotonic() - status.loop_seen_s
        if silent_s > _LOOP_STUCK_S:
            return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"healthy": False, "loop_silent_s": round(silent_s, 1)})
        return _json(HTTPStatus.OK, {"healthy": True})

    def ready() -> _Answer:
        if status.waiting_for is not None:
            return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"ready": False, "waiting_for": status.waiting_for})
        return _json(HTTPStatus.OK, {"ready": True})

    def measures() -> _Answer:
        return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(metrics)

    return {"/health": health, "/ready": ready, "/metrics": measures}


def _json(code: HTTPStatus, body: dict[str, object]) -> _Answer:
    return code, "application/json", json.dumps(body).encode()


class _Page(BaseHTTPRequestHandler):
    pages: ClassVar[dict[str, Callable[[], _Answer]]] = {}
    timeout = _CLIENT_TIMEOUT_S
    server_version = "commonshelf-agents"
    sys_version = ""

    def do_GET(self) -> None:
        page = self.pages.get(self.path.partition("?")[0])
        if page is None:
            self.send_error(HTTPStatus.NOT_FOUND, explain="The pages are /health, /ready and /metrics.")
            return
        code, content_type, body = page()
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Say nothing: a probe every few seconds is not news."""
