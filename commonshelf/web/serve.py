"""The process of our HTTP server: views, publisher, server, and its pages on a port of their own."""

import logging
import resource
import socket
import sys
import threading
from contextlib import suppress
from types import FrameType

import uvicorn
from prometheus_client import REGISTRY

from commonshelf.config.credentials import kafka_options
from commonshelf.config.settings import Settings
from commonshelf.web.app import make_app
from commonshelf.web.views.changes import Changes
from commonshelf.web.views.pool_views import PoolViews
from messaging.process import serve_pages, stopped_by_signals
from messaging.prompt_http import HEAD_MAX_BYTES, PromptHeaders
from messaging.publisher import Publisher, PublishError
from messaging.status_server import Status

_log = logging.getLogger(__name__)
_CONNECTIONS_MAX = 1_500
"""Live streams among them."""
_FILES_MAX = 8_192
_WATCH_S = 0.5
_STOP_S = 5
_SWITCH_S = 0.001
"""So long a thread that reads a table may keep an answer waiting, each time; by default it is 5 ms."""


class _Server(uvicorn.Server):
    """Ends live streams when it begins to stop: they would go on until the time for that is over."""

    def __init__(self, config: uvicorn.Config, changes: Changes) -> None:
        super().__init__(config)
        self._changes = changes

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """With many streams that are behind, the loop would come to the shutdown only when all have been told."""
        self._changes.stop_telling()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._changes.end()
        await super().shutdown(sockets)


def _open_many_files() -> None:
    """Each live stream is an open file, and each table has some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_MAX if hard == resource.RLIM_INFINITY else min(_FILES_MAX, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def serve(settings: Settings) -> None:
    """Serve until a signal. Raises SystemExit(1) when a view or the publisher can go on no more: a new process can."""
    _open_many_files()
    sys.setswitchinterval(_SWITCH_S)
    options = kafka_options(settings.kafka)
    failure: list[str] = []
    with PoolViews(options, settings.state_dir("http"), settings.partitions) as views:
        publisher = Publisher({"client.id": "commonshelf-api", **options}, settings.partitions)
        app = make_app(settings, views, publisher, REGISTRY, options)
        server = _Server(
            uvicorn.Config(
                app,
                host=settings.http.host,
                port=settings.http.port,
                log_config=None,  # its records go the way of all others
                log_level="warning",
                http=PromptHeaders,
                ws="none",
                h11_max_incomplete_event_size=HEAD_MAX_BYTES,
                limit_concurrency=_CONNECTIONS_MAX,
                timeout_graceful_shutdown=_STOP_S,
            ),
            views.changes,
        )

        def watch() -> None:
            while not server.should_exit:
                found = views.failure or publisher.fatal
                if found is not None:
                    failure.append(found)
                    server.should_exit = True
                threading.Event().wait(_WATCH_S)

        stopped_by_signals()  # uvicorn raises a signal once more when it has stopped: that must not end us at once
        pages = serve_pages(
            settings.http.host, settings.http.web_port, health=lambda: Status.unless(failure[0] if failure else None),
            ready=views.ready,
        )  # fmt: skip
        with pages:
            threading.Thread(target=watch, name="watch", daemon=True).start()
            server.run()
        with suppress(PublishError):  # who sent it was told so
            publisher.close()
    if failure:
        _log.error("%s", failure[0])
        raise SystemExit(1)
