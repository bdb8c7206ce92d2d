"""Planted bugs: each breaks one of the pool's promises in its decisions, and the auditor must notice.

The engine's are in `tests.proof.faults.mutants`. A bug is planted by replacing a name in a module for one test.
"""

from collections.abc import Callable
from typing import Any

import pytest

from streams.pool import processor
from streams.pool.journal.elsewhere import LENDER
from streams.pool.lending import decide as lending_decide
from streams.pool.lending import fold as lending_fold
from streams.pool.lending import react as lending_react
from streams.pool.lending.rows import find_loan, lent_milli, name_of_loan
from streams.pool.orders import allocating, holds, react, reports, requests, ring_up
from streams.pool.orders import fold as order_fold
from streams.pool.orders import index as order_index
from streams.pool.orders import tasks as order_tasks
from streams.pool.pickup import fold as pickup_fold
from streams.pool.pickup import learning, slots
from streams.pool.pickup.preparation import AS_DECLARED
from streams.pool.settings import clock, membership
from streams.pool.state import dedup, shelf, tables
from streams.pool.state.shelf import Shelf
from streams.pool.stock import decide, fold
from streams.pool.tasks import index as task_index
from streams.pool.tasks import reports as task_reports
from streams.pool.transfers import change as transfer_change
from streams.pool.transfers import react as transfer_react
from streams.pool.transfers import requests as transfer_requests
from streams.pool.transfers import rows as transfers
from tests.support.pool import plant

Row = dict[str, Any]
Plant = Callable[[pytest.MonkeyPatch], None]


def _replace(where: Any, name: str, change: Callable[[Any], Any]) -> Plant:
    """Plants what `change` makes of the name's value."""
    return lambda patch: patch.setattr(where, name, change(getattr(where, name)))


def _answer(where: Any, name: str, value: Any) -> Plant:
    """Plants a function that gives `value`, whatever it is asked."""
    return lambda patch: patch.setattr(where, name, lambda *_, **__: value)


def _no_reaction(react_to: Any) -> Plant:
    """Plants an aggregate that never reacts so."""
    return lambda patch: plant(patch, react_to, lambda *_: None)


def _never_seen(look_up: Any) -> Any:
    return lambda self, kind, event: dedup.Known(look_up(self, kind, event).key, None)


def _count_forgets_what_came_later(fold_counted: Any) -> Any:
    def counted(pool: Any, fields: Row, entry: Any) -> None:
        fold_counted(pool, fields, entry)
        for line in fields["counted"]:
            one = pool.shelf(line["sku"], fields["event"]["store"])
            if one is not None and line["applied"]:
                one.on_hand_milli = one.counted_milli

    return counted


def _moves_before_the_count(_: Any) -> Any:
    def move(self: Shelf, occurred_at_ms: int, delta_milli: int) -> None:
        self.on_hand_milli += delta_milli
        self.recent += shelf.MOVEMENT.pack(occurred_at_ms, delta_milli)

    return move


def _ignores_held(available: Any) -> Any:
    return lambda one, terms, released_milli=0: available(one, terms, released_milli + one.held_milli)


def _ignores_safety(available: Any) -> Any:
    return lambda one, terms, released=0: available(one, terms and (*terms[:2], 0), released)


def _plant_clock_that_goes_back(patch: pytest.MonkeyPatch) -> None:
    def folded(pool: Any, tick: Any, entry: Any) -> None:
        clock.fold_tick(pool, tick, entry)
        pool.row["clock_ms"] = tick["at_ms"]

    plant(patch, clock.fold_tick, folded)


def _plant_no_alarm(kind: str, index: Any) -> Plant:
    """Nothing of that kind is ever due; what has ended is forgotten as it should."""

    def planted(put: Any) -> Any:
        def quiet(self: Any, *rows: Any) -> None:
            put(self, *rows)
            self.alarms.set((kind, rows[-1][kind]), None)

        return quiet

    return _replace(index, "put", planted)


def _plant_undamaged(patch: pytest.MonkeyPatch) -> None:
    def decided(*arguments: Any) -> Any:
        fact = reports.decide_report(*arguments)
        if fact is not None:
            kept = [one for one in fact[1]["corrections"] if one["kind"] != "damaged"]
            fact = fact[0], {**fact[1], "corrections": kept}
        return fact

    plant(patch, reports.decide_report, decided)


def _forgiving(fail: Any) -> Any:
    def failed(order: Row, *arguments: Any, **options: Any) -> Row:
        after = fail(order, *arguments, **options)
        return {**after, "lines": [{**line, "declined_by": []} for line in after["lines"]]}

    return failed


def _without_shelves(drain: Any) -> Any:
    def drained(self: Any) -> Any:
        return (row for row in drain(self) if not (row[0].startswith("shelf/") and sum(row[1] or b"") % 7 == 0))

    return drained


def _skipping(apply: Any) -> Any:
    return lambda self, record: None if record.offset % 50 == 49 else apply(self, record)


def _repeating(apply: Any) -> Any:
    def applied(self: Any, record: Any) -> None:
        apply(self, record)
        if record.offset % 50 == 49:
            apply(self, record)

    return applied


