"""News for the customers' side: an event on orders.events for each entry about an order."""

from typing import Any

from schemas.codec import topic_codec
from schemas.topics import FULFILMENT_REPORTS, ORDERS_EVENTS, ORDERS_REQUESTS
from streams.pool.journal.facts import (
    FULFILMENT_REPORT_DECIDED,
    LENDING_MESSAGE_DECIDED,
    ORDER_CHANGED,
    ORDER_REQUEST_DECIDED,
    TRANSFER_CHANGED,
    TRANSFER_REQUEST_DECIDED,
    Fact,
    Fields,
)
from streams.pool.orders.holds import is_kept

Row = dict[str, Any]
_TEXT_MAX = 200
_encode = topic_codec(ORDERS_EVENTS.name).encode
_PLACED = {"placed": "allocated", "amended": "amended", "confirmed": "confirmed", "cancelled": "cancelled"}


def order_event(pool: str, number: int, fact: Fact, appended_at_ms: int) -> Row | None:
    """The event of a journal entry; None when it says nothing of an order."""
    kind, fields = fact
    told = _TOLD[kind](fields) if kind in _TOLD else None
    if told is None:
        return None
    order, transfer = fields.get("order"), fields.get("transfer")
    stands = order or transfer or {"status": "", "outcome": ""}
    row: Row = {
        "pool": pool, "order": _name(order, transfer), "position": number, "kind": "",
        "reason": fields["reason"], "detail": fields.get("detail", ""), "key": None, "store": None, "task": None,
        "at_ms": appended_at_ms, "is_plain": order is not None and _is_plain(order),
        "status": stands["status"], "outcome": stands["outcome"],
        "lines": [] if order is None else order["lines"], "holds": [] if order is None else order["holds"],
        "decision": fields.get("decision"), "transfer": transfer,
    }  # fmt: skip
    return row | told


def set_aside_event(topic: str, event: Fields, reason: str, appended_at_ms: int) -> Row | None:
    """The answer to a request or a report that no pool takes; None for other inputs."""
    if topic not in (ORDERS_REQUESTS.name, FULFILMENT_REPORTS.name):
        return None
    is_request = topic == ORDERS_REQUESTS.name
    pool = event["pool"][:_TEXT_MAX]
    return {
        "pool": pool, "order": event["order"][:_TEXT_MAX] if is_request else "", "position": 0, "kind": "set_aside",
        "reason": reason, "detail": f"no pool {pool!r} is configured: correct the name and ask anew, or configure it",
        "key": event["key" if is_request else "report_id"][:_TEXT_MAX],
        "store": None if is_request else event["store"][:_TEXT_MAX],
        "task": None if is_request or event["task"] is None else event["task"][:_TEXT_MAX],
        "at_ms": appended_at_ms, "is_plain": False, "status": "", "outcome": "", "lines": [], "holds": [],
        "decision": None, "transfer": None,
    }  # fmt: skip


def encode_order_event(event: Row) -> bytes:
    """In Confluent wire format."""
    return _encode(event)


def _name(order: Row | None, transfer: Row | None) -> str:
    if order is not None:
        return str(order["order"])
    return "" if transfer is None else str(transfer["transfer"])


def _request(fields: Fields) -> Row:
    request, order = fields["request"], fields["order"]
    kind = {"refused": "refused", "duplicate": "repeated"}.get(fields["outcome"], _PLACED[request["kind"]])
    if kind == "allocated" and order["outcome"] == "unfilled":
        kind = "unfilled"
    return {"kind": kind, "order": request["order"], "key": request["key"]}


def _report(fields: Fields) -> Row | None:
    report, order, transfer = fields["report"], fields["order"], fields["transfer"]
    told = {"key": report["report_id"], "store": report["store"], "task": report["task"]}
    if fields["outcome"] == "refused":
        return told | {"kind": "report_refused"}
    if transfer is not None:
        kind = _OF_TRANSFER.get(report["kind"] if report["task"] is None else fields["tasks"][0]["kind"], "")
        kind = "transfer_refused" if report["kind"] == "refused" else kind
        return told | {"kind": kind, "reason": report["reason"] or ""}
    if order is None:
        return None
    kind = "short" if report["kind"] != "done" else _DONE[fields["tasks"][0]["kind"]]
    return told | {"kind": kind, "reason": report["reason"] or ""}


_OF_TRANSFER = {
    "shipped": "transfer_shipped", "transfer_out": "transfer_shipped",
    "received": "transfer_received", "transfer_in": "transfer_received",
}  # fmt: skip
_DONE = {"pick": "picked", "hand_over": "collected"}


def _followed(fields: Fields) -> Row:
    return {"kind": fields["kind"]}


def _transfer_request(fields: Fields) -> Row:
    request = fields["request"]
    kind = {"refused": "refused", "duplicate": "repeated"}.get(fields["outcome"], f"transfer_{request['kind']}")
    return {"kind": kind, "order": request["order"], "key": request["key"]}


def _transfer_followed(fields: Fields) -> Row:
    return {"kind": f"transfer_{fields['kind']}"}


def _lent(fields: Fields) -> Row | None:
    if not fields["order_progress"]:
        return None
    gone = [part["reason"] for part in fields["draw"]["parts"] if part["gone_milli"]]
    return {"kind": fields["order_progress"], "reason": gone[-1] if fields["order_progress"] == "short" else ""}


_TOLD = {
    ORDER_REQUEST_DECIDED: _request, ORDER_CHANGED: _followed, FULFILMENT_REPORT_DECIDED: _report,
    TRANSFER_REQUEST_DECIDED: _transfer_request, TRANSFER_CHANGED: _transfer_followed,
    LENDING_MESSAGE_DECIDED: _lent,
}  # fmt: skip


def _is_plain(order: Row) -> bool:
    """The preferred store keeps all that is wanted."""
    store, kept = order["terms"]["preferred_store"], [hold for hold in order["holds"] if is_kept(hold)]
    is_short = any(line["unfilled_milli"] for line in order["lines"])
    return bool(kept) and not is_short and {hold["store"] for hold in order["holds"]} == {store}
