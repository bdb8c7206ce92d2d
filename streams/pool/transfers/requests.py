"""Decisions on requests about transfers: `decide_transfer(state, request)` gives the fact. Pure.

A transfer takes only what its sender lends to the pool: until it is shipped it is a promise as any other.
"""

from typing import Any

from schemas.models.base import ORDER_QUANTITY_MAX_MILLI
from streams.pool.journal import rejections
from streams.pool.journal.facts import TRANSFER_REQUEST_DECIDED, Fact
from streams.pool.journal.rejections import RefusedError
from streams.pool.orders.requests import check_head, check_lines, decide_request, is_repeated, seen, withheld
from streams.pool.state.pool_state import PoolState
from streams.pool.state.shelf import available_milli
from streams.pool.transfers.rows import ENDED, OPEN, moved, new_line, tasks_after

Row = dict[str, Any]
_NAME_MAX = 64


def decide_order_or_transfer(state: PoolState, request: Row, appended_at_ms: int) -> Fact:
    """An id belongs to what was placed under it first; a new one to what is asked for."""
    request = withheld(request)
    if request["transfer"] is not None or _transfer(state, request["order"]) is not None:
        return decide_transfer(state, request, appended_at_ms)
    return decide_request(state, request, appended_at_ms)


def decide_transfer(state: PoolState, request: Row, appended_at_ms: int) -> Fact:
    """The request's fact: accepted, with the transfer after it; a duplicate; or refused, with a reason."""
    now_ms = max(state.row["clock_ms"], request["recorded_at_ms"])
    fields: Row = {
        "request": request, "outcome": "accepted", "reason": "", "detail": "", "transfer": None, "tasks": [],
    }  # fmt: skip
    try:
        check_head(state, request, appended_at_ms)
        row = _transfer(state, request["order"])
        if row is not None and is_repeated(row, request):
            fields["outcome"] = "duplicate"
        else:
            row, tasks = _taken(state, row, request, now_ms)
            fields.update(transfer={**row, "requests": [*row["requests"], seen(request)]}, tasks=tasks)
    except RefusedError as refused:
        fields.update(outcome="refused", reason=refused.reason, detail=refused.detail)
    return TRANSFER_REQUEST_DECIDED, fields


def _transfer(state: PoolState, name: str) -> Row | None:
    return state.tables.transfers.get((state.pool, name)) if len(name) <= _NAME_MAX else None


def _taken(state: PoolState, row: Row | None, request: Row, now_ms: int) -> tuple[Row, list[Row]]:
    if request["kind"] == "placed" and request["transfer"] is not None:
        return _place(state, row, request, now_ms)
    if request["kind"] == "cancelled" and request["transfer"] is None:
        return _cancel(state, row, request, now_ms)
    raise RefusedError(rejections.BAD_TERMS, "a transfer is placed, with its terms, or cancelled, without")


def _place(state: PoolState, row: Row | None, request: Row, now_ms: int) -> tuple[Row, list[Row]]:
    name = request["order"]
    if row is not None or state.tables.orders.get((state.pool, name)) is not None:
        raise RefusedError(rejections.ORDER_EXISTS, f"{name} is {'an order' if row is None else 'a transfer'} already")
    terms = request["transfer"]
    for store in (terms["from_store"], terms["to_store"]):
        if store not in state.catalog.stores:
            raise RefusedError(rejections.UNKNOWN_STORE, f"the pool has no store {store[:_NAME_MAX]}")
    if terms["from_store"] == terms["to_store"]:
        raise RefusedError(rejections.BAD_TERMS, "from_store and to_store are the same")
    if request["terms"] is not None:
        raise RefusedError(rejections.BAD_TERMS, "terms belong to an order, transfer to a transfer; give one of them")
    check_lines(state, terms["lines"])
    for line in terms["lines"]:
        _check_available(state, terms["from_store"], line)
    row = {
        "pool": state.pool, "transfer": name, "status": OPEN, "outcome": "", "reason": "",
        "from_store": terms["from_store"], "to_store": terms["to_store"], "is_returning": False,
        "lines": [new_line(line["line_id"], line["sku"], line["quantity_milli"]) for line in terms["lines"]],
        "placed_at_ms": now_ms, "is_shipment_reported": False, "shipped_at_ms": 0, "ended_at_ms": 0, "forget_at_ms": 0,
        "requests": [], "reports": [], "position": state.row["position"] + 1,
    }  # fmt: skip
    return row, tasks_after(state, row, now_ms)


def _check_available(state: PoolState, store: str, line: Row) -> None:
    shelf = state.tables.shelves.get((state.pool, line["sku"], store))
    available = 0 if shelf is None else available_milli(shelf, state.catalog.terms(store, line["sku"]))
    if available < min(line["quantity_milli"], ORDER_QUANTITY_MAX_MILLI):
        raise RefusedError(rejections.CANNOT_FILL, f"line {line['line_id']}: {store} lends {available} thousandths")


def _cancel(state: PoolState, row: Row | None, request: Row, now_ms: int) -> tuple[Row, list[Row]]:
    if row is None:
        raise RefusedError(rejections.UNKNOWN_ORDER, f"no transfer {request['order']} is known")
    if row["status"] == ENDED:
        raise RefusedError(rejections.ORDER_ENDED, f"it has ended: {row['outcome']}")
    if row["status"] != OPEN or any(line["received_before_shipment"] for line in row["lines"]):
        raise RefusedError(rejections.ALREADY_SHIPPED, "goods are on their way; the sender may receive them back")
    after = moved(state, row, {**row, "is_shipment_reported": True, "outcome": "cancelled"}, now_ms, now_ms)
    return after.transfer, after.tasks
