"""Keeps a pace in lines a second."""

import asyncio
import time

_SLACK_S = 0.5


class Pacer:
    """Lets so many lines a second pass. What falls behind by more than half a second is not made up for."""

    def __init__(self, lines_per_second: float) -> None:
        self._lines_per_second = lines_per_second
        self._due_s = time.monotonic()
        self.lost_s = 0.0
        """Time by which the pace was missed in all: the connectors answered too slowly for it."""

    async def wait(self, lines: int) -> None:
        """Return when `lines` more may pass."""
        behind_s = time.monotonic() - self._due_s
        if behind_s > _SLACK_S:
            self._due_s += behind_s
            self.lost_s += behind_s
        elif behind_s < 0:
            await asyncio.sleep(-behind_s)
        else:
            await asyncio.sleep(0)
        self._due_s += lines / self._lines_per_second
