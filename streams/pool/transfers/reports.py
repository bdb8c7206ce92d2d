"""Decides a fulfilment report about a transfer: what was sent, and what came.

The sender speaks once; a second word of what was sent is refused. What came adds up, in any order with that: before it
was sent, in parts, or after it counted as lost.
"""

from collections import defaultdict
from typing import Final, Literal

from schemas.models.base import LINE_ID_MAX, ORDER_QUANTITY_MAX_MILLI, QUANTITY_MAX_MILLI, TEXT_MAX
from schemas.types.journal import Fact
from schemas.types.orders import FulfilmentReportDecided
from schemas.types.reports import FulfilmentLine, FulfilmentReport
from schemas.types.stock import Correction
from schemas.types.tasks import TaskRow
from schemas.types.transfers import TransferLine, TransferRow
from streams.pool.journal import rejections
from streams.pool.journal.facts import FULFILMENT_REPORT_DECIDED
from streams.pool.journal.rejections import RefusedError
from streams.pool.orders.requests import check_no_kit
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.reports import (
    DOUBTFUL,
    PICK_REASONS,
    Missing,
    Reasons,
    accept,
    check_report,
    decide_about_task,
    named_task,
    refuse,
)
from streams.pool.transfers.change import change, correction
from streams.pool.transfers.rows import TRANSFER_IN, TRANSFER_OUT, arrived_milli, find_transfer, new_line

REPORTS_MAX = 100
_LINES_MAX = 60
_SENT_BACK = ("store_closed", "no_capacity")
_REASONS: Reasons = {
    TRANSFER_OUT: PICK_REASONS,
    TRANSFER_IN: ("not_found", "damaged", "wrong_item", "store_closed", "no_capacity"),
}
_Column = Literal["received_milli", "returned_milli", "damaged_milli", "lost_milli", "mis_shipped_milli"]
"""What goods that came, or did not, are added to in their line."""
_RECEIVED: Final = "received_milli"
_RETURNED: Final = "returned_milli"
_BECOMES: dict[str, _Column] = {
    "not_found": "lost_milli", "damaged": "damaged_milli", "wrong_item": "mis_shipped_milli",
}  # fmt: skip
_Arrived = defaultdict[str, defaultdict[_Column, int]]
"""Line id → what is added to it."""


def decide_report(state: PoolState, report: FulfilmentReport, appended_at_ms: int) -> Fact | None:
    """Decide a report that names a transfer, or a task of one; None for any other."""
    if report["transfer"] is not None:
        return _decide_about_transfer(state, report, report["transfer"], appended_at_ms)
    task = named_task(state, report)
    if task is None or task["transfer"] is None:
        return None
    return decide_about_task(state, report, appended_at_ms, _REASONS, _take_goods)


def _decide_about_transfer(state: PoolState, report: FulfilmentReport, name: str, appended_at_ms: int) -> Fact:
    now_ms = max(state.row["clock_ms"], report["recorded_at_ms"])
    try:
        check_report(state, report, appended_at_ms)
        row = _named_transfer(state, report, name)
        decided = accept(report)
        if report["report_id"] in row["reports"]:
            decided = {**decided, "outcome": "duplicate"}
        else:
            _check_lines(row, report)
            decided = _DECIDE[report["kind"]](state, row, decided, now_ms)
    except RefusedError as refused:
        decided = refuse(report, refused)
    return FULFILMENT_REPORT_DECIDED, decided


def _named_transfer(state: PoolState, report: FulfilmentReport, name: str) -> TransferRow:
    row = find_transfer(state, name) if len(name) <= TEXT_MAX else None
    if row is None:
        raise RefusedError(rejections.UNKNOWN_TRANSFER, f"no transfer {name[:TEXT_MAX]} is known")
    if report["kind"] not in _DECIDE:
        raise RefusedError(rejections.UNKNOWN_KIND, f"{report['kind'][:TEXT_MAX]!r} cannot be said of a transfer")
    stores = (row["from_store"],) if report["kind"] == "shipped" else (row["from_store"], row["to_store"])
    if report["store"] not in stores:
        raise RefusedError(rejections.NOT_YOUR_TRANSFER, f"{report['kind']} is for {' or '.join(stores)} to say")
    return row


def _check_lines(row: TransferRow, report: FulfilmentReport) -> None:
    if len(row["reports"]) >= REPORTS_MAX:
        raise RefusedError(rejections.TOO_MANY_REQUESTS, f"{REPORTS_MAX} reports about one transfer")
    if not report["lines"]:
        raise RefusedError(rejections.BAD_LINES, f"name what was {report['kind']}, line by line")


