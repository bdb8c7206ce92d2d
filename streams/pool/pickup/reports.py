"""Decides reports about a customer's way to an appointment: on the way with a time of arrival, arrived."""

from schemas.models.base import TEXT_MAX
from schemas.statuses import LIVE_APPOINTMENT
from schemas.types.journal import Fact
from schemas.types.orders import FulfilmentReportDecided
from schemas.types.pickup import AppointmentRow, CustomerState
from schemas.types.reports import FulfilmentReport
from schemas.types.tasks import TaskRow
from streams.pool.journal import rejections
from streams.pool.journal.facts import FULFILMENT_REPORT_DECIDED
from streams.pool.journal.rejections import RefusedError
from streams.pool.pickup.index import appointment_name
from streams.pool.pickup.rows import find_appointment
from streams.pool.pickup.waiting import longest_ms, waits_until_ms
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.index import TASKS
from streams.pool.tasks.reports import accept, check_report, is_known, refuse
from streams.pool.tasks.rows import HAND_OVER, find_task, remember_report

_KINDS: dict[str, CustomerState] = {"on_the_way": "on_the_way", "arrived": "arrived"}


def decide_report(state: PoolState, report: FulfilmentReport, appended_at_ms: int) -> Fact | None:
    """Decide a report about the customer of an appointment; None for any other."""
    if report["kind"] not in _KINDS:
        return None
    try:
        check_report(state, report, appended_at_ms)
        return FULFILMENT_REPORT_DECIDED, _decide(state, report, max(state.row["clock_ms"], report["recorded_at_ms"]))
    except RefusedError as refused:
        return FULFILMENT_REPORT_DECIDED, refuse(report, refused)


def _decide(state: PoolState, report: FulfilmentReport, now_ms: int) -> FulfilmentReportDecided:
    row, decided = _named(state, report), accept(report)
    if is_known(row, report):
        return {**decided, "outcome": "duplicate"}
    if row["status"] not in LIVE_APPOINTMENT:
        raise RefusedError(rejections.APPOINTMENT_ENDED, f"it has ended: {row['status']}; place another order")
    row = remember_report(row, report, state.next_position)
    eta_ms = report.get("eta_ms")
    if report["kind"] == "on_the_way":
        _check_eta(state, row, report, eta_ms)
    if report["occurred_at_ms"] < row["customer_at_ms"]:  # what is known is newer
        return {**decided, "appointment": row}
    customer = _KINDS[report["kind"]]
    row = {**row, "change": customer, "customer": customer, "customer_at_ms": report["occurred_at_ms"]}
    if eta_ms is not None and customer == "on_the_way":
        row = {**row, "eta_ms": eta_ms}
    return {**decided, "appointment": row, "tasks": _waiting_longer(state, row, now_ms)}


def _named(state: PoolState, report: FulfilmentReport) -> AppointmentRow:
    order = report.get("order") or ""
    name = appointment_name(order, report["store"])
    row = find_appointment(state, name) if 0 < len(order) <= TEXT_MAX else None
    if row is None:
        detail = f"order {order[:TEXT_MAX] or '(none given)'} has no appointment at {report['store']}"
        raise RefusedError(rejections.UNKNOWN_APPOINTMENT, detail)
    return row


def _check_eta(state: PoolState, row: AppointmentRow, report: FulfilmentReport, eta_ms: int | None) -> None:
    if eta_ms is None:
        raise RefusedError(rejections.BAD_ETA, "on_the_way needs eta_ms: when does the customer arrive?")
    if eta_ms < report["occurred_at_ms"]:
        raise RefusedError(rejections.BAD_ETA, "eta_ms is before the report: tell a new one, or arrived")
    until_ms = longest_ms(state, row["deadline_ms"])
    if eta_ms > until_ms:
        raise RefusedError(
            rejections.BAD_ETA, f"goods wait until {until_ms}, and eta_ms is later: move the appointment"
        )


def _waiting_longer(state: PoolState, row: AppointmentRow, now_ms: int) -> list[TaskRow]:
    """The store's hand-over, due later when the customer comes later."""
    until_ms = waits_until_ms(state, row["place"], row["booked_until_ms"], row["eta_ms"], row["deadline_ms"], now_ms)
    found = [find_task(state, name) for name in sorted(state[TASKS].of_order.get(row["order"], ()))]
    return [
        {**task, "due_ms": until_ms, "position": state.next_position}
        for task in found
        if task is not None and (task["kind"], task["store"]) == (HAND_OVER, row["store"]) and task["due_ms"] < until_ms
    ]
