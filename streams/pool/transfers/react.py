"""Reactions of transfers: goods that a till sold break what is kept for them, and time ends what nobody does."""

from typing import Any

from streams.pool.journal.facts import TRANSFER_CHANGED, Fact
from streams.pool.state.pool_state import PoolState, ShelfKey
from streams.pool.state.reaction_limit import STOPPED, TOO_MANY_REACTIONS
from streams.pool.tasks.rows import end_task
from streams.pool.transfers.rows import TRANSFER_OUT, in_transit_milli, moved

Row = dict[str, Any]


def broken_transfer(state: PoolState, key: ShelfKey, reason: str, now_ms: int) -> Fact | None:
    """Of a shelf that has less than is held: what is kept for the newest transfer goes first, before any order's."""
    _, sku, store = key
    shelf = state.tables.shelves.get(key)
    names = state.transfer_index.holding.get((sku, store))
    if shelf is None or not names or shelf.held_milli <= shelf.on_hand_milli:
        return None
    row = max((_transfer(state, name) for name in names), key=lambda one: (one["placed_at_ms"], one["transfer"]))
    step = 1000 if state.catalog.unit(sku) == "each" else 1
    over_milli = -(-(shelf.held_milli - max(shelf.on_hand_milli, 0)) // step) * step
    lines = [
        {**line, "held_milli": max(line["held_milli"] - over_milli, 0)} if line["sku"] == sku else line
        for line in row["lines"]
    ]
    return _moved(state, "broken", row, {**row, "lines": lines, "reason": reason}, now_ms)


def overdue_transfer(state: PoolState, task: Row, now_ms: int) -> Fact:
    """A transfer that was not shipped is called off; what has not come is lost."""
    row = _transfer(state, task["transfer"])
    ended = {task["task"]: end_task(state, task, "late", "not_done", now_ms)}
    if task["kind"] == TRANSFER_OUT:
        return _moved(state, "not_shipped", row, {**row, "is_shipment_reported": True, "reason": "late"}, now_ms, ended)
    return _moved(state, "lost", row, {**row, "lines": _lost(row)}, now_ms, ended)


def stopped_transfer(state: PoolState, name: str, now_ms: int) -> Fact:
    """A transfer that moved in circles: nothing is kept for it, and what is on its way counts as lost."""
    row = _transfer(state, name)
    after = {**row, "lines": _lost(row), "is_shipment_reported": True, "reason": TOO_MANY_REACTIONS}
    return _moved(state, STOPPED, row, after, now_ms)


def _lost(row: Row) -> list[Row]:
    return [{**line, "lost_milli": line["lost_milli"] + in_transit_milli(line)} for line in row["lines"]]


def _transfer(state: PoolState, name: str) -> Row:
    row = state.tables.transfers.get((state.pool, name))
    if row is None:
        raise LookupError(f"transfer {name} is indexed and has no row")
    return row


def _moved(
    state: PoolState, kind: str, before: Row, after: Row, now_ms: int, ended: dict[str, Row] | None = None
) -> Fact:
    change = moved(state, before, after, now_ms, now_ms, (), ended)
    return TRANSFER_CHANGED, {"kind": kind, "reason": after["reason"], **change._asdict()}
