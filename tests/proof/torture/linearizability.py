"""Is a history of concurrent operations linearizable? Wing and Gong's search with Lowe's memory of what was tried.

A port of the search in Porcupine (Anish Athalye, https://github.com/anishathalye/porcupine, checker.go, MIT licence):
J. M. Wing, C. Gong, "Testing and Verifying Concurrent Objects", 1993; G. Lowe, "Testing for Linearizability", 2017;
A. Horn, D. Kroening, "Faster linearizability checking via P-compositionality", 2015. PyPI has no such package. What is
other than there: an operation may have several outcomes; one that was never answered may take effect at any time after
its call, or never; among equal ones of these the earliest call goes first, which loses no order that another would
give; and candidates are tried in the order of their answers, which is where a right history is found at once. The
verdict does not depend on that.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

HEAD = 0


@dataclass(frozen=True)
class Operation:
    """What a client asked for and heard, between two times of one clock; `returned` is None while it is open."""

    called: int
    returned: int | None
    what: Hashable


class Model(Protocol):
    """The object, as one client at a time would see it. States are hashable and never changed in place."""

    def first(self) -> Hashable:
        """The state before all operations."""
        ...

    def after(self, state: Any, what: Any) -> Iterable[Hashable]:
        """Each state that the operation may leave behind; none when its answer cannot be given here."""
        ...


class Outcome(StrEnum):
    linearizable = "linearizable"
    not_linearizable = "not linearizable"
    undecided = "undecided"


@dataclass(frozen=True)
class Verdict:
    """`order` has the operations' places in an order that explains the history, or in the longest that was found.

    `stuck` are those that could come next there and that no state allows, the earliest answer first.
    """

    outcome: Outcome
    order: tuple[int, ...]
    stuck: tuple[int, ...]
    states_tried: int


def check(operations: Sequence[Operation], model: Model, states_max: int = 2_000_000) -> Verdict:
    """Find one order of the operations that `model` allows and in which what ended before another began comes first.

    Undecided when `states_max` states were tried without an end.
    """
    return _Search(operations, model).run(states_max)


class _Search:
    """Calls and answers not placed yet are a doubly linked list in order of time; entry 0 is its head."""

    def __init__(self, operations: Sequence[Operation], model: Model) -> None:
        self._operations, self._model = operations, model
        entries = [(one.called, 0, at) for at, one in enumerate(operations)]
        entries += [(one.returned, 1, at) for at, one in enumerate(operations) if one.returned is not None]
        entries.sort()  # of equal times calls come first: these operations are concurrent
        self._whose = [-1, *(at for _, _, at in entries)]
        self._is_return = [False, *(bool(kind) for _, kind, _ in entries)]
        self._next = [*range(1, len(entries) + 1), HEAD]
        self._previous = [len(entries), *range(len(entries))]
        self._entries_of: list[list[int]] = [[] for _ in operations]
        for entry, at in enumerate(self._whose[1:], start=1):
            self._entries_of[at].append(entry)
        self._answers_left = sum(one.returned is not None for one in operations)
        self._tried: set[tuple[int, Hashable]] = set()

    def run(self, states_max: int) -> Verdict:
        order: list[int] = []
        longest: tuple[int, ...] = ()
        stuck: tuple[int, ...] = tuple(self._candidates())
        stack = [self._choices(0, self._model.first())]
        placed = 0
        while self._answers_left:
            if len(self._tried) > states_max:
                return Verdict(Outcome.undecided, longest, stuck, len(self._tried))
            choice = next(stack[-1], None)
            if choice is not None:
                at, state = choice
                order.append(at)
                placed |= 1 << at
                self._lift(at)
                stack.append(self._choices(placed, state))
                continue
            stack.pop()
            if len(order) > len(longest):
                longest, stuck = tuple(order), tuple(self._candidates())
            if not order:
                return Verdict(Outcome.not_linearizable, longest, stuck, len(self._tried))
            at = order.pop()
            placed &= ~(1 << at)
            self._put_back(at)
        return Verdict(Outcome.linearizable, tuple(order), (), len(self._tried))

    def _choices(self, placed: int, state: Hashable) -> Iterator[tuple[int, Hashable]]:
        """What may come next and was not tried with the same operations placed and in the same state."""
        for at in self._candidates():
            with_it = placed | 1 << at
            for after in self._model.after(state, self._operations[at].what):
                if (with_it, after) not in self._tried:
                    self._tried.add((with_it, after))
                    yield at, after

    def _candidates(self) -> list[int]:
        """Operations that were called before any that is not placed yet was answered."""
        answered, unanswered, alike = [], [], set()
        entry = self._next[HEAD]
        while entry != HEAD and not self._is_return[entry]:
            at = self._whose[entry]
            one = self._operations[at]
            if one.returned is not None:
                answered.append((one.returned, at))
            elif one.what not in alike:
                alike.add(one.what)
                unanswered.append(at)
            entry = self._next[entry]
        return [at for _, at in sorted(answered)] + unanswered

    def _lift(self, at: int) -> None:
        for entry in self._entries_of[at]:
            self._next[self._previous[entry]] = self._next[entry]
            self._previous[self._next[entry]] = self._previous[entry]
        self._answers_left -= self._operations[at].returned is not None

    def _put_back(self, at: int) -> None:
        for entry in reversed(self._entries_of[at]):
            self._next[self._previous[entry]] = entry
            self._previous[self._next[entry]] = entry
        self._answers_left += self._operations[at].returned is not None
