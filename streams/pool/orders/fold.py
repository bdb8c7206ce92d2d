"""Folding of facts about orders and tasks: rows are replaced, and the shelves follow their differences."""

from typing import Any

from streams.pool.journal.facts import (
    FULFILMENT_REPORT_DECIDED,
    ORDER_CHANGED,
    ORDER_REQUEST_DECIDED,
    TASK_CHANGED,
    TRANSFER_CHANGED,
    TRANSFER_REQUEST_DECIDED,
    Fields,
)
from streams.pool.lending.loans import BORROWER, at_home, is_elsewhere, loan_name
from streams.pool.orders.holds import held_on_shelves, is_in_use, working_stores
from streams.pool.orders.index import ORDER, due_now
from streams.pool.orders.quotas import count_order
from streams.pool.state.pool_state import PoolState
from streams.pool.state.shelf import Shelf
from streams.pool.state.shelf_writes import move, touch
from streams.pool.transfers.fold import fold_transfer, forget_transfers

Row = dict[str, Any]
ORDER_FACTS = (
    ORDER_REQUEST_DECIDED,
    ORDER_CHANGED,
    FULFILMENT_REPORT_DECIDED,
    TASK_CHANGED,
    TRANSFER_REQUEST_DECIDED,
    TRANSFER_CHANGED,
)


def fold_orders(state: PoolState, kind: str, fields: Fields, appended_at_ms: int) -> None:
    """Take the rows of the fact as they are, correct the books as it says, and count."""
    for correction in fields.get("corrections", ()):
        _correct(state, correction, appended_at_ms)
    order = fields.get("order")
    if order is not None:
        before = state.tables.orders.get((state.pool, order["order"]))
        _hold(state, before, order, appended_at_ms)
        if "day" in fields:
            for store in sorted(working_stores(order) - working_stores(before)):
                _give(state, store, fields["day"])
        count_order(state, before, order)
        state.tables.orders.put((state.pool, order["order"]), order)
        state.order_index.put_order(before, order)
    if fields.get("transfer") is not None:
        fold_transfer(state, fields["transfer"], appended_at_ms)
    for task in fields["tasks"]:
        key = (state.pool, task["task"])
        known = state.tables.tasks.get(key)
        state.tables.tasks.put(key, task)
        state.order_index.put_task(known, task)
    _count(state.row, kind, fields)


def forget_ended(state: PoolState) -> None:
    """Drop the orders, transfers and tasks that ended long enough ago."""
    forget_transfers(state)
    for kind, name in due_now(state.order_index.forgettable, state.row["clock_ms"]):
        table = state.tables.orders if kind == ORDER else state.tables.tasks
        row = table.get((state.pool, name))
        put = state.order_index.put_order if kind == ORDER else state.order_index.put_task
        put(row, None)
        table.delete((state.pool, name))


def _correct(state: PoolState, correction: Row, appended_at_ms: int) -> None:
    key = (state.pool, correction["sku"], correction["store"])
    shelf = state.tables.shelves.get(key) or Shelf()
    if correction["kind"] == "not_found":
        shelf.short_picks += 1
    else:
        move(state, key, shelf, correction["occurred_at_ms"], correction["delta_milli"])
    if correction["kind"] in ("collected", "shipped"):
        shelf.used_milli -= correction["delta_milli"]
    touch(state, key, shelf, appended_at_ms)


def _hold(state: PoolState, before: Row | None, order: Row, appended_at_ms: int) -> None:
    was, held = held_on_shelves(before), held_on_shelves(order)
    for sku, store in {**was, **held}:
        change = held.get((sku, store), 0) - was.get((sku, store), 0)
        if change:
            key = (state.pool, sku, store)
            shelf = state.tables.shelves.get(key) or Shelf()
            shelf.held_milli += change
            touch(state, key, shelf, appended_at_ms)
            if is_elsewhere(store):
                own, lender = at_home(store)
                state.lending.loans.setdefault(loan_name(BORROWER, lender, own, sku), False)

    _use(state, before, order, appended_at_ms)


def _use(state: PoolState, before: Row | None, order: Row, appended_at_ms: int) -> None:
    """Lent goods that are a confirmed order's now leave the borrowed shelf; the lender is told with the same input."""
    holds = [*(before["holds"] if before is not None else ()), *order["holds"]]
    if order["for_pool"] is not None or any(is_elsewhere(hold["store"]) for hold in holds):
        state.lending.orders[order["order"]] = None
    known = {_place(hold) for hold in before["holds"] if is_in_use(hold)} if before is not None else set()
    for hold in order["holds"]:
        if is_in_use(hold) and _place(hold) not in known:
            key = (state.pool, hold["sku"], hold["store"])
            shelf = state.tables.shelves.get(key) or Shelf()
            shelf.on_hand_milli -= hold["quantity_milli"]
            touch(state, key, shelf, appended_at_ms)


def _place(hold: Row) -> tuple[str, str, int]:
    return hold["line_id"], hold["store"], hold["position"]


def _give(state: PoolState, store: str, day: int) -> None:
    load = {"store": store, "day": day, "given": state.order_index.given_on(store, day) + 1}
    state.order_index.loads[store] = load
    state.tables.loads.put((state.pool, store), load)


def _count(row: Row, kind: str, fields: Fields) -> None:
    if kind in (ORDER_REQUEST_DECIDED, TRANSFER_REQUEST_DECIDED):
        row["requests_refused" if fields["outcome"] == "refused" else "requests_accepted"] += 1
    elif kind == FULFILMENT_REPORT_DECIDED:
        row["reports_refused" if fields["outcome"] == "refused" else "reports_accepted"] += 1
    elif kind == ORDER_CHANGED:
        counter = _COUNTERS.get(fields["kind"])
        if counter is not None:
            row[counter] += 1
    if (
        kind in (ORDER_REQUEST_DECIDED, ORDER_CHANGED)
        and fields["order"] is not None
        and fields["order"]["outcome"] == "unfilled"
    ):
        row["orders_unfilled"] += 1


_COUNTERS = {"rerouted": "orders_rerouted", "broken": "holds_broken", "expired": "holds_expired"}
