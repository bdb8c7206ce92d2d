"""Decisions on fulfilment reports: `decide_report(state, report)` gives the fact. Pure.

The reason of what is missing corrects the books: damaged goods leave them; goods not found, or another item in their
place, lower the shelf's confidence and open a recount; sold goods are left to the till's own sale.
"""

from collections.abc import Callable
from typing import Any

from schemas.models.base import QUANTITY_MAX_MILLI
from streams.pool.journal import rejections
from streams.pool.journal.facts import FULFILMENT_REPORT_DECIDED, Fact
from streams.pool.journal.rejections import RefusedError
from streams.pool.orders.holds import COLLECTED, CONFIRMED, PICKED, fail_lines, held_milli, settled, without
from streams.pool.orders.index import LIVE_TASK
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.rows import HAND_OVER, PICK, REPORTS_KEPT, end_task, recount_task, tasks_after
from streams.pool.transfers.reports import decide_of_task, decide_of_transfer
from streams.pool.transfers.rows import TRANSFER_IN, TRANSFER_OUT

Row = dict[str, Any]
NOT_COLLECTED = "not_collected"
_ENDS = ("done", "short", "refused")
_PICK_REASONS = ("not_found", "damaged", "wrong_item", "sold", "store_closed", "no_capacity")
_REASONS = {
    PICK: _PICK_REASONS, HAND_OVER: (*_PICK_REASONS, NOT_COLLECTED), TRANSFER_OUT: _PICK_REASONS,
    TRANSFER_IN: ("not_found", "damaged", "wrong_item", "store_closed", "no_capacity"),
}  # fmt: skip
_DOUBTFUL = ("not_found", "wrong_item")
_TEXT_MAX = 200


def decide_report(state: PoolState, report: Row, appended_at_ms: int) -> Fact:
    """The report's fact: accepted, with the task, the order and the corrections after it; a duplicate; or refused."""
    now_ms = max(state.row["clock_ms"], report["recorded_at_ms"])
    fields: Row = {
        "report": report, "outcome": "accepted", "reason": "", "detail": "", "order": None, "tasks": [],
        "corrections": [], "transfer": None, "discrepancies": [],
    }  # fmt: skip
    try:
        _check_head(state, report, appended_at_ms)
        if report["transfer"] is not None:
            return FULFILMENT_REPORT_DECIDED, fields | decide_of_transfer(state, report, now_ms)
        task = _task(state, report)
        if report["report_id"] in task["reports"]:
            fields["outcome"] = "duplicate"
        else:
            reports = [*task["reports"], report["report_id"]][-REPORTS_KEPT:]
            fields |= _take(state, {**task, "reports": reports, "position": state.row["position"] + 1}, report, now_ms)
    except RefusedError as refused:
        fields.update(outcome="refused", reason=refused.reason, detail=refused.detail)
    return FULFILMENT_REPORT_DECIDED, fields


def _check_head(state: PoolState, report: Row, appended_at_ms: int) -> None:
    pool, occurred, recorded = state.catalog.pool, report["occurred_at_ms"], report["recorded_at_ms"]
    if report["store"] not in state.catalog.stores:
        raise RefusedError(rejections.UNKNOWN_STORE, f"the pool has no store {report['store'][:_TEXT_MAX]}")
    if max(occurred - recorded, recorded - appended_at_ms) > pool["future_skew_ms"]:
        raise RefusedError(rejections.IN_THE_FUTURE, "occurred_at_ms or recorded_at_ms is ahead of the broker")
    if recorded - occurred > pool["late_limit_ms"] or occurred <= 0:
        raise RefusedError(rejections.TOO_LATE, f"recorded {recorded - occurred} ms after it happened")
    if not 0 < len(report["report_id"]) <= _TEXT_MAX:
        raise RefusedError(rejections.BAD_NAME, f"report_id must have 1 to {_TEXT_MAX} characters")
    if report["worker"] is not None and not 0 < len(report["worker"]) <= _TEXT_MAX:
        raise RefusedError(rejections.BAD_NAME, f"worker must have 1 to {_TEXT_MAX} characters")


def _task(state: PoolState, report: Row) -> Row:
    name = report["task"] or ""
    task = state.tables.tasks.get((state.pool, name)) if len(name) <= _TEXT_MAX else None
    if task is None:
        raise RefusedError(rejections.UNKNOWN_TASK, f"no task {name[:_TEXT_MAX] or '(none given)'} is known")
    if task["store"] != report["store"]:
        raise RefusedError(rejections.NOT_YOUR_TASK, f"{name} is a task of {task['store']}")
    return task


