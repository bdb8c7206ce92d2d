"""No input is followed up for ever: of each order, task, transfer, loan and use so many entries, and then its end.

Whatever a bug has move in circles stops within its input, by an entry that says so; everything else goes on.
"""

from collections import Counter

from streams.pool.journal.facts import LENDING_CHANGED, ORDER_CHANGED, TRANSFER_CHANGED, Fact
from streams.pool.lending.loans import row_name

REACTIONS_MAX = 200
"""Entries that one input may bring about one thing. An order of 30 lines at three stores needs a hundred at most."""
STOPPED = "stopped"
"""The kind of the entry that ends what moved in circles."""
TOO_MANY_REACTIONS = "too_many_reactions"
"""Its reason."""


class ReactionLoopError(RuntimeError):
    """A reaction goes on after it was stopped, within the same input. The partition stops before that input."""


class ReactionLimit:
    """Counts what follows from one input."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def is_too_much(self, fact: Fact) -> bool:
        """Must the thing that `fact` is about be stopped instead? Raises ReactionLoopError when it was already."""
        about = _about(fact)
        self._counts[about] += 1
        if self._counts[about] > REACTIONS_MAX + 1:
            raise ReactionLoopError(f"{' '.join(about)} was stopped after {REACTIONS_MAX} follow-ups, and moves on")
        return self._counts[about] > REACTIONS_MAX


def _about(fact: Fact) -> tuple[str, str]:
    """(what it is, its name); a recount is known by its place, for each anew has another name."""
    kind, fields = fact
    if kind == ORDER_CHANGED:
        return "order", fields["order"]["order"]
    if kind == TRANSFER_CHANGED:
        return "transfer", fields["transfer"]["transfer"]
    if kind == LENDING_CHANGED:
        is_loan = fields["draw"] is None
        return ("loan", row_name(fields["loans"][-1])) if is_loan else ("draw", row_name(fields["draw"]))
    task = fields["tasks"][0]
    for what in ("order", "transfer"):
        if task[what] is not None:
            return what, task[what]
    return "recount", f"{task['store']}/{task['lines'][0]['sku']}"
