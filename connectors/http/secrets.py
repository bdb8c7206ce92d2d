"""The secrets of one store, read again now and then, so that changing one needs no restart."""

import time
from collections.abc import Callable, Sequence

import structlog

from connectors.specs import SecretSource, SecretUnusable

REREAD_S = 5.0
_log = structlog.get_logger()


class Secrets:
    """Raises SecretUnusable when one cannot be read at the start. Never shows them.

    monotonic_s: the clock for re-reading.
    """

    def __init__(self, sources: Sequence[SecretSource], monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._sources = tuple(sources)
        self._monotonic_s = monotonic_s
        self._secrets = [source.read() for source in self._sources]
        self._read_at_s = monotonic_s()

    def to_sign(self) -> list[bytes]:
        """The first one: ours are signed with it alone."""
        return self.current()[:1]

    def current(self) -> list[bytes]:
        """The secrets that a signature may be made with."""
        now_s = self._monotonic_s()
        if now_s - self._read_at_s >= REREAD_S:
            self._read_at_s = now_s
            try:
                self._secrets = [source.read() for source in self._sources]
            except SecretUnusable as error:  # half-way through being replaced: the old ones hold until it is there
                _log.warning("webhook secret not read again", reason=str(error))
        return self._secrets
