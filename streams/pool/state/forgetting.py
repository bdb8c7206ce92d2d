"""Forgets what ended long enough ago, so that a pool's rows do not grow with its past."""

from itertools import islice
from typing import Protocol, TypeVar

from streams.pool.state.alarms import Alarms, clear_due
from streams.pool.state.pool_state import PoolState
from streams.pool.state.tables import EntityKey, TableSpec

FORGOTTEN_MAX = 2_000
"""Rows of a kind that one tick forgets."""
R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)


class EndedIndex(Protocol[R_contra]):
    """An index of rows that knows when each may be forgotten."""

    forgettable: Alarms

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
    for _kind, name in islice(clear_due(index.forgettable, clock_ms), FORGOTTEN_MAX):
        row = table.get((state.pool, name))
        if row is not None:
            index.remove(row)
        table.delete((state.pool, name))
