"""Changes of the views, for pages that are told of them as they happen (server-sent events)."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import Literal, NamedTuple, Self

_CHANGES_AT_ONCE = 50
ChangeKind = Literal[
    "settings",
    "item",
    "shelf",
    "band",
    "public_band",
    "order",
    "task",
    "appointment",
    "proposal",
    "statement",
    "refusal",
    "access",
    "webhook",
    "webhook_progress",
]
Kinds = frozenset[ChangeKind] | None
"""None for all."""
_BATCHES_MAX = 10
"""A listener that is further behind is told to read anew: working through more would only leave it more behind."""
_PACE_S = 0.2
_CHANGES_MAX = 20_000
"""Of a batch; a listener to more is told to read anew."""


class Change(NamedTuple):
    """A row that is another now. What it is now the views tell; several changes of one row in a moment are one."""

    kind: ChangeKind
    pool: str
    name: str
    """The row's key behind the pool: sku/store of a shelf, the order, the task, order/store of an appointment."""
    offset: int
    """Of the newest record about it; of an order `PoolViews.event` has it."""


class ReadAnew(NamedTuple):
    """The listener was too slow, or too much happened: it has missed changes and must read what it shows anew."""

    missed: int
    """Batches of changes."""


class Part:
    """The changes of a batch that are of one pool and of some kinds. All who listen to just those get the same one."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self.changes = changes
        self._told: dict[Hashable, str] = {}

    def told(self, audience: Hashable, tell: Callable[[Sequence[Change]], str]) -> str:
        """What `tell` makes of the changes for an audience: made for the first of it who asks, kept for the others."""
        if audience not in self._told:
            self._told[audience] = tell(self.changes)
        return self._told[audience]


class _Batch:
    """The changes of a moment, kept once for all listeners."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = changes
        self._parts: dict[tuple[str, Kinds], Part] = {}

    def part(self, pool: str, kinds: Kinds) -> Part:
        if (pool, kinds) not in self._parts:
            self._parts[pool, kinds] = Part(
                [one for one in self._changes if one.pool == pool and (kinds is None or one.kind in kinds)]
            )
        return self._parts[pool, kinds]


class Changes:
    """Hands what the views' threads read to any number of listeners, in batches, a few times a second. Thread-safe.

    What is told of a batch is made once for all who are told the same, so that one costs little less than a hundred.
    The last `_BATCHES_MAX` batches are kept: that is the listener's bounded queue.
    """

    def __init__(self, pace_s: float = _PACE_S) -> None:
        self.notice: Callable[[Change], Iterable[Change]] = lambda _: ()
        """What follows from a change, for those who may not hear of the change itself. Called in the event loop."""
        self._pace_s = pace_s
        self._coming: dict[tuple[ChangeKind, str, str], int] = {}
        self._is_too_much = False
        self._batches: deque[_Batch | None] = deque(maxlen=_BATCHES_MAX)
        self._count = 0
        self._is_ended = False
        self._listeners: set[Listener] = set()
        self._lock = threading.Lock()

    @property
    def is_ended(self) -> bool:
        """Whether the server is stopping, so that live streams are to end."""
        return self._is_ended

    def stop_telling(self) -> None:
        """Let who tells of changes now leave off. For a signal's handler: it takes no lock."""
        self._is_ended = True

    def end(self) -> None:
        """Wake all who listen, for the last time. In the event loop of the listeners."""
        self.stop_telling()
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.wake.set()

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def tell(self, changes: Iterable[Change]) -> None:
        """Add changes to the batch that comes next; nothing is kept while nobody listens."""
        with self._lock:
            if not self._listeners:
                return
            for kind, pool, named, offset in changes:
                self._coming[kind, pool, named] = offset
            if len(self._coming) > _CHANGES_MAX:
                self._coming, self._is_too_much = {}, True

    def listen(self, pool: str, kinds: Collection[ChangeKind] | None = None) -> "Listener":
        """The changes of `pool` from now on, of all kinds unless some are named. Called in an event loop."""
        listener = Listener(self, pool, kinds)
        with self._lock:
            self._listeners.add(listener)
        return listener

    async def run(self) -> None:
        """Close a batch each `pace_s`, and wake the listeners. For one task, in the loop in which they listen."""
        while True:
            await asyncio.sleep(self._pace_s)
            await self.close_batch()

    async def close_batch(self) -> None:
        """Hand out what has come. In the event loop of the listeners."""
        with self._lock:
            coming, is_too_much = self._coming, self._is_too_much
            self._coming, self._is_too_much = {}, False
            listeners = list(self._listeners)
        if not coming and not is_too_much:
            return
        batch = [Change(*key, offset) for key, offset in coming.items()]
        follow: list[Change] = []
        for at, change in enumerate(batch):
            follow += self.notice(change)
            if at % _CHANGES_AT_ONCE == _CHANGES_AT_ONCE - 1:
                await asyncio.sleep(0)  # requests are answered meanwhile
        self._batches.append(None if is_too_much else _Batch(batch + follow))
        self._count += 1
        for listener in listeners:
            listener.wake.set()


class Listener:
    """One who is told of changes. Use as a context manager, in the event loop in which it was made."""

    def __init__(self, changes: Changes, pool: str, kinds: Collection[ChangeKind] | None) -> None:
        self._changes = changes
        self._pool = pool
        self._kinds: Kinds = None if kinds is None else frozenset(kinds)
        self._next = changes._count  # noqa: SLF001  the two are one thing
        self.wake = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._changes._lock:  # noqa: SLF001
            self._changes._listeners.discard(self)  # noqa: SLF001

    async def next(self, timeout_s: float) -> Part | ReadAnew | None:
        """The oldest batch not heard yet; None when there is none for `timeout_s`, or the server is stopping."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._changes.is_ended:
                    found = self._take()
                    if found is not None:
                        return found
                    self.wake.clear()
                    await self.wake.wait()
        except TimeoutError:
            pass
        return None

    def _take(self) -> Part | ReadAnew | None:
        count, batches = self._changes._count, self._changes._batches  # noqa: SLF001
        waiting = count - self._next
        for at in range(-min(waiting, len(batches)), 0):
            batch = batches[at]
            if waiting > len(batches) or batch is None:
                self._next = count
                return ReadAnew(waiting)
            self._next = count + at + 1
            part = batch.part(self._pool, self._kinds)
            if part.changes:
                return part
        return None