def _take_goods(
    state: PoolState, task: TaskRow, missing: Missing, decided: FulfilmentReportDecided, now_ms: int
) -> FulfilmentReportDecided:
    """All that the task was about was sent, or came, but what is missing."""
    row, report = find_transfer(state, task["transfer"] or ""), decided["report"]
    if row is None:
        raise RefusedError(rejections.UNKNOWN_TRANSFER, f"no transfer {task['transfer']} is known")
    wanted = {line["line_id"]: line["quantity_milli"] for line in task["lines"]}
    good = {line_id: milli - missing.get(line_id, (0, ""))[0] for line_id, milli in wanted.items()}
    if task["kind"] == TRANSFER_OUT:
        return _ship(state, row, good, decided, now_ms, task, missing)
    if report["kind"] == "refused" and report["reason"] in _SENT_BACK:
        if row["is_returning"]:
            raise RefusedError(rejections.BAD_REASON, "goods that come back are received, short or not")
        return _change(state, row, {**row, "is_returning": True}, decided, now_ms, [], task)
    arrived: _Arrived = defaultdict(lambda: defaultdict(int))
    for line_id, milli in good.items():
        arrived[line_id][_arrival(row, task["store"])] += milli
    for line_id, (milli, reason) in missing.items():
        if reason in _BECOMES:
            arrived[line_id][_BECOMES[reason]] += milli
    return _receive(state, row, arrived, decided, now_ms, task)


def _decide_shipped(
    state: PoolState, row: TransferRow, decided: FulfilmentReportDecided, now_ms: int
) -> FulfilmentReportDecided:
    good: dict[str, int] = {}
    for told in decided["report"]["lines"]:
        row, line = _line_of(state, row, told)
        if line["line_id"] in good:
            raise RefusedError(rejections.BAD_LINES, f"line {line['line_id']} comes twice")
        good[line["line_id"]] = told["quantity_milli"]
    return _ship(state, row, good, decided, now_ms)


def _ship(
    state: PoolState, row: TransferRow, good: dict[str, int], decided: FulfilmentReportDecided, now_ms: int,
    task: TaskRow | None = None, missing: Missing | None = None,
) -> FulfilmentReportDecided:  # fmt: skip
    report = decided["report"]
    if row["shipped_at_ms"]:
        raise RefusedError(rejections.ALREADY_SHIPPED, "the sender has said what it sent")
    lines: list[TransferLine] = [{**line, "shipped_milli": good.get(line["line_id"], 0)} for line in row["lines"]]
    reason = "" if any(good.values()) else report["reason"] or ""
    store, at_ms = row["from_store"], report["occurred_at_ms"]
    after: TransferRow = {
        **row, "lines": lines, "is_shipment_reported": True, "shipped_at_ms": at_ms, "reason": reason,
    }  # fmt: skip
    skus = {line["line_id"]: line["sku"] for line in row["lines"]}
    corrections, doubtful = [], []
    for line_id, (milli, why) in (missing or {}).items():
        if why == "damaged":
            corrections.append(correction(store, skus[line_id], "damaged", at_ms, -milli))
        if why in DOUBTFUL:
            corrections.append(correction(store, skus[line_id], "not_found", at_ms, 0, milli))
            doubtful.append(skus[line_id])
    return _change(state, row, after, decided, now_ms, corrections, task, doubtful)


def _decide_received(
    state: PoolState, row: TransferRow, decided: FulfilmentReportDecided, now_ms: int
) -> FulfilmentReportDecided:
    arrived: _Arrived = defaultdict(lambda: defaultdict(int))
    units = {line["line_id"]: state.config.unit(line["sku"]) for line in row["lines"]}
    arrival = _arrival(row, decided["report"]["store"])
    for told in decided["report"]["lines"]:
        reason, milli = told["reason"], told["quantity_milli"]
        row, line = _line_of(state, row, told)
        became = arrival
        if reason == "wrong_item":
            if line["line_id"] == told["line_id"]:
                detail = f"line {told['line_id']}: give the sku that came in its place"
                raise RefusedError(rejections.BAD_LINES, detail)
            if units.get(told["line_id"]) == state.config.unit(line["sku"]):
                arrived[told["line_id"]]["mis_shipped_milli"] += milli
        elif reason is not None:
            if reason not in _BECOMES:
                detail = f"{reason[:TEXT_MAX]!r} is none of {', '.join(_BECOMES)}"
                raise RefusedError(rejections.BAD_REASON, detail)
            became = _BECOMES[reason]
        arrived[line["line_id"]][became] += milli
    return _receive(state, row, arrived, decided, now_ms)


