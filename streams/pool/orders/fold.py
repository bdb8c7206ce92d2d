"""Folds facts into the orders of a pool: rows are replaced, and the shelves follow what they hold."""

from schemas.types.lending import LendingMessageDecided
from schemas.types.orders import FulfilmentReportDecided, Hold, OrderChanged, OrderRequestDecided, OrderRow
from schemas.types.stock import SaleRecorded
from schemas.types.tasks import TaskChanged
from schemas.types.ticks import Tick
from streams.pool.aggregate import Entry
from streams.pool.journal.elsewhere import BORROWER, at_home, is_elsewhere, loan_name
from streams.pool.orders.hand_overs import HAND_OVER_ROWS, HAND_OVERS, RUNG_UP_LATE, put_balances
from streams.pool.orders.holds import held_on_shelves, is_drawn, working_stores
from streams.pool.orders.index import ORDERS
from streams.pool.orders.quotas import count_order
from streams.pool.orders.rows import LOADS, ORDER_ROWS
from streams.pool.state.agenda import LENT_ORDERS, LOANS, RUNG_UP
from streams.pool.state.forgetting import forget_ended
from streams.pool.state.pool_state import PoolState
from streams.pool.state.shelf import Shelf
from streams.pool.state.shelf_writes import hold, put_shelf


def fold_request(state: PoolState, fact: OrderRequestDecided, entry: Entry) -> None:
    """A request: the order after it."""
    _put(state, fact["order"], entry, fact["day"])
    state.row["requests_refused" if fact["outcome"] == "refused" else "requests_accepted"] += 1


def fold_report(state: PoolState, fact: FulfilmentReportDecided, entry: Entry) -> None:
    """A report: the order after it, and what its store owes to the till."""
    _put(state, fact["order"], entry, None)
    put_balances(state, fact["hand_overs"])


def fold_sale(state: PoolState, fact: SaleRecorded, _: Entry) -> None:
    """A sale of goods that were handed over, or wait to be."""
    put_balances(state, fact["hand_overs"])
    if fact["hand_overs"]:
        state.agenda[RUNG_UP_LATE][fact["event"]["store"]] = None


def fold_tasks(state: PoolState, fact: TaskChanged, _: Entry) -> None:
    """Goods that were handed over and not rung up: the store is asked about them."""
    put_balances(state, fact["hand_overs"])
    state.row["hand_overs_not_rung_up"] += len(fact["hand_overs"])


def fold_lending(state: PoolState, fact: LendingMessageDecided, entry: Entry) -> None:
    """A message of another pool: the order after it."""
    _put(state, fact["order"], entry, fact["day"])


def fold_change(state: PoolState, fact: OrderChanged, entry: Entry) -> None:
    """A reaction: the order after it."""
    order, row = fact["order"], state.row
    _put(state, order, entry, fact["day"])
    if fact["kind"] == "sold_at_till":
        state.agenda[RUNG_UP].pop(order["order"], None)
    if fact["kind"] == "rerouted":
        row["orders_rerouted"] += 1
    elif fact["kind"] == "broken":
        row["holds_broken"] += 1
    elif fact["kind"] == "expired":
        row["holds_expired"] += 1


def forget_orders(state: PoolState, _: Tick, entry: Entry) -> None:
    """Drop the orders that ended long enough ago, and old hand-overs, when the clock has moved on."""
    index, hand_overs = state[ORDERS], state[HAND_OVERS]
    forget_ended(state, ORDER_ROWS, index, entry.clock_before_ms)
    forget_ended(state, HAND_OVER_ROWS, hand_overs, entry.clock_before_ms)


def _put(state: PoolState, order: OrderRow | None, entry: Entry, day: int | None) -> None:
    if order is None:
        return
    table, key = state.tables[ORDER_ROWS], (state.pool, order["order"])
    before = table.get(key)
    _hold(state, before, order, entry.appended_at_ms)
    _draw(state, before, order, entry.appended_at_ms)
    if day is not None:
        for store in sorted(working_stores(order) - working_stores(before)):
            _give(state, store, day)
    count_order(state, before, order)
    _count_short(state, before, order)
    table.put(key, order)
    state[ORDERS].put(before, order)


def _hold(state: PoolState, before: OrderRow | None, order: OrderRow, appended_at_ms: int) -> None:
    was, held = held_on_shelves(before), held_on_shelves(order)
    for sku, store in {**was, **held}:
        change = held.get((sku, store), 0) - was.get((sku, store), 0)
        if change:
            hold(state, (state.pool, sku, store), change, appended_at_ms)
            if is_elsewhere(store):
                own, lender = at_home(store)
                state.agenda[LOANS].setdefault(loan_name(BORROWER, lender, own, sku), False)


def _draw(state: PoolState, before: OrderRow | None, order: OrderRow, appended_at_ms: int) -> None:
    """Lent goods that are a confirmed order's now leave the borrowed shelf; the lender is told with the same input."""
    holds = [*(before["holds"] if before is not None else ()), *order["holds"]]
    if order["for_pool"] is not None or any(is_elsewhere(one["store"]) for one in holds):
        state.agenda[LENT_ORDERS][order["order"]] = None
    known = {_place(one) for one in before["holds"] if is_drawn(one)} if before is not None else set()
    for one in order["holds"]:
        if is_drawn(one) and _place(one) not in known:
            key = (state.pool, one["sku"], one["store"])
            shelf = state.shelves.get(key) or Shelf()
            shelf.on_hand_milli -= one["quantity_milli"]
            put_shelf(state, key, shelf, appended_at_ms)


def _place(one: Hold) -> tuple[str, str, int]:
    return one["line_id"], one["store"], one["position"]


def _give(state: PoolState, store: str, day: int) -> None:
    index = state[ORDERS]
    index.loads[store] = {"store": store, "day": day, "given": index.given_on(store, day) + 1}
    state.tables[LOADS].put((state.pool, store), index.loads[store])


def _count_short(state: PoolState, before: OrderRow | None, order: OrderRow) -> None:
    """Each order of this pool's own counts once, as what it is now."""
    for row, change in ((before, -1), (order, 1)):
        if row is None or row["for_pool"] is not None:
            continue
        if row["outcome"] == "unfilled":
            state.row["orders_unfilled"] += change
        elif any(line["unfilled_milli"] and line["reason"] != "not_collected" for line in row["lines"]):
            state.row["orders_part_filled"] += change
