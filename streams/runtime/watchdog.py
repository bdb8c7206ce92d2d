"""Ends the process when a call into the Kafka client does not come back.

librdkafka's send_offsets_to_transaction forgets its time limit when the group's coordinator goes away at the wrong
moment (librdkafka issues 5456 and 5511), and a hung call cannot be interrupted. Heartbeats go on meanwhile, so nobody
would take over. A supervisor starts the worker again; whatever was not committed is read again.
"""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

_TICK_S = 0.5
EXIT_STATUS = 1


class Watchdog:
    """Watches one call at a time, of the thread that made it."""

    def __init__(self, hung_after_s: float) -> None:
        self._limit_ticks = int(hung_after_s / _TICK_S)
        self._what: str | None = None
        self._ticks = 0
        self._over = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def watching(self, what: str) -> Iterator[None]:
        """The process ends unless the block does so in time."""
        self._ticks = 0
        self._what = what
        try:
            yield
        finally:
            self._what = None

    def close(self) -> None:
        """Stop watching."""
        self._over.set()

    def _watch(self) -> None:
        # Ticks and not the clock: a process that was held still for a while has not been in its call for so long.
        while not self._over.wait(_TICK_S):
            self._ticks += 1
            what = self._what
            if what is not None and self._ticks > self._limit_ticks:
                log.critical(
                    "%s has not returned for %.0f s: the Kafka client hangs. Ending this process; start it again.",
                    what, self._ticks * _TICK_S,
                )  # fmt: skip
                logging.shutdown()
                os._exit(EXIT_STATUS)