def _receive(
    state: PoolState, row: TransferRow, arrived: _Arrived, decided: FulfilmentReportDecided, now_ms: int,
    task: TaskRow | None = None,
) -> FulfilmentReportDecided:  # fmt: skip
    lines: list[TransferLine] = []
    corrections, at_ms = [], decided["report"]["occurred_at_ms"]
    for line in row["lines"]:
        came = arrived[line["line_id"]]
        lines.append({
            **line,
            "received_milli": line["received_milli"] + came[_RECEIVED],
            "returned_milli": line["returned_milli"] + came[_RETURNED],
            "damaged_milli": line["damaged_milli"] + came["damaged_milli"],
            "lost_milli": line["lost_milli"] + came["lost_milli"],
            "mis_shipped_milli": line["mis_shipped_milli"] + came["mis_shipped_milli"],
        })  # fmt: skip
        _check_sum(lines[-1])
        if came[_RECEIVED]:
            corrections.append(correction(row["to_store"], line["sku"], "received", at_ms, came[_RECEIVED]))
        if came[_RETURNED]:
            corrections.append(correction(row["from_store"], line["sku"], "returned", at_ms, came[_RETURNED]))
    return _change(state, row, {**row, "lines": lines}, decided, now_ms, corrections, task)


def _change(
    state: PoolState, row: TransferRow, after: TransferRow, decided: FulfilmentReportDecided, now_ms: int,
    corrections: list[Correction], task: TaskRow | None = None, doubtful: list[str] | None = None,
) -> FulfilmentReportDecided:  # fmt: skip
    report = decided["report"]
    ended = {} if task is None else {task["task"]: task}
    after = {
        **after, "outcome": "", "reports": [*after["reports"], report["report_id"]],
        "told_at_ms": max(after["told_at_ms"], report["recorded_at_ms"], report["occurred_at_ms"]),
    }  # fmt: skip
    changed = change(state, row, after, report["occurred_at_ms"], now_ms, corrections, ended, doubtful or ())
    return {
        **decided, "transfer": changed.transfer, "tasks": changed.tasks, "corrections": changed.corrections,
        "discrepancies": changed.discrepancies,
    }  # fmt: skip


def _check_sum(line: TransferLine) -> None:
    """What was told of a line adds up to what one movement of the books can hold. Raises RefusedError."""
    told_milli = arrived_milli(line) + line["lost_milli"] + line["mis_shipped_milli"]
    if told_milli > QUANTITY_MAX_MILLI:
        detail = f"line {line['line_id']}: {told_milli} thousandths with what was reported before"
        raise RefusedError(rejections.BAD_QUANTITY, detail)


def _arrival(row: TransferRow, store: str) -> _Column:
    return _RECEIVED if store == row["to_store"] else _RETURNED


def _line_of(state: PoolState, row: TransferRow, told: FulfilmentLine) -> tuple[TransferRow, TransferLine]:
    """(the transfer, its line of the item that is told); a line is added for an item that nobody asked for."""
    line_id, milli = told["line_id"], told["quantity_milli"]
    named = next((line for line in row["lines"] if line["line_id"] == line_id), None)
    sku = told["sku"] or (named["sku"] if named is not None else None)
    if sku is None:
        detail = f"line {line_id[:LINE_ID_MAX]!r} is not of the transfer, and has no sku"
        raise RefusedError(rejections.BAD_LINES, detail)
    unit = state.config.unit(sku)
    if unit is None:
        raise RefusedError(rejections.UNKNOWN_SKU, f"the product master has no {sku[:TEXT_MAX]}")
    check_no_kit(state, sku)
    if not 0 <= milli <= ORDER_QUANTITY_MAX_MILLI or (unit == "each" and milli % 1000):
        raise RefusedError(rejections.BAD_QUANTITY, f"line {line_id[:LINE_ID_MAX]}: {milli} thousandths")
    line = next((line for line in row["lines"] if line["sku"] == sku), None)
    if line is not None:
        return row, line
    if len(row["lines"]) >= _LINES_MAX or any(one["line_id"] == sku for one in row["lines"]):
        raise RefusedError(rejections.BAD_LINES, f"no room for {sku[:TEXT_MAX]}: report it as goods received")
    line = new_line(sku, sku, 0)
    return {**row, "lines": [*row["lines"], line]}, line


_DECIDE = {"shipped": _decide_shipped, "received": _decide_received}
