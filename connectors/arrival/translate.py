"""Messages of an arrival app to reports and requests. Pure.

    {"id": "7f3a…", "kind": "on_the_way", "order": "R-1042", "store": "corner-shop",
     "at": "2026-03-01T09:15:00+01:00", "eta": "2026-03-01T09:40:00+01:00"}

Every field is explained in docs/arrival.md.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from connectors.contract import Refused
from connectors.parsing.quantities import shorten
from connectors.parsing.times import instant_ms
from schemas.models.forms import first_problem
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.statuses import ENDED_APPOINTMENT

Told = FulfilmentReport | OrderRequest
Row = Mapping[str, Any]
KINDS: Final = ("on_the_way", "arrived", "handed_over", "cancelled")
_FIELDS: Final = frozenset({"id", "kind", "order", "store", "at", "eta", "code", "worker"})
_ID_MAX = 100
_UTC = ZoneInfo("UTC")


class MessageRefused(Refused):
    """A message that cannot be used. `reason` is from a closed list, the text says what to do; `status` is HTTP's."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason


class Known(Protocol):
    """The appointments of the pool as they are known here."""

    def appointment(self, order: str, store: str) -> Row | None:
        """The AppointmentRow."""

    def hand_over(self, order: str, store: str) -> str | None:
        """The store's task of handing over that is open."""

    def stores(self, order: str) -> frozenset[str]:
        """The stores at which the order has appointments."""


def name_of(partner: str, payload: Mapping[str, Any]) -> str:
    """The name under which a message is reported: the same for a repeat. Raises MessageRefused."""
    name = payload.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= _ID_MAX:
        raise _bad(f"id is {shorten(name)}: give each message an id of its own, up to {_ID_MAX} characters")
    return f"{partner}/{name}"


def translate(pool: str, partner: str, payload: Mapping[str, Any], known: Known, received_at_ms: int) -> Told:
    """The report or the request that a message means. Raises MessageRefused."""
    name, kind = name_of(partner, payload), payload.get("kind")
    unknown = sorted(payload.keys() - _FIELDS)
    if unknown:
        raise _bad(f"{shorten(unknown[0])} is no field of a message; leave it out, or see docs/arrival.md")
    if kind not in KINDS:
        raise _bad(f"kind is {shorten(kind)}: write one of {', '.join(KINDS)}")
    order, store = _text(payload, "order"), payload.get("store")
    at_ms = min(_time_ms(payload, "at", received_at_ms), received_at_ms)
    common = {"pool": pool, "order": order, "recorded_at_ms": received_at_ms, "origin": partner}
    if kind == "cancelled":
        _check_stands(order, [known.appointment(order, one) for one in sorted(known.stores(order))])
        return _record(OrderRequest, {**common, "kind": "cancelled", "key": name})
    store = _text(payload, "store")
    _check_stands(order, [known.appointment(order, store)])
    report = {**common, "store": store, "report_id": name, "occurred_at_ms": at_ms, "worker": payload.get("worker")}
    if kind == "handed_over":
        task = known.hand_over(order, store)
        if task is None:
            raise MessageRefused(
                409, "not_ready", f"the goods of order {order} are not picked yet: wait until its status is ready"
            )
        return _record(
            FulfilmentReport,
            {**report, "order": None, "kind": "done", "task": task, "code": payload.get("code") or None},
        )
    if kind == "arrived":
        return _record(FulfilmentReport, {**report, "kind": "arrived"})
    eta_ms = _time_ms(payload, "eta", None)
    if eta_ms < at_ms:
        raise MessageRefused(
            422, "bad_eta", "eta is in the past: tell when the customer will be there, or send arrived if that is now"
        )
    return _record(FulfilmentReport, {**report, "kind": "on_the_way", "eta_ms": eta_ms})


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


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not value:
        raise _bad(f"{name} is {shorten(value)}: name the {name} of the appointment")
    return value


def _time_ms(payload: Mapping[str, Any], name: str, missing_ms: int | None) -> int:
    value = payload.get(name)
    if value is None and missing_ms is not None:
        return missing_ms
    if not isinstance(value, str):
        raise _bad(f"{name} is {shorten(value)}: write a time such as 2026-03-01T09:15:00+01:00")
    try:
        return instant_ms(value, _UTC)
    except Refused as refused:
        raise _bad(f"{name}: {refused}") from refused


def _record(model: type[FulfilmentReport] | type[OrderRequest], plain: Mapping[str, Any]) -> Told:
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        raise _bad(first_problem(error, "the message")) from error


def _bad(text: str) -> MessageRefused:
    return MessageRefused(422, "bad_message", text)
