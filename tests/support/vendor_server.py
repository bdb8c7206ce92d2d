"""A vendor's API on a real port: it answers as a rig says, or fails as a test says, and keeps every request."""

import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Received:
    """A request that our client made; header names in lower case."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Cut:
    """The connection ends in the middle of the answer."""


class Silence:
    """No answer before the server is closed."""


Fault = Answer | Cut | Silence


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that ends its connection is no error of ours; tests have some killed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class VendorServer:
    """Use as a context. answer: None for a request that the vendor's documentation does not have.

    faults: each is used for one request, in order, before `answer` is asked again. Leaving the context raises
    AssertionError when the client made a request that is unknown, so a wrong method, path, header or body shows.
    """

    def __init__(self, answer: Callable[[Received], Answer | None]) -> None:
        self.requests: list[Received] = []
        self.unknown: list[Received] = []
        self.faults: deque[Fault] = deque()
        self._answer = answer
        self._closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                server._serve(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  the library's names

            def log_message(self, *_args: object) -> None:
                """Quiet."""

        self._http = _Http(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        assert self.unknown == [], "the client asked what the vendor does not offer"

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        address = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        query = parse_qs(address.query, keep_blank_values=True)
        received = Received(handler.command, address.path, query, headers, body)
        self.requests.append(received)
        found: Fault | None = self.faults.popleft() if self.faults else self._answer(received)
        if isinstance(found, Silence):
            self._closing.wait(60)
            handler.close_connection = True
            return
        if isinstance(found, Cut):
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b'{"')
            handler.close_connection = True
            return
        if found is None:
            self.unknown.append(received)
            found = Answer({"error": "not offered"}, 501)
        content = b"" if found.body is None else json.dumps(found.body).encode()
        handler.send_response(found.status)
        for name, value in {"Content-Type": "application/json", **found.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        with suppress(ConnectionError):  # the client may have heard enough
            handler.end_headers()
            handler.wfile.write(content)
