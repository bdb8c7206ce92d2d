"""Forgets what ended long enough ago, so that a pool's rows do not grow with its past."""

from collections.abc import Iterator
from itertools import islice
from typing import Protocol, TypeVar

from streams.pool.state.alarms import Alarms, Name, clear_due
from streams.pool.state.horizon import remembered_since_ms
from streams.pool.state.pool_state import PoolState
from streams.pool.state.tables import EntityKey, TableSpec

FORGOTTEN_MAX = 2_000
"""Rows of a kind that one tick forgets."""
R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)


class Forgettable:
    """Names of what has ended: kept for their time, and then until what was last told of them is too late."""

    def __init__(self) -> None:
        self._kept = Alarms()
        self._told = Alarms()
        self._told_at_ms: dict[Name, int] = {}

    def set(self, name: Name, kept_until_ms: int, told_at_ms: int) -> None:
        """It has ended; `told_at_ms` is when the latest message about it was recorded."""
        self._told.set(name, None)
        self._kept.set(name, kept_until_ms)
        self._told_at_ms[name] = told_at_ms

    def clear(self, name: Name) -> None:
        """It goes on, or is no more."""
        self._told.set(name, None)
        self._kept.set(name, None)
        self._told_at_ms.pop(name, None)

    def due(self, clock_ms: int, remembered_since_ms: int) -> Iterator[Name]:
        """Every name whose time has come, each cleared as it is handed out."""
        for name in clear_due(self._kept, clock_ms):
            self._told.set(name, self._told_at_ms.pop(name))
        yield from clear_due(self._told, remembered_since_ms - 1)


class EndedIndex(Protocol[R_contra]):
    """An index of rows that knows when each may be forgotten."""

    forgettable: Forgettable

    def remove(self, row: R_contra, /) -> None:
        """Take note that the row leaves the state."""


def forget_ended(state: PoolState, rows: TableSpec[EntityKey, R], index: EndedIndex[R], clock_before_ms: int) -> None:
    """Drop the rows that ended long enough ago, when the clock has moved on from `clock_before_ms`.

    So many at most, the oldest first; the next tick goes on with the rest.
    """
    clock_ms = state.row["clock_ms"]
    if clock_ms == clock_before_ms:
        return
    table = state.tables[rows]
    due = index.forgettable.due(clock_ms, remembered_since_ms(state.row))
    for _kind, name in islice(due, FORGOTTEN_MAX):
        row = table.get((state.pool, name))
        if row is not None:
            index.remove(row)
        table.delete((state.pool, name))
