"""The worker's own pages: /health, /ready, /metrics and /tables/{processor}?…"""

import json
import queue
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams.runtime.lookups import Lookups
from streams.runtime.metrics import WorkerMetrics

_LOOKUP_TIMEOUT_S = 5.0


def serve_pages(host: str, port: int, name: str, metrics: WorkerMetrics, lookups: Lookups) -> ThreadingHTTPServer:
    """Serve from a thread; `server_port` of the answer is the port. Raises OSError when it is taken."""

    class Pages(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/metrics":
                self._answer(HTTPStatus.OK, generate_latest(), CONTENT_TYPE_LATEST)
            elif url.path in ("/health", "/ready"):
                good, facts = metrics.health() if url.path == "/health" else metrics.ready()
                status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
                self._json(status, {"ok": good, **facts})
            elif url.path == f"/tables/{name}":
                self._look_up(dict(parse_qsl(url.query)))
            else:
                self._json(HTTPStatus.NOT_FOUND, {"error": f"try /health, /ready, /metrics, /tables/{name}?pool=…"})

        def _look_up(self, query: dict[str, str]) -> None:
            try:
                self._json(HTTPStatus.OK, lookups.ask(query, _LOOKUP_TIMEOUT_S))
            except KeyError as error:
                self._json(HTTPStatus.NOT_FOUND, {"error": f"not here: {error}"})
            except (TimeoutError, queue.Full):
                self._json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "the worker is busy; try again"})

        def _json(self, status: HTTPStatus, value: Any) -> None:
            self._answer(status, json.dumps(value).encode(), "application/json")

        def _answer(self, status: HTTPStatus, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            """Pages are polled; their visits are no news."""

    server = ThreadingHTTPServer((host, port), Pages)
    server.daemon_threads = True
    Thread(target=server.serve_forever, name="pages", daemon=True).start()
    return server
