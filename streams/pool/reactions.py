"""Reactions to an entry: `following(state, fact)`. Pure.

Within one input, first the goods that a till rang up for an order, then holds that the books no longer cover, then
recounts of books in doubt, then open goods allocated anew, then what other pools are told, then whatever the pool's
clock makes due. All of it is found from the rows, so a replay finds the same. What moves in circles is stopped.
"""

from collections.abc import Iterator
from typing import Any

from streams.pool.journal.facts import (
    LENDING_CHANGED,
    ORDER_CHANGED,
    SALE_RECORDED,
    STOCK_REPORT_RECORDED,
    TASK_CHANGED,
    TRANSFER_CHANGED,
    Fact,
    Fields,
)
from streams.pool.lending.loans import is_elsewhere
from streams.pool.lending.react import look_at_quotas, next_lending, stopped_lending
from streams.pool.orders.allocating import REROUTES_USED_UP, allocate_open, give_up_open, today
from streams.pool.orders.holds import (
    CONFIRMED,
    PICKED,
    TENTATIVE,
    ended,
    fail_lines,
    give_up,
    held_milli,
    open_milli,
    released,
    settled,
    without,
)
from streams.pool.orders.index import ORDER
from streams.pool.orders.reports import NOT_COLLECTED
from streams.pool.orders.ring_up import orders_rung_up, rung_up
from streams.pool.state.pool_state import PoolState, ShelfKey
from streams.pool.state.reaction_limit import STOPPED, TOO_MANY_REACTIONS, ReactionLimit
from streams.pool.tasks.rows import (
    HAND_OVER,
    PICK,
    RECOUNT_ESCALATIONS_MAX,
    end_task,
    escalated,
    recount_task,
    tasks_after,
    unclaimed,
)
from streams.pool.transfers.react import broken_transfer, overdue_transfer, stopped_transfer

Row = dict[str, Any]


def following(state: PoolState, fact: Fact, now_ms: int) -> Iterator[Fact]:
    """All that follows from `fact`, just folded. Each must be folded before the next is asked for."""
    kind, fields = fact
    if kind == SALE_RECORDED:
        for name in orders_rung_up(fields):
            yield _rung_up(state, name, fields, now_ms)
    elif kind == STOCK_REPORT_RECORDED and state.order_index.recounts:
        counted = [line["sku"] for line in fields["counted"] if line["applied"]]
        yield from _recounted(state, fields["event"]["store"], counted, now_ms)
    look_at_quotas(state, fact)
    guard = ReactionLimit()
    while (moved := _next(state, kind, now_ms)) is not None:
        yield _stopped(state, moved, now_ms) if guard.is_too_much(moved) else moved


def _stopped(state: PoolState, moving: Fact, now_ms: int) -> Fact:
    """The end of what `moving` would move once more: nothing is held for it any more, and it asks for nothing."""
    kind, fields = moving
    if kind == TRANSFER_CHANGED:
        return stopped_transfer(state, fields["transfer"]["transfer"], now_ms)
    if kind == LENDING_CHANGED:
        return stopped_lending(state, fields, now_ms)
    if kind == TASK_CHANGED:
        task = fields["tasks"][0]
        if task["transfer"] is not None:
            return stopped_transfer(state, task["transfer"], now_ms)
        if task["order"] is None:
            ended_task = end_task(state, task, "late", TOO_MANY_REACTIONS, now_ms)
            return TASK_CHANGED, {"kind": STOPPED, "tasks": [ended_task]}
    order = _order(state, fields["order"]["order"] if kind == ORDER_CHANGED else fields["tasks"][0]["order"])
    free = {**order, "holds": released(order["holds"])}
    after = give_up(free, open_milli(free), TOO_MANY_REACTIONS)
    return _moved(state, STOPPED, TOO_MANY_REACTIONS, after, now_ms)


