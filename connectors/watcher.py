"""Wakes connectors when something changes in their folders. One watcher serves all of a process."""

import threading
from collections.abc import Sequence
from pathlib import Path

import structlog
import watchfiles

from connectors.contract import Connector

RETRY_S = 60.0
_WAKES_MS = 500
_log = structlog.get_logger()


def watch(connectors: Sequence[Connector], stop: threading.Event) -> None:
    """Wake each connector when something changes in a folder that it names, until `stop` is set.

    An aid only: where watching fails (limits of the system, network drives), the regular look finds the files.
    """
    by_path = {path: connector for connector in connectors for path in connector.watched()}
    if not by_path:
        return
    while not stop.is_set():
        try:
            changes = watchfiles.watch(
                *by_path,
                watch_filter=None,
                step=20,
                debounce=200,
                rust_timeout=_WAKES_MS,
                recursive=False,
                stop_event=stop,
                raise_interrupt=False,
            )
            for batch in changes:
                for path in {Path(changed).parent for _, changed in batch}:
                    if path in by_path:
                        by_path[path].wake()
        except OSError as error:
            _log.warning("folders are not watched; they are looked through regularly", reason=str(error))
            stop.wait(RETRY_S)
