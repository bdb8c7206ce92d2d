"""Messages of an arrival app to reports and requests. Pure.

    {"id": "7f3a…", "kind": "on_the_way", "order": "R-1042", "store": "corner-shop",
     "at": "2026-03-01T09:15:00+01:00", "eta": "2026-03-01T09:40:00+01:00"}

Every field is explained in docs/arrival.md.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from connectors.inbound.messages import (
    MessageRefused,
    Payload,
    Told,
    bad,
    check_form,
    name_of,
    record_of,
    text_of,
    time_ms_of,
)
from connectors.parsing.quantities import shorten
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.statuses import ENDED_APPOINTMENT

Row = Mapping[str, Any]
KINDS: Final = ("on_the_way", "arrived", "handed_over", "cancelled")
_FIELDS: Final = frozenset({"id", "kind", "order", "store", "at", "eta", "code", "worker", "lines"})
_WHOSE = "appointment"


class Known(Protocol):
    """The appointments of the pool as they are known here."""

    def appointment(self, order: str, store: str) -> Row | None:
        """The AppointmentRow."""

    def hand_over(self, order: str, store: str) -> Row | None:
        """The TaskRow of the store's hand-over that is open."""

    def stores(self, order: str) -> frozenset[str]:
        """The stores at which the order has appointments."""


def translate(pool: str, partner: str, payload: Payload, known: Known, received_at_ms: int) -> Told:
    """The report or the request that a message means. Raises MessageRefused."""
    name, kind = name_of(partner, payload), check_form(payload, _FIELDS, KINDS, "docs/arrival.md")
    order = text_of(payload, "order", _WHOSE)
    at_ms = min(time_ms_of(payload, "at", received_at_ms), received_at_ms)
    common = {"pool": pool, "order": order, "recorded_at_ms": received_at_ms, "origin": partner}
    if kind == "cancelled":
        _check_stands(order, [known.appointment(order, one) for one in sorted(known.stores(order))])
        return record_of(OrderRequest, {**common, "kind": "cancelled", "key": name})
    store = text_of(payload, "store", _WHOSE)
    _check_stands(order, [known.appointment(order, store)])
    report = {**common, "store": store, "report_id": name, "occurred_at_ms": at_ms, "worker": payload.get("worker")}
    if kind == "handed_over":
        task = known.hand_over(order, store)
        if task is None:
            raise MessageRefused(
                409, "not_ready", f"the goods of order {order} are not picked yet: wait until its status is ready"
            )
        handed = {**report, "order": None, "task": task["task"], "code": payload.get("code") or None}
        missing = [] if payload.get("lines") is None else _missing(task, payload["lines"])
        if not missing:
            return record_of(FulfilmentReport, {**handed, "kind": "done"})
        return record_of(FulfilmentReport, {**handed, "kind": "short", "reason": "not_collected", "lines": missing})
    if kind == "arrived":
        return record_of(FulfilmentReport, {**report, "kind": "arrived"})
    eta_ms = time_ms_of(payload, "eta", None)
    if eta_ms < at_ms:
        raise MessageRefused(
            422, "bad_eta", "eta is in the past: tell when the customer will be there, or send arrived if that is now"
        )
    return record_of(FulfilmentReport, {**report, "kind": "on_the_way", "eta_ms": eta_ms})


def _missing(task: Row, told: object) -> list[dict[str, object]]:
    """The goods of a hand-over that the customer did not get, when a message tells what was handed over."""
    kept = {line["line_id"]: line["quantity_milli"] for line in task["lines"]}
    if not isinstance(told, list) or not all(isinstance(one, Mapping) for one in told):
        raise bad("lines is no list of objects: write one for each line handed over, with line and quantity_milli")
    given: dict[str, int] = {}
    for one in told:
        line, milli = one.get("line"), one.get("quantity_milli")
        if not isinstance(line, str) or line not in kept or line in given:
            raise bad(f"line {shorten(line)} is none of the goods that are ready, or comes twice")
        if not isinstance(milli, int) or isinstance(milli, bool) or not 0 <= milli <= kept[line]:
            raise bad(f"quantity_milli of line {shorten(line)}: write thousandths handed over, 0 to {kept[line]}")
        given[line] = milli
    if not any(given.values()):
        raise bad("lines hands nothing over: name what the customer got, or post nothing")
    short = {line: milli - given.get(line, 0) for line, milli in kept.items()}
    return [{"line_id": line, "quantity_milli": milli} for line, milli in short.items() if milli]


def _check_stands(order: str, rows: list[Row | None]) -> None:
    found = [row for row in rows if row is not None]
    if not found:
        raise MessageRefused(
            404, "unknown_appointment",
            f"order {shorten(order)} has no such appointment: check both; if it was booked just now, send again",
        )  # fmt: skip
    if all(row["status"] in ENDED_APPOINTMENT for row in found):
        raise MessageRefused(
            409, "appointment_ended", f"it has ended: {found[-1]['status']}; place another order to collect"
        )
