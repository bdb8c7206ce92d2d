"""Tasks of an order: a store picks what is confirmed there, hands over once all that it keeps is picked, and puts back
what was picked and goes to nobody.
"""

from collections import defaultdict
from collections.abc import Mapping

from schemas.types.orders import OrderRow
from schemas.types.pickup import BookedSlot
from schemas.types.tasks import TaskKind, TaskLine, TaskRow
from streams.pool.journal.elsewhere import is_elsewhere
from streams.pool.orders.holds import COLLECTED, CONFIRMED, PICKED
from streams.pool.orders.rows import find_order
from streams.pool.pickup.index import SLOT_MS, appointment_name
from streams.pool.pickup.rows import find_appointment
from streams.pool.pickup.waiting import eta_of, waits_until_ms
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.index import TASKS
from streams.pool.tasks.opening_hours import time_after
from streams.pool.tasks.rows import (
    HAND_OVER,
    PICK,
    PUT_BACK,
    end_task,
    find_task,
    new_task,
    put_back_due_ms,
    set_lines,
)


def tasks_for(
    state: PoolState, order: OrderRow, now_ms: int, ended: Mapping[str, TaskRow] | None = None,
    gone: Mapping[tuple[str, str], int] | None = None,
) -> list[TaskRow]:  # fmt: skip
    """The tasks that change when the order's row becomes `order`: opened, told other lines, or called off.

    `ended` are tasks that end with the same entry, by id; they come first. `gone` is what of the picked goods was not
    there any more, by line and store: the rest of what is released must be put back.
    """
    done = dict(ended or {})
    wanted, before = _wanted(order), find_order(state, order["order"])
    changed = list(done.values())
    for name in sorted(state[TASKS].of_order.get(order["order"], ())):
        task = find_task(state, name)
        if task is None or name in done or task["kind"] == PUT_BACK:
            continue
        lines = wanted.pop((task["kind"], task["store"]), None)
        if lines is None:
            changed.append(end_task(state, task, "cancelled", order["outcome"] or "rerouted", now_ms))
        elif _slot(before, task["store"]) != _slot(order, task["store"]):
            since_ms = task["opened_at_ms"] if task["kind"] == PICK else now_ms
            due_ms = _due_ms(state, order, task["kind"], task["store"], since_ms)
            changed.append({**set_lines(state, task, lines), "due_ms": due_ms})
        elif lines != task["lines"]:
            changed.append(set_lines(state, task, lines))
    for count, ((kind, store), lines) in enumerate(sorted(wanted.items()), start=1):
        changed.append(_open_task(state, order, kind, store, lines, now_ms, count))
    for store, lines in _to_put_back(before, order, gone or {}).items():
        changed.append(_put_back_task(state, order, store, lines, now_ms, len(changed) + 1))
    return changed


def tasks_of_goods_gone(state: PoolState, order: OrderRow, now_ms: int) -> dict[str, TaskRow]:
    """The order's tasks with nothing left to do since the till rang up all their goods, done; by id."""
    wanted, done = _wanted(order), {}
    for name in sorted(state[TASKS].of_order.get(order["order"], ())):
        task = find_task(state, name)
        if task is not None and task["kind"] in (PICK, HAND_OVER) and (task["kind"], task["store"]) not in wanted:
            done[name] = end_task(state, task, "done", "rung_up", now_ms)
    return done


def _to_put_back(
    before: OrderRow | None, order: OrderRow, gone: Mapping[tuple[str, str], int]
) -> dict[str, list[TaskLine]]:
    """Store → what it had picked for the order, and what nobody gets."""
    lies: dict[tuple[str, str], int] = defaultdict(int)
    for row, sign in ((before, 1), (order, -1)):
        for hold in row["holds"] if row is not None else ():
            if hold["state"] in (PICKED, COLLECTED) and not is_elsewhere(hold["store"]):
                lies[hold["line_id"], hold["store"]] += sign * hold["quantity_milli"]
    skus = {line["line_id"]: line["sku"] for line in order["lines"]}
    found: dict[str, list[TaskLine]] = defaultdict(list)
    for (line_id, store), milli in sorted(lies.items()):
        left = milli - gone.get((line_id, store), 0)
        if left > 0:
            found[store].append({"line_id": line_id, "sku": skus[line_id], "quantity_milli": left})
    return found


def _put_back_task(
    state: PoolState, order: OrderRow, store: str, lines: list[TaskLine], now_ms: int, count: int
) -> TaskRow:
    task = new_task(state, PUT_BACK, store, lines, now_ms, count)
    reason = order["outcome"] or "rerouted"
    return {**task, "order": order["order"], "reason": reason, "due_ms": put_back_due_ms(state, store, now_ms)}


def _wanted(order: OrderRow) -> dict[tuple[TaskKind, str], list[TaskLine]]:
    quantities: dict[tuple[TaskKind, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for hold in order["holds"]:
        if hold["state"] in (CONFIRMED, PICKED) and not is_elsewhere(hold["store"]):  # the lender opens its own
            kind: TaskKind = PICK if hold["state"] == CONFIRMED else HAND_OVER
            quantities[kind, hold["store"]][hold["line_id"]] += hold["quantity_milli"]
    skus = {line["line_id"]: line["sku"] for line in order["lines"]}
    return {
        (kind, store): [
            {"line_id": line_id, "sku": sku, "quantity_milli": lines[line_id]}
            for line_id, sku in skus.items()
            if line_id in lines
        ]
        for (kind, store), lines in quantities.items()
        if kind == PICK or (PICK, store) not in quantities
    }


def _open_task(
    state: PoolState, order: OrderRow, kind: TaskKind, store: str, lines: list[TaskLine], now_ms: int, count: int
) -> TaskRow:
    pool, settings = state.config.pool, state.config.stores[store]
    due_ms, claim_by_ms = _due_ms(state, order, kind, store, now_ms), 0
    if kind == PICK:
        claim_by_ms = min(time_after(settings, pool["time_zone"], now_ms, pool["claim_within_ms"]), due_ms)
    task = new_task(state, kind, store, lines, now_ms, count)
    opened: TaskRow = {**task, "order": order["order"], "claim_by_ms": claim_by_ms, "due_ms": due_ms}
    terms = order["terms"]
    if kind == HAND_OVER and terms["mode"] == "delivery" and terms["address_ref"] is not None:
        opened["delivery"] = {
            "address_ref": terms["address_ref"], "geohash": terms["geohash"], "deadline_ms": terms["deadline_ms"],
        }  # fmt: skip
    return opened


def _due_ms(state: PoolState, order: OrderRow, kind: TaskKind, store: str, now_ms: int) -> int:
    """When the order's goods must be picked, or how long they wait for the customer."""
    pool, settings = state.config.pool, state.config.stores[store]
    deadline_ms, slot = order["terms"]["deadline_ms"], _slot(order, store)
    if kind == PICK:
        due_ms = time_after(settings, pool["time_zone"], now_ms, pool["pick_within_ms"])
        return min(due_ms if slot is None else max(due_ms, slot["until_ms"] - SLOT_MS), deadline_ms)
    if slot is None:
        return max(now_ms, deadline_ms) + pool["collect_grace_ms"]
    eta_ms = eta_of(find_appointment(state, appointment_name(order["order"], store)))
    return waits_until_ms(state, slot["place"], slot["until_ms"], eta_ms, deadline_ms, now_ms)


def _slot(order: OrderRow | None, store: str) -> BookedSlot | None:
    slots = () if order is None else order.get("slots", ())
    return next((slot for slot in slots if slot["store"] == store), None)
