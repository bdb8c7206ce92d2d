"""Rows that are asked for all the time and seldom change, decoded once."""

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_KEPT_MAX = 100_000


class Memo:
    """A memory of what was made of a table's rows, until any of them changes. Thread-safe.

    What is kept belongs to all who asked: none may change it.
    """

    def __init__(self) -> None:
        self._version = 0
        self._kept: dict[Any, Any] = {}

    def changed(self) -> None:
        """Rows are others now."""
        self._version += 1
        self._kept = {}

    def get(self, key: object, make: Callable[[], T]) -> T:
        """What `make` returns, or returned since the last change."""
        kept, version = self._kept, self._version
        if key in kept:
            found: T = kept[key]
            return found
        made = make()
        if version == self._version and len(kept) < _KEPT_MAX:
            kept[key] = made
        return made
