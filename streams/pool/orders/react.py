"""Reactions of orders: goods rung up move once, broken holds and open goods go elsewhere, time ends the rest."""

from schemas.types.journal import Fact
from schemas.types.orders import Decision, Hold, OrderChanged, OrderChangeKind, OrderRow
from schemas.types.stock import SaleRecorded
from schemas.types.tasks import TaskRow
from streams.pool.aggregate import Trigger
from streams.pool.journal.facts import ORDER_CHANGED, TASK_CHANGED
from streams.pool.orders.allocating import REROUTES_USED_UP, allocate_open, leave_open_unfilled, today
from streams.pool.orders.holds import (
    CONFIRMED,
    PICKED,
    TENTATIVE,
    close,
    close_if_done,
    fail_lines,
    held_milli,
    leave_unfilled,
    open_milli,
    reduce,
    release,
    rung_up_whole,
)
from streams.pool.orders.index import ORDERS
from streams.pool.orders.moving import move_late
from streams.pool.orders.reports import NOT_COLLECTED
from streams.pool.orders.ring_up import ring_up
from streams.pool.orders.rows import indexed_order
from streams.pool.orders.tasks import tasks_for, tasks_of_goods_gone
from streams.pool.state.lent import LENT
from streams.pool.state.pool_state import PoolState
from streams.pool.state.reaction_limit import STOPPED, TOO_MANY_REACTIONS
from streams.pool.state.shelf import ShelfKey
from streams.pool.state.strain import why_strained
from streams.pool.tasks.react import due_task
from streams.pool.tasks.rows import PICK, PUT_BACK, end_task


def ring_up_order(state: PoolState, name: str, sale: SaleRecorded, trigger: Trigger) -> Fact:
    """Goods of the order that a till rang up, or voided."""
    order = indexed_order(state, name)
    order = {**order, "holds": rung_up_whole(ring_up(order, sale))}
    return _change(
        state, "sold_at_till", "", order, trigger.now_ms, None, tasks_of_goods_gone(state, order, trigger.now_ms)
    )