def _next(state: PoolState, kind: str, now_ms: int) -> Fact | None:
    while state.strained:
        key = next(iter(state.strained))
        reason = "called_back" if is_elsewhere(key[2]) else "sold" if kind == SALE_RECORDED else "stock_corrected"
        broken = broken_transfer(state, key, reason, now_ms) or _broken(state, key, reason, now_ms)
        if broken is not None:
            return broken
        del state.strained[key]
        state.lending.look_again(key[1], key[2])
    recount = _doubted(state, now_ms)
    if recount is not None:
        return recount
    unplaced = next(iter(state.order_index.unplaced), None)
    if unplaced is not None:
        return _rerouted(state, _order(state, unplaced), now_ms)
    told = next_lending(state, now_ms)
    if told is not None:
        return told
    due = state.order_index.alarms.due(state.row["clock_ms"])
    if due is None:
        return None
    entity, name = due
    return _expired(state, _order(state, name), now_ms) if entity == ORDER else _overdue(state, name, now_ms)


def _order(state: PoolState, name: str) -> Row:
    order = state.tables.orders.get((state.pool, name))
    if order is None:
        raise LookupError(f"order {name} is indexed and has no row")
    return order


def _moved(
    state: PoolState, kind: str, reason: str, order: Row, now_ms: int,
    decision: Row | None = None, ended_tasks: dict[str, Row] | None = None,
) -> Fact:  # fmt: skip
    order = settled({**order, "position": state.row["position"] + 1}, now_ms, state.catalog.pool["ended_retention_ms"])
    return ORDER_CHANGED, {
        "kind": kind, "reason": reason, "order": order, "tasks": tasks_after(state, order, now_ms, ended_tasks),
        "decision": decision, "day": today(state, now_ms),
    }  # fmt: skip


def _rung_up(state: PoolState, name: str, fields: Fields, now_ms: int) -> Fact:
    order = _order(state, name)
    return _moved(state, "sold_at_till", "", {**order, "holds": rung_up(order, fields)}, now_ms)


def _recounted(state: PoolState, store: str, skus: list[str], now_ms: int) -> Iterator[Fact]:
    tasks = []
    for sku in dict.fromkeys(skus):
        task = state.tables.tasks.get((state.pool, state.order_index.recounts.get((sku, store), "")))
        if task is not None:
            tasks.append(end_task(state, task, "done", "counted", now_ms))
    if tasks:
        yield TASK_CHANGED, {"kind": "counted", "tasks": tasks}


def _doubted(state: PoolState, now_ms: int) -> Fact | None:
    """A recount of the next shelf whose books are in doubt, unless one is under way."""
    while state.doubted:
        (_, sku, store), reason = state.doubted.popitem()
        if store in state.catalog.stores and (sku, store) not in state.order_index.recounts:
            return TASK_CHANGED, {"kind": "opened", "tasks": [recount_task(state, store, sku, reason, now_ms, 1)]}
    return None


