"""Tells the customers' side of orders: an event on orders.events for each entry about one."""

from schemas.codec import topic_codec
from schemas.models.base import TEXT_MAX
from schemas.topics import ORDERS_EVENTS
from schemas.types.lending import LendingMessageDecided
from schemas.types.orders import (
    FulfilmentReportDecided,
    OrderChanged,
    OrderEvent,
    OrderEventKind,
    OrderRequestDecided,
    OrderRow,
)
from schemas.types.reports import FulfilmentReport
from schemas.types.requests import OrderRequest, OrderRequestKind
from streams.pool.aggregate import Entry
from streams.pool.orders.holds import is_kept
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.rows import PICK
from streams.runtime.contract import OutputRecord

_encode = topic_codec(ORDERS_EVENTS.name).encode
_PLACED: dict[OrderRequestKind, OrderEventKind] = {
    "placed": "allocated", "amended": "amended", "confirmed": "confirmed", "cancelled": "cancelled",
    "moved": "moved",
}  # fmt: skip


def tell(event: OrderEvent) -> OutputRecord:
    """The record of an event."""
    return OutputRecord(ORDERS_EVENTS.name, f"{event['pool']}/{event['order']}", _encode(event))


def new_event(state: PoolState, kind: OrderEventKind, order: OrderRow | None, reason: str, at_ms: int) -> OrderEvent:
    """An event of the entry that was folded last, with the order as it stands."""
    return {
        "pool": state.pool, "order": "" if order is None else order["order"], "position": state.row["position"],
        "kind": kind, "reason": reason, "detail": "", "key": None, "store": None, "task": None, "at_ms": at_ms,
        "is_plain": order is not None and _is_plain(order),
        "status": "" if order is None else order["status"], "outcome": "" if order is None else order["outcome"],
        "lines": [] if order is None else order["lines"], "holds": [] if order is None else order["holds"],
        "decision": None, "transfer": None, "slots": [] if order is None else order.get("slots", []),
    }  # fmt: skip


def tell_request(state: PoolState, fact: OrderRequestDecided, entry: Entry, _: int) -> OutputRecord:
    """What became of a request."""
    request, order = fact["request"], fact["order"]
    kind: OrderEventKind = _PLACED[request["kind"]]
    if fact["outcome"] != "accepted":
        kind = "refused" if fact["outcome"] == "refused" else "repeated"
    elif kind == "allocated" and order is not None and order["outcome"] == "unfilled":
        kind = "unfilled"
    event = new_event(state, kind, order, fact["reason"], entry.appended_at_ms)
    return tell({
        **event, "order": request["order"], "key": request["key"], "detail": fact["detail"],
        "decision": fact["decision"],
    })  # fmt: skip


def tell_change(state: PoolState, fact: OrderChanged, entry: Entry, _: int) -> OutputRecord:
    """What followed for an order."""
    event = new_event(state, fact["kind"], fact["order"], fact["reason"], entry.appended_at_ms)
    return tell({**event, "decision": fact["decision"]})


def tell_report(state: PoolState, fact: FulfilmentReportDecided, entry: Entry, _: int) -> OutputRecord | None:
    """A report that was refused, or what became of an order by it."""
    report, order, at_ms = fact["report"], fact["order"], entry.appended_at_ms
    if fact["outcome"] == "refused":
        return tell(about_report(new_event(state, "report_refused", None, fact["reason"], at_ms), fact))
    if order is None:
        return None
    kind: OrderEventKind = "picked" if fact["tasks"][0]["kind"] == PICK else "collected"
    if report["kind"] != "done":
        kind = "short"
    return tell(about_report(new_event(state, kind, order, report["reason"] or "", at_ms), fact))


def about_report(event: OrderEvent, fact: FulfilmentReportDecided) -> OrderEvent:
    """The event, with what report it is about."""
    report = fact["report"]
    return {
        **event, "key": report["report_id"], "store": report["store"], "task": report["task"],
        "detail": fact["detail"],
    }  # fmt: skip


def tell_lending(state: PoolState, fact: LendingMessageDecided, entry: Entry, _: int) -> OutputRecord | None:
    """How far an order has come with lent goods."""
    if not fact["order_progress"] or fact["draw"] is None:
        return None
    gone = [part["reason"] for part in fact["draw"]["parts"] if part["gone_milli"]]
    reason = gone[-1] if fact["order_progress"] == "short" else ""
    return tell(new_event(state, fact["order_progress"], fact["order"], reason, entry.appended_at_ms))


def answer_strange_request(request: OrderRequest, reason: str, appended_at_ms: int) -> OutputRecord:
    """The answer to a request of a pool that nobody has configured."""
    event = _set_aside(request["pool"], request["key"], reason, appended_at_ms)
    return tell({**event, "order": request["order"][:TEXT_MAX]})


def answer_strange_report(report: FulfilmentReport, reason: str, appended_at_ms: int) -> OutputRecord:
    """The answer to a report of a pool that nobody has configured."""
    event = _set_aside(report["pool"], report["report_id"], reason, appended_at_ms)
    task = None if report["task"] is None else report["task"][:TEXT_MAX]
    return tell({**event, "store": report["store"][:TEXT_MAX], "task": task})


def _set_aside(pool: str, key: str, reason: str, appended_at_ms: int) -> OrderEvent:
    pool = pool[:TEXT_MAX]
    return {
        "pool": pool, "order": "", "position": 0, "kind": "set_aside", "reason": reason,
        "detail": f"no pool {pool!r} is configured: correct the name and ask anew, or configure it",
        "key": key[:TEXT_MAX], "store": None, "task": None, "at_ms": appended_at_ms, "is_plain": False,
        "status": "", "outcome": "", "lines": [], "holds": [], "decision": None, "transfer": None,
        "slots": [],
    }  # fmt: skip


def _is_plain(order: OrderRow) -> bool:
    """The preferred store keeps all that is wanted."""
    store, kept = order["terms"]["preferred_store"], [hold for hold in order["holds"] if is_kept(hold)]
    is_short = any(line["unfilled_milli"] for line in order["lines"])
    return bool(kept) and not is_short and {hold["store"] for hold in order["holds"]} == {store}
