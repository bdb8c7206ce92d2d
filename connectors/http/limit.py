"""Says no to more than can be served: so many requests at a time, and so many in a second."""

import contextlib
import time
from collections.abc import Callable, Iterator


class Busy(Exception):
    """Too much at once. `status` is 429 where the sender is the cause, else 503."""

    def __init__(self, status: int, reason: str, retry_after_s: int) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after_s = retry_after_s


class ConcurrencyLimit:
    """Lets so many requests in at a time, and no more. `requests_max` bounds the memory that bodies take."""

    def __init__(self, requests_max: int, status: int, reason: str) -> None:
        self._free = requests_max
        self._status = status
        self._reason = reason

    @contextlib.contextmanager
    def enter(self) -> Iterator[None]:
        """Raise Busy when full."""
        if self._free <= 0:
            raise Busy(self._status, self._reason, retry_after_s=1)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


class TokenBucket:
    """Lets `per_s` requests a second in, and `burst` at once after a pause. Not thread-safe."""

    def __init__(self, per_s: int, burst: int, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = burst
        self._monotonic_s = monotonic_s
        self._tokens = float(burst)
        self._filled_at_s = monotonic_s()

    def take(self) -> None:
        """Raise Busy when the sender is too fast."""
        now_s = self._monotonic_s()
        self._tokens = min(float(self._burst), self._tokens + (now_s - self._filled_at_s) * self._per_s)
        self._filled_at_s = now_s
        if self._tokens < 1:
            raise Busy(429, f"this store sends more than {self._per_s} requests a second", retry_after_s=1)
        self._tokens -= 1