def _lends_without_holding(put: Any) -> Any:
    def put_loan(pool: Any, loan: Row, *at: int) -> None:
        before = find_loan(pool, name_of_loan(loan))
        put(pool, loan, *at)
        if loan["side"] == LENDER:
            one = pool.shelf(loan["sku"], loan["store"])
            one.held_milli -= lent_milli(loan) - (0 if before is None else lent_milli(before))

    return put_loan


def _plant_no_returns(patch: pytest.MonkeyPatch) -> None:
    for where in (lending_decide, lending_react):
        patch.setattr(where, "give_back", lambda _, loan: loan)


def _plant_sent_once(patch: pytest.MonkeyPatch) -> None:
    for name in ("send_loan", "send_draw"):
        _replace(lending_react, name, lambda send: lambda *row, **_: send(*row, waits=False))(patch)


def _plant_nothing_arrives(patch: pytest.MonkeyPatch) -> None:
    for where in (transfers, transfer_change):
        patch.setattr(where, "arrived_milli", lambda _: 0)


OF_LENDING: dict[str, Plant] = {
    "what is lent is free at home, too": _replace(lending_fold, "_put_loan", _lends_without_holding),
    "what was lent never returns": _plant_no_returns,
    "what is lent and sold is not called back": _answer(lending_react, "_covered_milli", None),
    "what another pool did not hear is not told again": _plant_sent_once,
}
"""Found in lives of two pools that lend."""
MUTANTS: dict[str, Plant] = {
    "duplicates are taken again": _replace(dedup.Dedup, "look_up", _never_seen),
    "a plain sale is never a repeat": _answer(dedup.Dedup, "place_of", None),
    "a revision does not take back what it revises": _answer(decide, "undone", []),
    "a count forgets what came after it": _replace(fold, "_fold_counted", _count_forgets_what_came_later),
    "a movement before the count is added": _replace(Shelf, "move", _moves_before_the_count),
    "a return takes goods away": _replace(decide, "SALE_SIGN", lambda signs: {**signs, "return": -1}),
    "late facts are taken": _answer(decide, "_refuse", None),
    "a contradiction is taken for a repeat": _answer(decide, "_says_the_same", True),
    "the clock goes back": _plant_clock_that_goes_back,
    "held goods are promised again": _replace(allocating, "available_milli", _ignores_held),
    "safety stock is promised": _replace(allocating, "available_milli", _ignores_safety),
    "a transfer keeps more than its sender lends": _answer(transfer_requests, "_check_available", None),
    "a till's sale breaks no hold": _no_reaction(react.break_hold),
    "the shelf does not follow what is held": _answer(order_fold, "_hold", None),
    "tentative holds never expire": _plant_no_alarm("order", order_index.OrderIndex),
    "tasks are never late": _plant_no_alarm("task", task_index.TaskIndex),
    "a repeated request is taken again": _answer(requests, "is_repeated", False),
    "a report may come on a task that has ended": _replace(
        task_reports, "LIVE_TASK", lambda live: (*live, "done", "late", "cancelled", "refused")
    ),
    "a hand-over moves nothing": _answer(reports, "held_milli", 0),
    "damaged goods stay on the shelf": _plant_undamaged,
    "goods rung up move twice": _replace(ring_up, "ring", lambda _: lambda held, *_: (held, 0, 0)),
    "a refusing store is asked again": _replace(react, "fail_lines", _forgiving),
    "released goods stay held": _replace(holds, "release", lambda _: lambda held, *_: list(held)),
    "what is short is neither rerouted nor given up": _no_reaction(react.reroute),
    "an order that may not be split is split": _replace(
        allocating, "Case", lambda case: lambda lines, stores, _, *rest: case(lines, stores, True, *rest)
    ),
    "a new order is never looked at again": _replace(
        order_index.OrderIndex, "put", lambda put: lambda self, before, order: put(self, before, order)
        if before is not None or not order["position"] else None,
    ),
    "what has come of a transfer stays on its way": _plant_nothing_arrives,
    "a lost transfer never ends": _answer(transfer_react, "in_transit_milli", 0),
    "a store picks what was not confirmed": _replace(order_tasks, "CONFIRMED", lambda _: "tentative"),
    "a slot is promised to more than it has room for": _answer(slots.SlotSearch, "_has_room", True),
    "the shelf of a place has no end": _answer(slots.SlotSearch, "_most_within_an_hour", 0),
    "appointments do not follow their orders": _answer(pickup_fold, "_follow", None),
    "a slot is promised before its store is usually ready": _answer(slots, "pace_at", AS_DECLARED),
    "a store's nights count as preparation": _replace(
        learning, "opening_time_between", lambda _: lambda *given: max(given[3] - given[2], 0)
    ),
    "a window stays wide when its goods are ready": _replace(pickup_fold, "_narrowed", lambda _: lambda row: row),
    "goods are handed over against any code": _replace(reports, "check_code", lambda _: lambda *given: given[3]),
    "a store never leaves": _answer(membership, "next_turn_ms", None),
    "a record is skipped": _replace(processor.PoolPartition, "apply", _skipping),
    "a record is applied twice": _replace(processor.PoolPartition, "apply", _repeating),
    "a batch leaves no journal": _answer(processor, "_journal_pages", ()),
    "a batch does not tell the shelves that changed": _answer(tables.Tables, "published", ()),
    "some rows of shelves are not written": _replace(tables.Tables, "drain", _without_shelves),
}  # fmt: skip
