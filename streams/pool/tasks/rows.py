"""Tasks: what a store is asked to do, until when. Rows are never changed in place."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from streams.pool.lending.loans import is_elsewhere
from streams.pool.orders.holds import CONFIRMED, PICKED
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.opening_hours import time_after

Row = dict[str, Any]
PICK, HAND_OVER, RECOUNT = "pick", "hand_over", "recount"
RECOUNT_ESCALATIONS_MAX = 3
REPORTS_KEPT = 20


def tasks_after(state: PoolState, order: Row, now_ms: int, ended: Mapping[str, Row] | None = None) -> list[Row]:
    """The tasks that change when the order's row becomes `order`: opened, told other lines, or called off.

    A store picks what is confirmed there, and hands over once all that it keeps is picked. `ended` are tasks that end
    with the same entry, by id; they come first.
    """
    done = dict(ended or {})
    wanted = _wanted(order)
    changed = list(done.values())
    for name in sorted(state.order_index.tasks_of.get(order["order"], ())):
        task = state.tables.tasks.get((state.pool, name))
        if task is None or name in done:
            continue
        lines = wanted.pop((task["kind"], task["store"]), None)
        if lines is None:
            changed.append(end_task(state, task, "cancelled", order["outcome"] or "rerouted", now_ms))
        elif lines != task["lines"]:
            changed.append({**task, "lines": lines, "position": state.row["position"] + 1})
    for count, ((kind, store), lines) in enumerate(sorted(wanted.items()), start=1):
        changed.append(_order_task(state, order, kind, store, lines, now_ms, count))
    return changed


def _wanted(order: Row) -> dict[tuple[str, str], list[Row]]:
    quantities: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for hold in order["holds"]:
        if hold["state"] in (CONFIRMED, PICKED) and not is_elsewhere(hold["store"]):  # the lender opens its own
            kind = PICK if hold["state"] == CONFIRMED else HAND_OVER
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


def _order_task(state: PoolState, order: Row, kind: str, store: str, lines: list[Row], now_ms: int, count: int) -> Row:
    pool, settings = state.catalog.pool, state.catalog.stores[store]
    deadline_ms = order["terms"]["deadline_ms"]
    if kind == PICK:
        due_ms = min(time_after(settings, pool["time_zone"], now_ms, pool["pick_within_ms"]), deadline_ms)
        claim_by_ms = min(time_after(settings, pool["time_zone"], now_ms, pool["claim_within_ms"]), due_ms)
    else:
        due_ms, claim_by_ms = max(now_ms, deadline_ms) + pool["collect_grace_ms"], 0
    task = new_task(state, kind, store, lines, now_ms, count)
    return {**task, "order": order["order"], "claim_by_ms": claim_by_ms, "due_ms": due_ms}


def recount_task(state: PoolState, store: str, sku: str, reason: str, now_ms: int, count: int) -> Row:
    """Somebody must count the item in the store: the books are in doubt."""
    pool, settings = state.catalog.pool, state.catalog.stores[store]
    task = new_task(state, RECOUNT, store, [{"line_id": sku, "sku": sku, "quantity_milli": 0}], now_ms, count)
    due_ms = time_after(settings, pool["time_zone"], now_ms, pool["recount_within_ms"])
    return {**task, "reason": reason, "due_ms": due_ms}


def new_task(state: PoolState, kind: str, store: str, lines: list[Row], now_ms: int, count: int) -> Row:
    """An open task, not due yet; `count` tells the tasks of one kind apart that one entry opens."""
    number = state.row["position"] + 1
    return {
        "pool": state.pool, "task": f"{kind.replace('_', '-')}-{number}-{count}", "kind": kind, "store": store,
        "order": None, "transfer": None, "status": "open", "reason": "", "worker": None, "priority": 0,
        "escalations": 0, "opened_at_ms": now_ms, "claim_by_ms": 0, "due_ms": 0, "lease_until_ms": 0,
        "ended_at_ms": 0, "forget_at_ms": 0, "lines": lines, "reports": [], "position": number,
    }  # fmt: skip


def end_task(state: PoolState, task: Row, status: str, reason: str, now_ms: int) -> Row:
    """The task, ended."""
    return {
        **task, "status": status, "reason": reason, "lease_until_ms": 0, "ended_at_ms": now_ms,
        "forget_at_ms": now_ms + state.catalog.pool["ended_retention_ms"], "position": state.row["position"] + 1,
    }  # fmt: skip


def escalated(state: PoolState, task: Row, now_ms: int) -> Row:
    """Nobody took it, or nobody counted: it becomes more urgent. A recount is due anew."""
    urgent = {
        **task, "priority": task["priority"] + 1, "escalations": task["escalations"] + 1,
        "position": state.row["position"] + 1,
    }  # fmt: skip
    if task["kind"] == RECOUNT:
        pool, settings = state.catalog.pool, state.catalog.stores[task["store"]]
        urgent["due_ms"] = time_after(settings, pool["time_zone"], now_ms, pool["recount_within_ms"])
    return urgent


def unclaimed(state: PoolState, task: Row) -> Row:
    """The claim was not renewed: anybody in the store may take it."""
    return {**task, "status": "open", "worker": None, "lease_until_ms": 0, "position": state.row["position"] + 1}
