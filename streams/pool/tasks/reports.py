"""Decides a fulfilment report about a task: it is claimed, its claim renewed, or it ends, with all its goods or less.

What goods become is for the aggregate to decide that opened the task; it says for which reasons they may be missing.
"""

from collections.abc import Callable, Mapping
from typing import Literal

from schemas.models.base import QUANTITY_MAX_MILLI, TEXT_MAX
from schemas.statuses import LIVE_TASK
from schemas.types.journal import Fact
from schemas.types.orders import FulfilmentReportDecided
from schemas.types.pickup import AppointmentRow
from schemas.types.reports import FulfilmentReport
from schemas.types.tasks import TaskKind, TaskRow
from streams.pool.journal import rejections
from streams.pool.journal.facts import FULFILMENT_REPORT_DECIDED
from streams.pool.journal.rejections import RefusedError
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.rows import REPORTS_KEPT, end_task, find_task, remember_report

PICK_REASONS = ("not_found", "damaged", "wrong_item", "sold", "store_closed", "no_capacity")
DOUBTFUL = ("not_found", "wrong_item")
"""Reasons after which the books are in doubt."""
_ENDS = ("done", "short", "refused")
Missing = dict[str, tuple[int, str]]
"""Line id → (thousandths, reason)"""
Reasons = Mapping[TaskKind, tuple[str, ...]]
"""Task kind → why its goods may be missing."""
EndTask = Callable[[PoolState, TaskRow, Missing, FulfilmentReportDecided, int], FulfilmentReportDecided]
"""(state, the task, ended, what of it is missing, the decision so far, now ms) → the decision, whole."""


def decide_report(state: PoolState, report: FulfilmentReport, appended_at_ms: int) -> Fact:
    """Decide a report about a task that has no goods, or about none that is known."""
    return decide_about_task(state, report, appended_at_ms, {}, None)


def named_task(state: PoolState, report: FulfilmentReport) -> TaskRow | None:
    """The task that a report names; None for one that nobody knows, and for a report about a transfer."""
    name = report["task"]
    return None if name is None or report["transfer"] is not None or len(name) > TEXT_MAX else find_task(state, name)


def decide_about_task(
    state: PoolState, report: FulfilmentReport, appended_at_ms: int, reasons: Reasons, end: EndTask | None
) -> tuple[Literal["commonshelf.FulfilmentReportDecided"], FulfilmentReportDecided]:
    """Decide a report about a task: accepted, with what changes; a duplicate; or refused, with a reason."""
    now_ms = max(state.row["clock_ms"], report["recorded_at_ms"])
    try:
        check_report(state, report, appended_at_ms)
        return FULFILMENT_REPORT_DECIDED, _decide(state, report, now_ms, reasons, end)
    except RefusedError as refused:
        return FULFILMENT_REPORT_DECIDED, refuse(report, refused)


def accept(report: FulfilmentReport) -> FulfilmentReportDecided:
    """The report, accepted; nothing has changed yet. The customer's code goes no further."""
    if report.get("code") is not None:
        report = {**report, "code": None}
    return {
        "report": report, "outcome": "accepted", "reason": "", "detail": "", "order": None, "tasks": [],
        "corrections": [], "transfer": None, "discrepancies": [], "hand_overs": [],
    }  # fmt: skip


def refuse(report: FulfilmentReport, refused: RefusedError) -> FulfilmentReportDecided:
    """The report, refused."""
    return {**accept(report), "outcome": "refused", "reason": refused.reason, "detail": refused.detail}


def check_report(state: PoolState, report: FulfilmentReport, appended_at_ms: int) -> None:
    """Store, times and names are fit to be used. Raises RefusedError."""
    pool, occurred, recorded = state.config.pool, report["occurred_at_ms"], report["recorded_at_ms"]
    if report["store"] not in state.config.stores:
        raise RefusedError(rejections.UNKNOWN_STORE, f"the pool has no store {report['store'][:TEXT_MAX]}")
    if max(occurred - recorded, recorded - appended_at_ms) > pool["future_skew_ms"]:
        raise RefusedError(rejections.IN_THE_FUTURE, "occurred_at_ms or recorded_at_ms is ahead of the broker")
    if recorded - occurred > pool["late_limit_ms"] or occurred <= 0:
        raise RefusedError(rejections.TOO_LATE, f"recorded {recorded - occurred} ms after it happened")
    if occurred < state.row["late_before_ms"]:
        raise RefusedError(rejections.TOO_LATE, f"it happened at {occurred}, longer ago than the pool accepts")
    if not 0 < len(report["report_id"]) <= TEXT_MAX:
        raise RefusedError(rejections.BAD_NAME, f"report_id must have 1 to {TEXT_MAX} characters")
    if report["worker"] is not None and not 0 < len(report["worker"]) <= TEXT_MAX:
        raise RefusedError(rejections.BAD_NAME, f"worker must have 1 to {TEXT_MAX} characters")


