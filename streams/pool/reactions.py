"""Reactions to a fact: what must follow within the same input, one fact at a time, until the agenda is empty.

Works are done in the order in which the aggregates declare them: first the goods that a till rang up for an order, then
holds that the books no longer cover, then recounts of books in doubt, then open goods allocated anew, then what other
pools are told, then whatever the pool's clock makes due. All is found from the rows, so a replay finds the same.
"""

from collections.abc import Iterator
from typing import Any

from schemas.types.journal import Fact
from streams.pool.aggregate import Aggregate, Aggregates, Reaction, Trigger
from streams.pool.state.agenda import Work
from streams.pool.state.pool_state import PoolState
from streams.pool.state.reaction_limit import ReactionLimit

DUE_MAX = 500
"""Facts that the clock brings about within one input: a tick at which very many holds expire holds nobody up."""


class Reactions:
    """Finds the reactions of all aggregates."""

    def __init__(self, aggregates: Aggregates) -> None:
        self._aggregates = aggregates.all
        self._steps: list[tuple[Aggregate, list[tuple[Work[Any, Any], list[Reaction[Any, Any]]]]]] = [
            (one, [(work, self._to(work)) for work in one.works]) for one in self._aggregates
        ]

    def _to(self, work: Work[Any, Any]) -> list[Reaction[Any, Any]]:
        return [reaction for one in self._aggregates for reaction in one.reactions if reaction.work is work]

    def follow(self, state: PoolState, trigger: Trigger) -> Iterator[Fact]:
        """All that follows in the pool. Each fact must be folded before the next is asked for.

        Of what the clock makes due an input brings about so much at most; the next input goes on with the rest.
        """
        limit = ReactionLimit()
        due_left = DUE_MAX
        while True:
            fact, is_due = self._next(state, trigger, due_left)
            if fact is None:
                state.may_be_due = not due_left
                return
            due_left -= is_due
            about, subject = self._subject(fact)
            if not limit.is_too_much(f"{about.name} {subject}"):
                yield fact
            elif about.stop is None:
                raise LookupError(f"{about.name} cannot stop {subject}")
            else:
                yield about.stop(state, fact, trigger.now_ms)

    def _next(self, state: PoolState, trigger: Trigger, due_left: int) -> tuple[Fact | None, bool]:
        """The next fact, and whether it is the clock that brings it about."""
        for aggregate, works in self._steps:
            for work, reactions in works:
                fact = _work_off(state, work, reactions, trigger)
                if fact is not None:
                    return fact, False
            if due_left and aggregate.next_due is not None:
                fact = aggregate.next_due(state, trigger)
                if fact is not None:
                    return fact, True
        return (self._due(state, trigger) if due_left else None), True

    def _due(self, state: PoolState, trigger: Trigger) -> Fact | None:
        due = state.alarms.due(state.row["clock_ms"])
        if due is None:
            return None
        kind, name = due
        for aggregate in self._aggregates:
            fact = aggregate.due[kind](state, name, trigger) if kind in aggregate.due else None
            if fact is not None:
                return fact
        raise LookupError(f"{kind} {name} is due, and no aggregate does anything about it")

    def _subject(self, fact: Fact) -> tuple[Aggregate, str]:
        for aggregate in self._aggregates:
            subject = aggregate.subject(fact)
            if subject is not None:
                return aggregate, subject
        raise LookupError(f"no aggregate knows what {fact[0]} is about")


def _work_off(
    state: PoolState, work: Work[Any, Any], reactions: list[Reaction[Any, Any]], trigger: Trigger
) -> Fact | None:
    """The next fact about a kind of work; items without one are taken off the agenda."""
    agenda = state.agenda
    while (item := agenda.next(work)) is not None:
        key, known = item
        for reaction in reactions:
            fact = None if reaction.react is None else reaction.react(state, key, known, trigger)
            if fact is not None:
                return fact
        agenda[work].pop(key, None)
        for reaction in reactions:
            if reaction.when_done is not None:
                reaction.when_done(state, key)
    return None