def _take(state: PoolState, task: Row, report: Row, now_ms: int) -> Row:
    kind, worker = report["kind"], report["worker"]
    if task["status"] not in LIVE_TASK:
        raise RefusedError(rejections.TASK_ENDED, f"it has ended: {task['status']} {task['reason']}".rstrip())
    if task["worker"] is not None and worker is not None and worker != task["worker"]:
        raise RefusedError(rejections.CLAIMED_ALREADY, f"{task['worker']} has it")
    lease_until_ms = now_ms + state.catalog.pool["lease_ms"]
    if kind == "claimed":
        claim = {"status": "claimed", "worker": worker or task["worker"], "lease_until_ms": lease_until_ms}
        return {"tasks": [{**task, **claim}]}
    if kind == "renewed":
        if task["status"] != "claimed":
            raise RefusedError(rejections.NOT_CLAIMED, "claim it first")
        return {"tasks": [{**task, "lease_until_ms": lease_until_ms}]}
    if kind not in _ENDS or (kind == "short" and task["kind"] not in _REASONS):
        raise RefusedError(rejections.UNKNOWN_KIND, f"{kind[:_TEXT_MAX]!r} cannot be said of a {task['kind']}")
    task = {**task, "worker": worker or task["worker"]}
    ended = end_task(state, task, "refused" if kind == "refused" else "done", report["reason"] or "", now_ms)
    if task["kind"] not in _REASONS:
        return {"tasks": [ended]}
    if task["transfer"] is not None:
        return decide_of_task(state, ended, _missing(task, report), report, now_ms)
    return _take_goods(state, ended, report, now_ms)


def _take_goods(state: PoolState, task: Row, report: Row, now_ms: int) -> Row:
    """What was picked or handed over, and what was not."""
    order = state.tables.orders.get((state.pool, task["order"]))
    if order is None:
        raise RefusedError(rejections.UNKNOWN_ORDER, f"no order {task['order']} is known")
    missing = _missing(task, report)
    store, state_before = task["store"], CONFIRMED if task["kind"] == PICK else PICKED
    corrections: list[Row] = []

    def correct(sku: str, kind: str, delta_milli: int) -> None:
        corrections.append({
            "store": store, "sku": sku, "kind": kind, "occurred_at_ms": report["occurred_at_ms"],
            "delta_milli": delta_milli,
        })  # fmt: skip

    left = {line_id: milli for line_id, (milli, _) in missing.items()}
    holds = without(reversed(order["holds"]), _taker(left, store, state_before))[::-1]
    for at, hold in enumerate(holds):
        if hold["store"] == store and hold["state"] == state_before:
            if task["kind"] == HAND_OVER:
                correct(hold["sku"], "collected", -held_milli(hold))
            holds[at] = {**hold, "state": PICKED if task["kind"] == PICK else COLLECTED}
    after = {**order, "holds": holds, "position": task["position"]}
    recounts: list[Row] = []
    for line in task["lines"]:
        if line["line_id"] not in missing:
            continue
        milli, reason = missing[line["line_id"]]
        gone = milli - left[line["line_id"]]  # less what the till has rung up meanwhile
        comes_back = reason != NOT_COLLECTED
        after = fail_lines(after, {line["line_id"]: gone}, store, reason, comes_back=comes_back)
        if reason == "damaged":
            correct(line["sku"], "damaged", -gone)
        if reason in _DOUBTFUL:
            correct(line["sku"], "not_found", 0)
            if (line["sku"], store) not in state.order_index.recounts:
                recounts.append(recount_task(state, store, line["sku"], reason, now_ms, len(recounts) + 1))
    after = settled(after, now_ms, state.catalog.pool["ended_retention_ms"])
    tasks = tasks_after(state, after, now_ms, {task["task"]: task})
    return {"order": after, "tasks": tasks + recounts, "corrections": corrections}


def _missing(task: Row, report: Row) -> dict[str, tuple[int, str]]:
    """Line id → (thousandths, reason)."""
    kind, reasons = report["kind"], _REASONS[task["kind"]]
    wanted = {line["line_id"]: line["quantity_milli"] for line in task["lines"]}
    if kind == "done":
        return {}
    if kind == "refused":
        reason = report["reason"]
        if reason not in reasons:
            raise RefusedError(rejections.BAD_REASON, f"{str(reason)[:_TEXT_MAX]!r} is none of {', '.join(reasons)}")
        return {line_id: (milli, reason) for line_id, milli in wanted.items()}
    missing: dict[str, tuple[int, str]] = {}
    for line in report["lines"]:
        line_id, milli, reason = line["line_id"], line["quantity_milli"], line["reason"] or report["reason"]
        if line_id in missing or line_id not in wanted:
            raise RefusedError(rejections.BAD_LINES, f"line {line_id[:_TEXT_MAX]!r} comes twice or is not of the task")
        if not 0 < milli <= min(wanted[line_id], QUANTITY_MAX_MILLI):
            raise RefusedError(rejections.BAD_QUANTITY, f"line {line_id}: {milli} of {wanted[line_id]} thousandths")
        if reason not in reasons:
            raise RefusedError(rejections.BAD_REASON, f"{str(reason)[:_TEXT_MAX]!r} is none of {', '.join(reasons)}")
        missing[line_id] = (milli, reason)
    if not missing:
        raise RefusedError(rejections.BAD_LINES, "name the lines that are short")
    return missing


def _taker(left: dict[str, int], store: str, state_before: str) -> Callable[[Row], int]:
    """Takes what is `left` to take, hold by hold."""

    def take(hold: Row) -> int:
        if (hold["store"], hold["state"]) != (store, state_before):
            return 0
        part = min(left.get(hold["line_id"], 0), held_milli(hold))
        if part:
            left[hold["line_id"]] -= part
        return part

    return take