def _broken(state: PoolState, key: ShelfKey, reason: str, now_ms: int) -> Fact | None:
    """Holds on a shelf that has less than is held: the newest tentative one first, confirmed ones last.

    What is lent to other pools gives way before. Picked goods lie apart and are not broken: what is missing then is a
    discrepancy of the books.
    """
    _, sku, store = key
    shelf = state.tables.shelves.get(key)
    if shelf is None or shelf.held_milli <= shelf.on_hand_milli:
        return None
    candidates = []
    picked_milli = 0
    for name in sorted(state.order_index.holding.get((sku, store), ())):
        for hold in _order(state, name)["holds"]:
            if (hold["sku"], hold["store"]) != (sku, store) or not held_milli(hold):
                continue
            if hold["state"] == PICKED:
                picked_milli += held_milli(hold)
            else:
                candidates.append((hold["state"] == TENTATIVE, hold["position"], name, hold))
    over_milli = shelf.held_milli - max(shelf.on_hand_milli, picked_milli) - state.lending.lent_milli(sku, store)
    if over_milli <= 0 or not candidates:
        return None
    _, _, name, victim = max(candidates, key=lambda one: one[:3])
    item = state.catalog.items[sku]
    step = 1000 if item["unit"] == "each" else 1
    part = min(held_milli(victim), -(-over_milli // step) * step)
    order = _order(state, name)
    holds = without(order["holds"], lambda hold: part if hold is victim else 0)
    after = fail_lines({**order, "holds": holds}, {victim["line_id"]: part}, store, reason, comes_back=True)
    return _moved(state, "broken", reason, after, now_ms)


def _rerouted(state: PoolState, order: Row, now_ms: int) -> Fact:
    reason = _why_open(order)
    if order["for_pool"] is not None:  # its own pool looks for another store
        return _moved(state, "unfilled", reason, give_up(order, open_milli(order), reason), now_ms)
    if order["reroutes"] >= state.catalog.pool["reroutes_max"]:
        given_up = give_up_open(state, order, REROUTES_USED_UP, now_ms)
        return _moved(state, "unfilled", reason, given_up.order, now_ms, given_up.decision)
    allocated = allocate_open(state, {**order, "reroutes": order["reroutes"] + 1}, now_ms)
    kind = "rerouted" if allocated.is_placed else "unfilled"
    return _moved(state, kind, reason, allocated.order, now_ms, allocated.decision)


def _why_open(order: Row) -> str:
    """Of the first open line: why its last store failed."""
    wanted = open_milli(order)
    failed = [line for line in order["lines"] if line["line_id"] in wanted and line["declined_by"]]
    return str(failed[0]["declined_by"][-1]["reason"]) if failed else ""


def _expired(state: PoolState, order: Row, now_ms: int) -> Fact:
    kept_ms = state.catalog.pool["ended_retention_ms"]
    return _moved(state, "expired", "not_confirmed", ended(order, "expired", now_ms, kept_ms), now_ms)


def _overdue(state: PoolState, name: str, now_ms: int) -> Fact:
    task = state.tables.tasks.get((state.pool, name))
    if task is None:
        raise LookupError(f"task {name} is indexed and has no row")
    clock_ms = state.row["clock_ms"]
    if task["due_ms"] <= clock_ms and task["kind"] in _LATE:
        return _late(state, task, now_ms)
    if task["due_ms"] <= clock_ms and task["transfer"] is not None:
        return overdue_transfer(state, task, now_ms)
    if task["due_ms"] <= clock_ms and task["escalations"] >= RECOUNT_ESCALATIONS_MAX:
        return TASK_CHANGED, {"kind": "late", "tasks": [end_task(state, task, "late", "not_done", now_ms)]}
    if task["due_ms"] > clock_ms and task["status"] == "claimed":
        return TASK_CHANGED, {"kind": "lease_ran_out", "tasks": [unclaimed(state, task)]}
    return TASK_CHANGED, {"kind": "escalated", "tasks": [escalated(state, task, now_ms)]}


_LATE = {PICK: (CONFIRMED, "late"), HAND_OVER: (PICKED, NOT_COLLECTED)}
"""What a task that is overdue was to do something with, and what becomes of it."""


def _late(state: PoolState, task: Row, now_ms: int) -> Fact:
    """A pick goes to another store; goods that nobody collects go back to the shelf."""
    held_as, kind = _LATE[task["kind"]]
    order, store = _order(state, task["order"]), task["store"]

    def is_late(hold: Row) -> bool:
        return (hold["store"], hold["state"]) == (store, held_as)

    failed: dict[str, int] = {}
    for hold in filter(is_late, order["holds"]):
        if held_milli(hold):
            failed[hold["line_id"]] = failed.get(hold["line_id"], 0) + held_milli(hold)
    after = {**order, "holds": released(order["holds"], is_late)}
    after = fail_lines(after, failed, store, kind, comes_back=kind == "late")
    late = end_task(state, task, "late", kind, now_ms)
    return _moved(state, kind, "not_done" if kind == "late" else "", after, now_ms, None, {task["task"]: late})
