"""Reactions of transfers: goods that a till sold break what is kept for them, and time ends what nobody does."""

from schemas.types.journal import Fact
from schemas.types.tasks import TaskRow
from schemas.types.transfers import TransferChanged, TransferChangeKind, TransferLine, TransferRow
from streams.pool.aggregate import Trigger
from streams.pool.journal.facts import TASK_CHANGED, TRANSFER_CHANGED
from streams.pool.state.pool_state import PoolState
from streams.pool.state.reaction_limit import STOPPED, TOO_MANY_REACTIONS
from streams.pool.state.shelf import ShelfKey
from streams.pool.state.strain import why_strained
from streams.pool.tasks.react import due_task
from streams.pool.tasks.rows import end_task
from streams.pool.transfers.change import change
from streams.pool.transfers.index import TRANSFERS
from streams.pool.transfers.rows import TRANSFER_OUT, find_transfer, in_transit_milli


def break_transfer(state: PoolState, key: ShelfKey, _: None, trigger: Trigger) -> Fact | None:
    """Break what is kept for the newest transfer on a shelf that has less than is held, before any order's hold."""
    _pool, sku, store = key
    shelf = state.shelves.get(key)
    names = state[TRANSFERS].holding.get((sku, store))
    if shelf is None or not names or shelf.held_milli <= shelf.on_hand_milli:
        return None
    row = max((_transfer(state, name) for name in names), key=lambda one: (one["placed_at_ms"], one["transfer"]))
    step = 1000 if state.config.unit(sku) == "each" else 1
    over_milli = -(-(shelf.held_milli - max(shelf.on_hand_milli, 0)) // step) * step
    lines: list[TransferLine] = [
        {**line, "held_milli": max(line["held_milli"] - over_milli, 0)} if line["sku"] == sku else line
        for line in row["lines"]
    ]
    after: TransferRow = {**row, "lines": lines, "reason": why_strained(key, trigger.kind)}
    return _change(state, "broken", row, after, trigger.now_ms)


def end_late_task(state: PoolState, name: str, trigger: Trigger) -> Fact | None:
    """End a transfer's task that is overdue: what was not shipped is called off; what has not come is lost."""
    task = due_task(state, name)
    if task["transfer"] is None or task["due_ms"] > state.row["clock_ms"]:
        return None
    row, now_ms = _transfer(state, task["transfer"]), trigger.now_ms
    ended = {task["task"]: end_task(state, task, "late", "not_done", now_ms)}
    if task["kind"] == TRANSFER_OUT:
        after: TransferRow = {**row, "is_shipment_reported": True, "reason": "late"}
        return _change(state, "not_shipped", row, after, now_ms, ended)
    return _change(state, "lost", row, {**row, "lines": _lose(row)}, now_ms, ended)


def subject(fact: Fact) -> str | None:
    """The transfer that a reaction is about."""
    if fact[0] == TRANSFER_CHANGED:
        return fact[1]["transfer"]["transfer"]
    return fact[1]["tasks"][0]["transfer"] if fact[0] == TASK_CHANGED else None


def stop(state: PoolState, fact: Fact, now_ms: int) -> Fact:
    """End the transfer that moves in circles: nothing is kept for it, and what is on its way counts as lost."""
    row = _transfer(state, subject(fact) or "")
    after: TransferRow = {
        **row, "lines": _lose(row), "is_shipment_reported": True, "reason": TOO_MANY_REACTIONS,
    }  # fmt: skip
    return _change(state, STOPPED, row, after, now_ms)


def _lose(row: TransferRow) -> list[TransferLine]:
    return [{**line, "lost_milli": line["lost_milli"] + in_transit_milli(line)} for line in row["lines"]]


def _transfer(state: PoolState, name: str) -> TransferRow:
    row = find_transfer(state, name)
    if row is None:
        raise LookupError(f"transfer {name} is indexed and has no row")
    return row


def _change(
    state: PoolState, kind: TransferChangeKind, before: TransferRow, after: TransferRow, now_ms: int,
    ended: dict[str, TaskRow] | None = None,
) -> Fact:  # fmt: skip
    changed = change(state, before, after, now_ms, now_ms, (), ended)
    fact: TransferChanged = {
        "kind": kind, "reason": after["reason"], "transfer": changed.transfer, "tasks": changed.tasks,
        "corrections": changed.corrections, "discrepancies": changed.discrepancies,
    }  # fmt: skip
    return TRANSFER_CHANGED, fact
