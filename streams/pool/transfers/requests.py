"""Decides a request about a transfer: placed or cancelled.

A transfer takes only what its sender lends to the pool: until it is shipped it is a promise as any other.
"""

from schemas.models.base import ORDER_QUANTITY_MAX_MILLI
from schemas.types.journal import Fact
from schemas.types.requests import OrderLine, OrderRequest, TransferTerms
from schemas.types.tasks import TaskRow
from schemas.types.transfers import TransferRequestDecided, TransferRow
from streams.pool.journal import rejections
from streams.pool.journal.facts import TRANSFER_REQUEST_DECIDED
from streams.pool.journal.rejections import RefusedError
from streams.pool.orders.requests import check_age, check_lines, check_request, is_repeated, known_request, withhold
from streams.pool.orders.rows import find_order
from streams.pool.state.pool_state import PoolState
from streams.pool.state.shelf import available_milli
from streams.pool.transfers.change import change, tasks_for
from streams.pool.transfers.rows import ENDED, OPEN, find_transfer, new_line

_NAME_MAX = 64
_Accepted = tuple[TransferRow, list[TaskRow]]
"""The transfer after the request, and the tasks that change."""


def decide_request(state: PoolState, request: OrderRequest, appended_at_ms: int) -> Fact | None:
    """The request's fact: accepted, with the transfer after it; a duplicate; or refused, with a reason.

    None for a request about an order: an id belongs to what was placed under it first, a new one to what is asked for.
    """
    row = _transfer(state, request["order"])
    if request["transfer"] is None and row is None:
        return None
    request = withhold(request)
    now_ms = max(state.row["clock_ms"], request["recorded_at_ms"])
    decided: TransferRequestDecided = {
        "request": request, "outcome": "accepted", "reason": "", "detail": "", "transfer": None, "tasks": [],
    }  # fmt: skip
    try:
        check_request(state, request, appended_at_ms)
        if row is not None and is_repeated(row, request):
            decided = {**decided, "outcome": "duplicate"}
        else:
            check_age(state, request["recorded_at_ms"])
            after, tasks = _decide(state, row, request, now_ms)
            after = {
                **after, "requests": [*after["requests"], known_request(request)],
                "told_at_ms": max(after["told_at_ms"], request["recorded_at_ms"]),
            }  # fmt: skip
            decided = {**decided, "transfer": after, "tasks": tasks}
    except RefusedError as refused:
        decided = {**decided, "outcome": "refused", "reason": refused.reason, "detail": refused.detail}
    return TRANSFER_REQUEST_DECIDED, decided


def _transfer(state: PoolState, name: str) -> TransferRow | None:
    return find_transfer(state, name) if len(name) <= _NAME_MAX else None


def _decide(state: PoolState, row: TransferRow | None, request: OrderRequest, now_ms: int) -> _Accepted:
    terms = request["transfer"]
    if request["kind"] == "placed" and terms is not None:
        return _place(state, row, request, terms, now_ms)
    if request["kind"] == "cancelled" and request["transfer"] is None:
        return _cancel(state, row, request, now_ms)
    raise RefusedError(rejections.BAD_TERMS, "a transfer is placed, with its terms, or cancelled, without")


def _place(
    state: PoolState, row: TransferRow | None, request: OrderRequest, terms: TransferTerms, now_ms: int
) -> _Accepted:
    name = request["order"]
    if row is not None or find_order(state, name) is not None:
        raise RefusedError(rejections.ORDER_EXISTS, f"{name} is {'an order' if row is None else 'a transfer'} already")
    for store in (terms["from_store"], terms["to_store"]):
        if store not in state.config.stores:
            raise RefusedError(rejections.UNKNOWN_STORE, f"the pool has no store {store[:_NAME_MAX]}")
    if terms["from_store"] == terms["to_store"]:
        raise RefusedError(rejections.BAD_TERMS, "from_store and to_store are the same")
    if request["terms"] is not None:
        raise RefusedError(rejections.BAD_TERMS, "terms belong to an order, transfer to a transfer; give one of them")
    check_lines(state, terms["lines"])
    for line in terms["lines"]:
        _check_available(state, terms["from_store"], line)
    placed: TransferRow = {
        "pool": state.pool, "transfer": name, "status": OPEN, "outcome": "", "reason": "",
        "from_store": terms["from_store"], "to_store": terms["to_store"], "is_returning": False,
        "lines": [new_line(line["line_id"], line["sku"], line["quantity_milli"]) for line in terms["lines"]],
        "placed_at_ms": now_ms, "is_shipment_reported": False, "shipped_at_ms": 0, "ended_at_ms": 0,
        "told_at_ms": 0, "forget_at_ms": 0,
        "requests": [], "reports": [], "position": state.next_position,
    }  # fmt: skip
    return placed, tasks_for(state, placed, now_ms)


def _check_available(state: PoolState, store: str, line: OrderLine) -> None:
    shelf = state.shelf(line["sku"], store)
    available = 0 if shelf is None else available_milli(shelf, state.config.terms(store, line["sku"]))
    if available < min(line["quantity_milli"], ORDER_QUANTITY_MAX_MILLI):
        raise RefusedError(rejections.CANNOT_FILL, f"line {line['line_id']}: {store} lends {available} thousandths")


def _cancel(state: PoolState, row: TransferRow | None, request: OrderRequest, now_ms: int) -> _Accepted:
    if row is None:
        raise RefusedError(rejections.UNKNOWN_ORDER, f"no transfer {request['order']} is known")
    if row["status"] == ENDED:
        raise RefusedError(rejections.ORDER_ENDED, f"it has ended: {row['outcome']}")
    if row["status"] != OPEN or any(line["received_before_shipment"] for line in row["lines"]):
        raise RefusedError(rejections.ALREADY_SHIPPED, "goods are on their way; the sender may receive them back")
    cancelled: TransferRow = {**row, "is_shipment_reported": True, "outcome": "cancelled"}
    after = change(state, row, cancelled, now_ms, now_ms)
    return after.transfer, after.tasks
