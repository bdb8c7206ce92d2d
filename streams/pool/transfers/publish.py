"""Tells of transfers: an event on orders.events for each entry about one."""

from schemas.types.orders import FulfilmentReportDecided, OrderEvent, OrderEventKind
from schemas.types.requests import OrderRequestKind
from schemas.types.transfers import TransferChanged, TransferChangeKind, TransferRequestDecided, TransferRow
from streams.pool.aggregate import Entry
from streams.pool.orders.publish import about_report, new_event, tell
from streams.pool.state.pool_state import PoolState
from streams.runtime.contract import OutputRecord

_REQUESTED: dict[OrderRequestKind, OrderEventKind] = {
    "placed": "transfer_placed", "cancelled": "transfer_cancelled",
}  # fmt: skip
_CHANGED: dict[TransferChangeKind, OrderEventKind] = {
    "broken": "transfer_broken", "not_shipped": "transfer_not_shipped", "lost": "transfer_lost",
    "stopped": "transfer_stopped",
}  # fmt: skip
_REPORTED: dict[str, OrderEventKind] = {
    "shipped": "transfer_shipped", "transfer_out": "transfer_shipped",
    "received": "transfer_received", "transfer_in": "transfer_received",
}  # fmt: skip


def tell_request(state: PoolState, fact: TransferRequestDecided, entry: Entry, _: int) -> OutputRecord:
    """What became of a request."""
    request = fact["request"]
    kind: OrderEventKind = "refused" if fact["outcome"] == "refused" else "repeated"
    if fact["outcome"] == "accepted":
        kind = _REQUESTED[request["kind"]]
    event = _event(state, kind, fact["transfer"], fact["reason"], entry)
    return tell({**event, "order": request["order"], "key": request["key"], "detail": fact["detail"]})


def tell_change(state: PoolState, fact: TransferChanged, entry: Entry, _: int) -> OutputRecord:
    """What followed for a transfer."""
    return tell(_event(state, _CHANGED[fact["kind"]], fact["transfer"], fact["reason"], entry))


def tell_report(state: PoolState, fact: FulfilmentReportDecided, entry: Entry, _: int) -> OutputRecord | None:
    """What became of a transfer by a report."""
    report, row = fact["report"], fact["transfer"]
    if row is None or fact["outcome"] == "refused":
        return None
    kind = _REPORTED[report["kind"] if report["task"] is None else fact["tasks"][0]["kind"]]
    if report["kind"] == "refused":
        kind = "transfer_refused"
    return tell(about_report(_event(state, kind, row, report["reason"] or "", entry), fact))


def _event(state: PoolState, kind: OrderEventKind, row: TransferRow | None, reason: str, entry: Entry) -> OrderEvent:
    event = new_event(state, kind, None, reason, entry.appended_at_ms)
    if row is None:
        return event
    return {
        **event, "order": row["transfer"], "status": row["status"], "outcome": row["outcome"], "transfer": row,
    }  # fmt: skip