def break_hold(state: PoolState, key: ShelfKey, _: None, trigger: Trigger) -> Fact | None:
    """Break a hold on a shelf that has less than is held: the newest tentative one first, confirmed ones last.

    What is lent to other pools gives way before. Picked goods lie apart and are not broken: what is missing then is a
    discrepancy of the books.
    """
    _pool, sku, store = key
    shelf = state.shelves.get(key)
    if shelf is None or shelf.held_milli <= shelf.on_hand_milli:
        return None
    candidates: list[tuple[bool, int, str, Hold]] = []
    picked_milli = 0
    for name in sorted(state[ORDERS].holding.get((sku, store), ())):
        for hold in indexed_order(state, name)["holds"]:
            if (hold["sku"], hold["store"]) != (sku, store) or not held_milli(hold):
                continue
            if hold["state"] == PICKED:
                picked_milli += held_milli(hold)
            else:
                candidates.append((hold["state"] == TENTATIVE, hold["position"], name, hold))
    over_milli = shelf.held_milli - max(shelf.on_hand_milli, picked_milli) - state[LENT].milli(sku, store)
    if over_milli <= 0 or not candidates:
        return None
    _tentative, _position, name, victim = max(candidates, key=lambda one: one[:3])
    step = 1000 if state.config.items[sku]["unit"] == "each" else 1
    part = min(held_milli(victim), -(-over_milli // step) * step)
    order, reason = indexed_order(state, name), why_strained(key, trigger.kind)
    holds = reduce(order["holds"], lambda hold: part if hold is victim else 0)
    after = fail_lines({**order, "holds": holds}, {victim["line_id"]: part}, store, reason, comes_back=True)
    return _change(state, "broken", reason, after, trigger.now_ms)


def reroute(state: PoolState, name: str, _: None, trigger: Trigger) -> Fact:
    """Allocate anew what is open of an order, or leave it unfilled."""
    order, now_ms = indexed_order(state, name), trigger.now_ms
    reason = _why_open(order)
    if order["for_pool"] is not None:  # its own pool looks for another store
        return _change(state, "unfilled", reason, leave_unfilled(order, open_milli(order), reason), now_ms)
    if order["reroutes"] >= state.config.pool["reroutes_max"]:
        unfilled = leave_open_unfilled(state, order, REROUTES_USED_UP, now_ms)
        return _change(state, "unfilled", reason, unfilled.order, now_ms, unfilled.decision)
    allocated = allocate_open(state, {**order, "reroutes": order["reroutes"] + 1}, now_ms)
    kind: OrderChangeKind = "rerouted" if allocated.is_placed else "unfilled"
    return _change(state, kind, reason, allocated.order, now_ms, allocated.decision)


def _why_open(order: OrderRow) -> str:
    """Of the first open line: why its last store failed."""
    wanted = open_milli(order)
    failed = [line for line in order["lines"] if line["line_id"] in wanted and line["declined_by"]]
    return failed[0]["declined_by"][-1]["reason"] if failed else ""


def expire(state: PoolState, name: str, trigger: Trigger) -> Fact:
    """End an order that nobody confirmed in time."""
    order, kept_ms = indexed_order(state, name), state.config.pool["ended_retention_ms"]
    return _change(state, "expired", "not_confirmed", close(order, "expired", trigger.now_ms, kept_ms), trigger.now_ms)


def end_late_task(state: PoolState, name: str, trigger: Trigger) -> Fact | None:
    """End an order's task that is overdue: a pick goes to another store, goods that nobody collects to the shelf."""
    task, now_ms = due_task(state, name), trigger.now_ms
    if task["order"] is None or task["kind"] == PUT_BACK or task["due_ms"] > state.row["clock_ms"]:
        return None
    is_pick = task["kind"] == PICK
    kind: OrderChangeKind = "late" if is_pick else NOT_COLLECTED
    held_as = CONFIRMED if is_pick else PICKED
    order, store = indexed_order(state, task["order"]), task["store"]

    def is_late(hold: Hold) -> bool:
        return (hold["store"], hold["state"]) == (store, held_as)

    failed: dict[str, int] = {}
    for hold in filter(is_late, order["holds"]):
        if held_milli(hold):
            failed[hold["line_id"]] = failed.get(hold["line_id"], 0) + held_milli(hold)
    order = {**order, "holds": release(order["holds"], is_late)}
    order = fail_lines(order, failed, store, kind, comes_back=is_pick)
    late = end_task(state, task, "late", kind, now_ms)
    return _change(state, kind, "not_done" if is_pick else "", order, now_ms, None, {task["task"]: late})


def move_late_appointment(state: PoolState, name: str, trigger: Trigger) -> Fact:
    """Move an appointment that begins while its goods are not ready."""
    order, _, store = name.partition("/")
    moved = move_late(state, indexed_order(state, order), store, trigger.now_ms)
    return _change(state, "moved", "not_ready", moved, trigger.now_ms)


def subject(fact: Fact) -> str | None:
    """The order that a reaction is about."""
    if fact[0] == ORDER_CHANGED:
        return fact[1]["order"]["order"]
    return fact[1]["tasks"][0]["order"] if fact[0] == TASK_CHANGED else None


def stop(state: PoolState, fact: Fact, now_ms: int) -> Fact:
    """End what would move the order once more: nothing is held for it any more, and it asks for nothing."""
    order = indexed_order(state, subject(fact) or "")
    order = {**order, "holds": release(order["holds"])}
    order = leave_unfilled(order, open_milli(order), TOO_MANY_REACTIONS)
    return _change(state, STOPPED, TOO_MANY_REACTIONS, order, now_ms)


def _change(
    state: PoolState, kind: OrderChangeKind, reason: str, order: OrderRow, now_ms: int,
    decision: Decision | None = None, ended_tasks: dict[str, TaskRow] | None = None,
) -> Fact:  # fmt: skip
    order = close_if_done({**order, "position": state.next_position}, now_ms, state.config.pool["ended_retention_ms"])
    fact: OrderChanged = {
        "kind": kind, "reason": reason, "order": order, "tasks": tasks_for(state, order, now_ms, ended_tasks),
        "decision": decision, "day": today(state, now_ms),
    }  # fmt: skip
    return ORDER_CHANGED, fact
