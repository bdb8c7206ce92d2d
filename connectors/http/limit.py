"""Says no to more than can be served: so many requests at a time, so many in a second, so many bytes of bodies."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator


class Busy(Exception):
    """Too much at once. `status` is 429 where the sender is the cause, else 503."""

    def __init__(self, status: int, reason: str, retry_after_s: int) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after_s = retry_after_s


class ConcurrencyLimit:
    """Lets so many requests in at a time, and no more."""

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


class BodyBudget:
    """Bounds the memory of bodies whose sender is not known yet. When it is full, the largest of them is given up.

    So whoever sends little gets through beside many who send much, or slowly. For coroutines of one loop.
    """

    def __init__(self, bytes_max: int) -> None:
        self._left = bytes_max
        self._held: dict[asyncio.Timeout, int] = {}

    @contextlib.asynccontextmanager
    async def body(self, timeout_s: float) -> AsyncIterator[Callable[[int], None]]:
        """Gives what is to be told of each piece's bytes. Raises TimeoutError after `timeout_s`, or when given up."""
        try:
            async with asyncio.timeout(timeout_s) as deadline:
                self._held[deadline] = 0
                yield lambda size: self._hold(deadline, size)
        finally:
            self._left += self._held.pop(deadline, 0)

    def _hold(self, deadline: asyncio.Timeout, size_bytes: int) -> None:
        self._left -= size_bytes
        self._held[deadline] = self._held.get(deadline, 0) + size_bytes
        while self._left < 0:
            largest = max(self._held, key=lambda each: self._held[each])
            self._left += self._held.pop(largest)
            largest.reschedule(0)


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
