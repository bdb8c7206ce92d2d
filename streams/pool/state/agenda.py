"""Work that an input leaves behind: what must be looked at before the next input is taken.

A fold puts items on the agenda; the reactions take them off. It is empty between inputs, so nothing of it is stored.
"""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from schemas.types.stock import SaleRecorded
from streams.pool.state.shelf import ShelfKey

K = TypeVar("K")
V = TypeVar("V")


class Work(Generic[K, V]):
    """A kind of work. K names what is to be looked at, V is what is known of it."""

    def __init__(self, name: str, *, newest_first: bool = False) -> None:
        self.name = name
        self.newest_first = newest_first

    def __repr__(self) -> str:
        return f"Work({self.name!r})"


RUNG_UP: Work[str, SaleRecorded] = Work("rung_up")
"""Orders of which a till rang goods up, with the sale."""
COUNTED: Work[str, list[str]] = Work("counted")
"""Stores that counted, with the items counted."""
STRAINED: Work[ShelfKey, None] = Work("strained")
"""Shelves of which more is held than there is."""
DOUBTED: Work[ShelfKey, str] = Work("doubted", newest_first=True)
"""Shelves whose books are in doubt, and why."""
LENT_ORDERS: Work[str, None] = Work("lent_orders")
"""Orders that changed and have to do with goods of another pool."""
LOANS: Work[str, bool] = Work("loans")
"""Loans that may have to be told otherwise, by name; True when a refusal of the borrower counts no more."""


class Agenda:
    """The work that is left of one input in one pool."""

    def __init__(self) -> None:
        self._items: dict[Work[Any, Any], dict[Any, Any]] = {}

    def __getitem__(self, work: Work[K, V]) -> dict[K, V]:
        """The items of a kind, the first put first; whoever folds may put or remove some."""
        items = self._items.get(work)
        if items is None:
            items = self._items[work] = {}
        return items

    def next(self, work: Work[K, V]) -> tuple[K, V] | None:
        """The item to look at; it stays until it is removed."""
        items = self._items.get(work)
        if not items:
            return None
        key = next(reversed(items) if work.newest_first else iter(items))
        return key, items[key]

    def left(self) -> Iterator[tuple[str, Any]]:
        """(kind of work, item) of all that is not done."""
        return ((work.name, item) for work, items in self._items.items() for item in items)

    def clear(self) -> None:
        """Drop all items: whoever folds a journal finds the reactions in it."""
        for items in self._items.values():
            items.clear()
