"""Puts a world's documents on the wall clock, in their order, however fast they are paced."""

from bisect import bisect_right
from collections import OrderedDict

from world.documents import StoreDocument

_KEEP_POINTS = 200_000


class LiveClock:
    """Maps the world's clock to the wall clock by what was sent when.

    Since the start, a world moment falls between the wall moments of the documents sent around it: what happened before
    or after a count on the world's clock does so on the wall clock. Moments before the start, and those that a wrong
    clock puts in the future, keep their real distance, so that late stays late and too late stays too late.
    """

    def __init__(self, world_start_ms: int, wall_start_ms: int) -> None:
        self._world_ms = [world_start_ms]
        self._wall_ms = [wall_start_ms]
        self._told: OrderedDict[tuple[str, str], tuple[int, dict[int, int]]] = OrderedDict()

    @property
    def world_ms(self) -> int:
        """The world's time now."""
        return self._world_ms[-1]

    def stamp(self, document: StoreDocument, wall_ms: int) -> StoreDocument:
        """The document as its store sends it now. Call in the order of `sent_at_ms`.

        A copy bears the times of the first telling, as a real till's would; a revision keeps when it happened.
        """
        self._pass(document.sent_at_ms, wall_ms)
        occurred_ms, recorded_ms = self._told.get(document.key) or (self.wall_of(document.occurred_at_ms), {})
        recorded_ms.setdefault(document.version, wall_ms)
        if document.is_last:
            self._told.pop(document.key, None)
        else:
            self._told[document.key] = occurred_ms, recorded_ms
        return document.at(occurred_ms, recorded_ms[document.version])

    def wall_of(self, world_ms: int) -> int:
        """The wall moment of a world moment."""
        if world_ms <= self._world_ms[0]:
            return self._wall_ms[0] - (self._world_ms[0] - world_ms)
        if world_ms >= self._world_ms[-1]:
            return self._wall_ms[-1] + (world_ms - self._world_ms[-1])
        after = bisect_right(self._world_ms, world_ms)
        before_world, after_world = self._world_ms[after - 1], self._world_ms[after]
        before_wall, after_wall = self._wall_ms[after - 1], self._wall_ms[after]
        return before_wall + (world_ms - before_world) * (after_wall - before_wall) // (after_world - before_world)

    def _pass(self, world_ms: int, wall_ms: int) -> None:
        if world_ms > self._world_ms[-1]:
            self._world_ms.append(world_ms)
            self._wall_ms.append(max(wall_ms, self._wall_ms[-1]))
        if len(self._world_ms) > _KEEP_POINTS:
            # The first point stays: it says where the start was. Late documents reach back hours, not so many points.
            del self._world_ms[1 : _KEEP_POINTS // 2], self._wall_ms[1 : _KEEP_POINTS // 2]
