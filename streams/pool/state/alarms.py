"""Alarms: names by the time at which something is due for them."""

import heapq
from collections.abc import Iterator

Name = tuple[str, str]
"""(what it is: order, task …; its id)"""


class Alarms:
    """Names by the time at which they are due; the earliest first, names of one time in order."""

    def __init__(self) -> None:
        self._at_ms: dict[Name, int] = {}
        self._heap: list[tuple[int, Name]] = []

    def set(self, name: Name, at_ms: int | None) -> None:
        """Set, or clear with None."""
        if at_ms is None:
            self._at_ms.pop(name, None)
        elif self._at_ms.get(name) != at_ms:
            self._at_ms[name] = at_ms
            heapq.heappush(self._heap, (at_ms, name))
        if len(self._heap) > 2 * len(self._at_ms) + 64:
            self._heap = [(at_ms, name) for name, at_ms in self._at_ms.items()]
            heapq.heapify(self._heap)

    def due(self, clock_ms: int) -> Name | None:
        """The first name that is due at `clock_ms`; it stays until it is set anew or cleared."""
        while self._heap and self._heap[0][0] <= clock_ms:
            at_ms, name = self._heap[0]
            if self._at_ms.get(name) == at_ms:
                return name
            heapq.heappop(self._heap)
        return None


def clear_due(alarms: Alarms, clock_ms: int) -> Iterator[Name]:
    """Every name that is due, each cleared as it is handed out."""
    while (name := alarms.due(clock_ms)) is not None:
        alarms.set(name, None)
        yield name
