"""Tasks that run beside each other; what befalls one of them is not lost."""

import asyncio
from collections.abc import Coroutine


class Errands:
    """Starts coroutines of one event loop and keeps hold of them until they end."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None

    def start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._end)

    def check(self) -> None:
        """Raise what ended one of them, if something did."""
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        """Cancel those that run."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            self._error = self._error or task.exception()
