"""Threads that call the outside, lent to the lane: it knows when they run, and nothing of whom they call."""

import logging
import threading
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

Run = Callable[[threading.Event], None]
"""Calls until the event is set."""


class Callers:
    """Runs each in a thread of its own, by name. A fault of one ends the process, and a restart loses nothing."""

    def __init__(self, runs: Mapping[str, Run]) -> None:
        self._stop = threading.Event()
        self._failure: str | None = None
        self._threads = [
            threading.Thread(target=self._run, args=(name, run), name=name, daemon=True) for name, run in runs.items()
        ]

    @property
    def failure(self) -> str | None:
        """Why one has ended before it was told to, or None."""
        return self._failure

    def start(self) -> None:
        """Begin to call."""
        for thread in self._threads:
            thread.start()

    def stop(self, grace_s: float) -> None:
        """Begin no call any more, and let those under way end in time."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(grace_s)
            if thread.is_alive():
                log.warning("%s is still calling; the call is made again after the next start", thread.name)

    def _run(self, name: str, run: Run) -> None:
        try:
            run(self._stop)
        except Exception as error:
            log.exception("%s failed", name)
            self._failure = f"{name} failed: {type(error).__name__}: {error}"