def is_known(row: TaskRow | AppointmentRow, report: FulfilmentReport) -> bool:
    """Whether the report was accepted before. Raises RefusedError where it may have been, and was forgotten."""
    if any(known["report_id"] == report["report_id"] for known in row["reports"]):
        return True
    if report["recorded_at_ms"] <= row["reports_forgotten_ms"]:
        raise RefusedError(rejections.TOO_LATE, f"{REPORTS_KEPT} reports about it were recorded later")
    return False


def _decide(
    state: PoolState, report: FulfilmentReport, now_ms: int, reasons: Reasons, end: EndTask | None
) -> FulfilmentReportDecided:
    decided, task = accept(report), _task(state, report)
    if is_known(task, report):
        return {**decided, "outcome": "duplicate"}
    task = remember_report(task, report, state.next_position)
    kind, worker = report["kind"], report["worker"]
    if task["status"] not in LIVE_TASK:
        raise RefusedError(rejections.TASK_ENDED, f"it has ended: {task['status']} {task['reason']}".rstrip())
    if task["worker"] is not None and worker is not None and worker != task["worker"]:
        raise RefusedError(rejections.CLAIMED_ALREADY, f"{task['worker']} has it")
    lease_until_ms = task["due_ms"] if task.get("delivery") else now_ms + state.config.pool["lease_ms"]
    if kind == "claimed":
        task = {**task, "status": "claimed", "worker": worker or task["worker"], "lease_until_ms": lease_until_ms}
        return {**decided, "tasks": [task]}
    if kind == "renewed":
        if task["status"] != "claimed":
            raise RefusedError(rejections.NOT_CLAIMED, "claim it first")
        return {**decided, "tasks": [{**task, "lease_until_ms": lease_until_ms}]}
    if kind not in _ENDS or (kind == "short" and task["kind"] not in reasons):
        raise RefusedError(rejections.UNKNOWN_KIND, f"{kind[:TEXT_MAX]!r} cannot be said of a {task['kind']}")
    task = {**task, "worker": worker or task["worker"]}
    ended = end_task(state, task, "refused" if kind == "refused" else "done", report["reason"] or "", now_ms)
    if end is None or task["kind"] not in reasons:
        return {**decided, "tasks": [ended]}
    return end(state, ended, _missing(ended, report, reasons[task["kind"]]), decided, now_ms)


def _task(state: PoolState, report: FulfilmentReport) -> TaskRow:
    name = report["task"] or ""
    task = find_task(state, name) if len(name) <= TEXT_MAX else None
    if task is None:
        raise RefusedError(rejections.UNKNOWN_TASK, f"no task {name[:TEXT_MAX] or '(none given)'} is known")
    if task["store"] != report["store"]:
        raise RefusedError(rejections.NOT_YOUR_TASK, f"{name} is a task of {task['store']}")
    return task


def _missing(task: TaskRow, report: FulfilmentReport, reasons: tuple[str, ...]) -> Missing:
    kind = report["kind"]
    wanted = {line["line_id"]: line["quantity_milli"] for line in task["lines"]}
    if kind == "done":
        return {}
    if kind == "refused":
        reason = _reason(report["reason"], reasons)
        return {line_id: (milli, reason) for line_id, milli in wanted.items()}
    missing: Missing = {}
    for line in report["lines"]:
        line_id, milli = line["line_id"], line["quantity_milli"]
        if line_id in missing or line_id not in wanted:
            raise RefusedError(rejections.BAD_LINES, f"line {line_id[:TEXT_MAX]!r} comes twice or is not of the task")
        if not 0 < milli <= min(wanted[line_id], QUANTITY_MAX_MILLI):
            raise RefusedError(rejections.BAD_QUANTITY, f"line {line_id}: {milli} of {wanted[line_id]} thousandths")
        missing[line_id] = (milli, _reason(line["reason"] or report["reason"], reasons))
    if not missing:
        raise RefusedError(rejections.BAD_LINES, "name the lines that are short")
    return missing


def _reason(reason: str | None, reasons: tuple[str, ...]) -> str:
    if reason not in reasons:
        raise RefusedError(rejections.BAD_REASON, f"{str(reason)[:TEXT_MAX]!r} is none of {', '.join(reasons)}")
    return reason
