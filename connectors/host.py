"""Runs all connectors of a configuration in one process: those that fetch in threads, webhooks on one HTTP port."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from connectors.context import ConnectorContext, SetAside, WriteBackContext
from connectors.contract import Connector, Handler, PositionStore
from connectors.http.limit import ConcurrencyLimit
from connectors.installed import type_of
from connectors.metrics import ConnectorMetrics
from connectors.milestones import Milestones
from connectors.specs import ConnectorSpec, clash
from connectors.watcher import watch
from connectors.writers import Superseded
from messaging.errors import UserError
from messaging.prompt_http import HEAD_MAX_BYTES, PromptHeaders
from messaging.publisher import Publisher, PublishError
from messaging.status_server import Status, StatusServer
from schemas.topics import CONNECTOR_POSITIONS, CONNECTOR_REFUSALS, POS_SALES, POS_STOCK

REQUESTS_MAX = 256
CONNECTIONS_MAX = 2_000
_STOP_GRACE_S = 15
_CHECK_S = 1.0
_KAFKA_CHECK_S = 3.0
_TOPICS = (POS_SALES.name, POS_STOCK.name, CONNECTOR_POSITIONS.name, CONNECTOR_REFUSALS.name)
_log = structlog.get_logger()

MakePartner = Callable[[ConnectorContext], Connector]


class HostFailed(UserError):
    """The connectors cannot go on; the process should end, and be started again. The text says why."""


def run_connectors(
    specs: Sequence[ConnectorSpec],
    publisher: Publisher,
    positions: PositionStore,
    http_host: str,
    http_port: int,
    state_dir: Path,
    write_back: WriteBackContext | None = None,
    set_aside: SetAside | None = None,
    pages_host: str = "127.0.0.1",
    pages_port: int = 0,
    partners: Sequence[MakePartner] = (),
) -> None:
    """Run until SIGTERM or SIGINT, then finish what is under way.

    Serves the webhooks at http_host, which may face the internet, and /health, /ready and /metrics at pages_host; a
    port of 0 takes a free one. partners: make the pages of partners.

    Raises HostFailed, and what the connectors raise when they cannot start: FolderUnusable, SecretUnusable,
    sqlite3.Error.
    """
    host = Host(specs, publisher, positions, state_dir, write_back, set_aside, partners)
    try:
        pages = StatusServer(
            pages_host, pages_port, health=host.health, ready=host.ready, registry=host.metrics.registry
        )
    except OSError as error:
        raise HostFailed(_cannot_listen(pages_host, pages_port, "their pages", error)) from error
    with pages:
        _log.info("pages of the connectors", at=f"{pages.url}/health, /ready and /metrics")
        asyncio.run(_run_until_signal(host, http_host, http_port))


async def _run_until_signal(host: "Host", http_host: str, http_port: int) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await host.serve(http_host, http_port, stop)


@dataclass
class _KafkaCheck:
    """The last look at Kafka, so that many who ask make few requests."""

    at_s: float = float("-inf")
    failure: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Host:
    """The connectors of `specs` and their pages. Raises as `run_connectors` when one cannot start."""

    def __init__(
        self,
        specs: Sequence[ConnectorSpec],
        publisher: Publisher,
        positions: PositionStore,
        state_dir: Path,
        write_back: WriteBackContext | None = None,
        set_aside: SetAside | None = None,
        partners: Sequence[MakePartner] = (),
    ) -> None:
        clashing = clash([(spec.store.id, spec.options) for spec in specs])
        if clashing is not None:
            raise HostFailed(clashing)
        self.metrics = ConnectorMetrics()
        self._publisher = publisher
        request_limit = ConcurrencyLimit(REQUESTS_MAX, 503, "too many requests at once")
        context = ConnectorContext(publisher, self.metrics, request_limit, state_dir, positions, write_back, set_aside)
        self._connectors: list[Connector] = [type_of(spec.options).make(spec, context) for spec in specs]
        self._connectors += [make(context) for make in partners]
        self._pages: dict[str, Handler] = {"/health": self._bare_health}
        for connector in self._connectors:
            self._pages.update(connector.pages())
        self._milestones = Milestones(self.metrics, positions)
        self._stop = threading.Event()
        self._failures: list[str] = []
        self._superseded: list[str] = []
        self._kafka = _KafkaCheck()

    async def serve(self, http_host: str, http_port: int, stop: asyncio.Event) -> None:
        """Run until `stop` is set. Raises HostFailed."""
        listener = _listen(http_host, http_port)
        server = _Server(_server_config(self.app))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        stopping = asyncio.create_task(stop.wait())
        threads = self._start_threads()
        _log.info("connectors run", count=len(self._connectors), http=f"{http_host}:{listener.getsockname()[1]}")
        try:
            while not stopping.done() and not serving.done() and self._failure() is None:
                await asyncio.wait((serving, stopping), timeout=_CHECK_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            await self._shut_down(server, serving, threads)
            listener.close()
        failure = self._failure()
        if failure is not None:
            raise HostFailed(failure)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application: the pages by exact path."""
        request = Request(scope, receive)
        handler = self._pages.get(scope["path"], _not_found)
        response = await handler(request)
        await response(scope, receive, send)

    def _start_threads(self) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=self._run, args=(connector,), name=connector.name, daemon=True)
            for connector in self._connectors
        ]
        watcher = threading.Thread(target=watch, args=(self._connectors, self._stop), name="watcher", daemon=True)
        threads.append(watcher)
        threads.append(
            threading.Thread(target=self._milestones.run, args=(self._stop,), name="milestones", daemon=True)
        )
        for thread in threads:
            thread.start()
        return threads

    def _run(self, connector: Connector) -> None:
        try:
            connector.run(self._stop)
        except Superseded as error:
            _log.error("a connector has stopped", connector=connector.name, reason=str(error))
            self._superseded.append(str(error))
        except Exception as error:  # noqa: BLE001  whatever ended a thread ends the process, with its reason
            _log.exception("a connector failed", connector=connector.name)
            self._failures.append(f"connector {connector.name} failed: {type(error).__name__}: {error}")

    async def _shut_down(
        self, server: uvicorn.Server, serving: asyncio.Task[None], threads: Sequence[threading.Thread]
    ) -> None:
        """Take nothing new, answer what is under way, let the folders confirm what they have published."""
        server.should_exit = True
        self._stop.set()
        for connector in self._connectors:
            connector.wake()
        await asyncio.wait((serving,), timeout=_STOP_GRACE_S)
        deadline_s = time.monotonic() + _STOP_GRACE_S
        for thread in threads:
            await asyncio.to_thread(thread.join, max(0.0, deadline_s - time.monotonic()))
            if thread.is_alive():
                _log.warning("connector stopped before its file was confirmed; it resumes there", thread=thread.name)

    def _failure(self) -> str | None:
        if self._publisher.fatal is not None:
            return f"Kafka refuses this producer for good: {self._publisher.fatal}"
        return self._failures[0] if self._failures else None

    def health(self) -> Status:
        """Good while no connector has failed."""
        return Status.unless(self._failure())

    def ready(self) -> Status:
        """Good while Kafka can be published to as well, and no other host runs one of these connectors.

        Asks Kafka every few seconds at most.
        """
        return Status.unless(self._failure() or "; ".join(self._superseded) or self._kafka_failure())

    async def _bare_health(self, _request: Request) -> Response:
        """For what stands before the port and balances load; the reason is on the pages' own port."""
        return JSONResponse({"ok": self.health().ok}, 200 if self.health().ok else 503)

    def _kafka_failure(self) -> str | None:
        check = self._kafka
        with check.lock:
            if time.monotonic() - check.at_s > _KAFKA_CHECK_S:
                try:
                    self._publisher.check_topics(_TOPICS, _KAFKA_CHECK_S)
                    check.failure = None
                except PublishError as error:
                    check.failure = str(error)
                check.at_s = time.monotonic()
            return check.failure


async def _not_found(_request: Request) -> Response:
    where = "/webhooks/v1/{store}, those of vendors at /webhooks/{kind}/{store}, partners at /partners/{id}"
    return JSONResponse({"error": f"nothing is served here; webhooks are at {where}"}, 404)


def _listen(http_host: str, http_port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in http_host else socket.AF_INET
    try:
        listener = socket.create_server((http_host, http_port), family=family, backlog=1024)
    except OSError as error:
        raise HostFailed(_cannot_listen(http_host, http_port, "webhooks", error)) from error
    # Inherited by each connection; asyncio leaves it off for a listener made here, which costs 40 ms a request.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _cannot_listen(host: str, port: int, what: str, error: OSError) -> str:
    why = os.strerror(error.errno or 0)
    return f"cannot listen on {host}:{port} for {what}: {why}; stop what uses the port, or set another"


def _server_config(app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=PromptHeaders,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        h11_max_incomplete_event_size=HEAD_MAX_BYTES,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_STOP_GRACE_S,
    )


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: the host decides when it ends."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
