"""The start of each of our worker processes: it ends by a signal, and serves its pages."""

import logging
import signal
import threading
from collections.abc import Callable, Mapping

from messaging.status_server import Page, Query, Status, StatusServer

_log = logging.getLogger(__name__)


def stopped_by_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set. For the main thread."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    return stop


def serve_pages(
    host: str,
    port: int,
    *,
    health: Callable[[], Status],
    ready: Callable[[], Status],
    more: Mapping[str, Callable[[Query], Page]] | None = None,
) -> StatusServer:
    """Pages that are served while it is entered. Raises SystemExit(1) when the port is not to be had; the log says why.

    more: as of `StatusServer`.
    """
    try:
        pages = StatusServer(host, port, health=health, ready=ready, more=more)
    except OSError as error:
        _log.error("cannot serve pages on %s:%d: %s", host, port, error)
        raise SystemExit(1) from error
    _log.info("pages on %s", pages.url)
    return pages
