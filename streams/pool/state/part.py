"""Parts of a pool's state: by handle, what each aggregate keeps in memory of a pool beside its tables."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from streams.catalog import PoolConfig
from streams.pool.state.agenda import Agenda
from streams.pool.state.alarms import Alarms
from streams.pool.state.stale_terms import StaleTerms

P = TypeVar("P")


class Part(Generic[P]):
    """Handle of a part: `state[handle]` is the part, made when it is first asked for."""

    def __init__(self, make: Callable[["Pool"], P]) -> None:
        self.make = make


class Pool(Protocol):
    """A pool as its tables and parts see it."""

    pool: str
    config: PoolConfig
    alarms: Alarms
    agenda: Agenda
    stale_terms: StaleTerms

    def __getitem__(self, part: Part[P]) -> P:
        """The part of that handle."""
