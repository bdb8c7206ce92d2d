"""Planted bugs of restock: each loses, repeats or invents something, and the simulation must notice."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from streams.restock import processor
from streams.restock.history.learning import Learner
from streams.restock.history.pool import PoolHistory

Plant = Callable[[pytest.MonkeyPatch], None]


def _replace(where: Any, name: str, change: Callable[[Any], Any]) -> Plant:
    """Plants what `change` makes of the name's value."""
    return lambda patch: patch.setattr(where, name, change(getattr(where, name)))


def _of_any_status(answer: Any) -> Any:
    def answered(proposal: Any, item: Any, said: Any, at_ms: int) -> Any:
        return answer(proposal and {**proposal, "status": "open"}, item, said, at_ms)

    return answered


def _of_any_version(answer: Any) -> Any:
    def answered(proposal: Any, item: Any, said: Any, at_ms: int) -> Any:
        return answer(proposal, item, {**said, "version": proposal["version"]} if proposal else said, at_ms)

    return answered


def _without_pledges(plan: Any) -> Any:
    return lambda history, ahead, runs, _pledged: plan(history, ahead, runs, {})


def _deaf_to_revisions(move: Any) -> Any:
    return lambda self, movement, handed_milli: None if movement.is_undone else move(self, movement, handed_milli)


def _without_a_budget(plan: Any) -> Any:
    def planned(history: Any, ahead: Any, *more: Any) -> Any:
        return plan(history, replace(ahead, settings={**ahead.settings, "budget_minor": 1 << 40}), *more)

    return planned


def _without_nights(load_row: Any) -> Any:
    return lambda self, row: load_row(self, {**row, "planned_days": {}})


OF_RESTOCK: dict[str, Plant] = {
    "an answered proposal takes another answer": _replace(processor, "answer", _of_any_status),
    "a superseded proposal takes an answer": _replace(processor, "answer", _of_any_version),
    "what neighbours count on is offered again": _replace(processor, "plan", _without_pledges),
    "restock's books forget what is taken back": _replace(PoolHistory, "move", _deaf_to_revisions),
    "a store spends what it likes": _replace(processor, "plan", _without_a_budget),
    "what needs nothing stays proposed": _replace(processor, "withdrawn", lambda _: lambda known, _at_ms: known),
    "what was learned is not kept": _replace(Learner, "_keep", lambda _: lambda _self: None),
    "a restart forgets which night was planned": _replace(PoolHistory, "load_row", _without_nights),
}
