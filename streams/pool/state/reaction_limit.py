"""A limit on reactions: of each order, task, transfer, loan and draw so many entries an input, and then its end.

A bug that moves something in circles is stopped within its input, by an entry that says so; everything else goes on.
"""

from collections import Counter
from typing import Final

REACTIONS_MAX = 200
"""Entries that one input may bring about one thing. An order of 30 lines at three stores needs a hundred at most."""
STOPPED: Final = "stopped"
"""The kind of the entry that ends what moved in circles."""
TOO_MANY_REACTIONS: Final = "too_many_reactions"
"""Its reason."""


class ReactionLoopError(RuntimeError):
    """A thing that was stopped goes on moving within the same input. The partition stops before that input."""


class ReactionLimit:
    """Counts the reactions to one input by what they are about."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def is_too_much(self, subject: str) -> bool:
        """Must the thing be stopped instead? Raises ReactionLoopError when it was already."""
        self._counts[subject] += 1
        if self._counts[subject] > REACTIONS_MAX + 1:
            raise ReactionLoopError(f"{subject} was stopped after {REACTIONS_MAX} reactions, and moves on")
        return self._counts[subject] > REACTIONS_MAX
