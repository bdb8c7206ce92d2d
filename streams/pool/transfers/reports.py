"""Reports of stores on a transfer: the goods sent and those that came. Pure.

The sender speaks once; a second word of what was sent is refused. What came adds up, in any order with that: before it
was sent, in parts, or after it counted as lost.
"""

from collections import defaultdict
from typing import Any

from schemas.models.base import LINE_ID_MAX, ORDER_QUANTITY_MAX_MILLI
from streams.pool.journal import rejections
from streams.pool.journal.rejections import RefusedError
from streams.pool.state.pool_state import PoolState
from streams.pool.transfers.rows import TRANSFER_OUT, correction, moved, new_line

Row = dict[str, Any]
Missing = dict[str, tuple[int, str]]
"""Line id → (thousandths, reason)"""
REPORTS_MAX = 100
_LINES_MAX = 60
_TEXT_MAX = 200
_SENT_BACK = ("store_closed", "no_capacity")
_DOUBTFUL = ("not_found", "wrong_item")
_BECOMES = {"not_found": "lost_milli", "damaged": "damaged_milli", "wrong_item": "mis_shipped_milli"}


def decide_of_transfer(state: PoolState, report: Row, now_ms: int) -> Row:
    """What changes by a report that names a transfer; a repeat changes nothing."""
    name = report["transfer"]
    row = state.tables.transfers.get((state.pool, name)) if len(name) <= _TEXT_MAX else None
    if row is None:
        raise RefusedError(rejections.UNKNOWN_TRANSFER, f"no transfer {name[:_TEXT_MAX]} is known")
    if report["kind"] not in _TAKE:
        raise RefusedError(rejections.UNKNOWN_KIND, f"{report['kind'][:_TEXT_MAX]!r} cannot be said of a transfer")
    stores = (row["from_store"],) if report["kind"] == "shipped" else (row["from_store"], row["to_store"])
    if report["store"] not in stores:
        raise RefusedError(rejections.NOT_YOUR_TRANSFER, f"{report['kind']} is for {' or '.join(stores)} to say")
    if report["report_id"] in row["reports"]:
        return {"outcome": "duplicate"}
    if len(row["reports"]) >= REPORTS_MAX:
        raise RefusedError(rejections.TOO_MANY_REQUESTS, f"{REPORTS_MAX} reports about one transfer")
    if not report["lines"]:
        raise RefusedError(rejections.BAD_LINES, f"name what was {report['kind']}, line by line")
    return _TAKE[report["kind"]](state, row, report, now_ms)


def decide_of_task(state: PoolState, task: Row, missing: Missing, report: Row, now_ms: int) -> Row:
    """What changes by a report that ends the task of a transfer: all of its lines but what is `missing`."""
    row = state.tables.transfers.get((state.pool, task["transfer"]))
    if row is None:
        raise RefusedError(rejections.UNKNOWN_TRANSFER, f"no transfer {task['transfer']} is known")
    wanted = {line["line_id"]: line["quantity_milli"] for line in task["lines"]}
    good = {line_id: milli - missing.get(line_id, (0, ""))[0] for line_id, milli in wanted.items()}
    if task["kind"] == TRANSFER_OUT:
        return _sent(state, row, good, report, now_ms, task, missing)
    if report["kind"] == "refused" and report["reason"] in _SENT_BACK:
        if row["is_returning"]:
            raise RefusedError(rejections.BAD_REASON, "goods that come back are received, short or not")
        return _after(state, row, {**row, "is_returning": True}, report, now_ms, [], task)
    changes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line_id, milli in good.items():
        changes[line_id][_arrival(row, task["store"])] += milli
    for line_id, (milli, reason) in missing.items():
        if reason in _BECOMES:
            changes[line_id][_BECOMES[reason]] += milli
    return _came(state, row, changes, report, now_ms, task)


def _shipped(state: PoolState, row: Row, report: Row, now_ms: int) -> Row:
    good: dict[str, int] = {}
    for told in report["lines"]:
        row, line = _line_of(state, row, told)
        if line["line_id"] in good:
            raise RefusedError(rejections.BAD_LINES, f"line {line['line_id']} comes twice")
        good[line["line_id"]] = told["quantity_milli"]
    return _sent(state, row, good, report, now_ms)


def _sent(
    state: PoolState, row: Row, good: dict[str, int], report: Row, now_ms: int,
    task: Row | None = None, missing: Missing | None = None,
) -> Row:  # fmt: skip
    if row["shipped_at_ms"]:
        raise RefusedError(rejections.ALREADY_SHIPPED, "the sender has said what it sent")
    lines = [{**line, "shipped_milli": good.get(line["line_id"], 0)} for line in row["lines"]]
    reason = "" if any(good.values()) else report["reason"] or ""
    after = {
        **row, "lines": lines, "is_shipment_reported": True, "shipped_at_ms": report["occurred_at_ms"],
        "reason": reason,
    }  # fmt: skip
    store, at_ms = row["from_store"], report["occurred_at_ms"]
    skus = {line["line_id"]: line["sku"] for line in row["lines"]}
    corrections, doubtful = [], []
    for line_id, (milli, why) in (missing or {}).items():
        if why == "damaged":
            corrections.append(correction(store, skus[line_id], "damaged", at_ms, -milli))
        if why in _DOUBTFUL:
            corrections.append(correction(store, skus[line_id], "not_found", at_ms, 0))
            doubtful.append(skus[line_id])
    return _after(state, row, after, report, now_ms, corrections, task, doubtful)


def _received(state: PoolState, row: Row, report: Row, now_ms: int) -> Row:
    changes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    units = {line["line_id"]: state.catalog.unit(line["sku"]) for line in row["lines"]}
    arrival = _arrival(row, report["store"])
    for told in report["lines"]:
        reason, milli = told["reason"], told["quantity_milli"]
        row, line = _line_of(state, row, told)
        if reason == "wrong_item":
            if line["line_id"] == told["line_id"]:
                raise RefusedError(rejections.BAD_LINES, f"line {told['line_id']}: give the sku that came in its place")
            if units.get(told["line_id"]) == state.catalog.unit(line["sku"]):
                changes[told["line_id"]]["mis_shipped_milli"] += milli
        elif reason not in (None, *_BECOMES):
            raise RefusedError(rejections.BAD_REASON, f"{reason[:_TEXT_MAX]!r} is none of {', '.join(_BECOMES)}")
        became = _BECOMES.get(reason, arrival) if reason != "wrong_item" else arrival
        changes[line["line_id"]][became] += milli
    return _came(state, row, changes, report, now_ms)


def _came(
    state: PoolState, row: Row, changes: dict[str, dict[str, int]], report: Row, now_ms: int, task: Row | None = None
) -> Row:
    lines, corrections = [], []
    arrivals = {"received_milli": ("received", row["to_store"]), "returned_milli": ("returned", row["from_store"])}
    for line in row["lines"]:
        change = changes.get(line["line_id"], {})
        lines.append({**line, **{name: line[name] + milli for name, milli in change.items()}})
        for name, (kind, store) in arrivals.items():
            if change.get(name):
                corrections.append(correction(store, line["sku"], kind, report["occurred_at_ms"], change[name]))
    return _after(state, row, {**row, "lines": lines}, report, now_ms, corrections, task)


def _after(
    state: PoolState, row: Row, after: Row, report: Row, now_ms: int, corrections: list[Row],
    task: Row | None = None, doubtful: list[str] | None = None,
) -> Row:  # fmt: skip
    ended = {} if task is None else {task["task"]: task}
    after = {**after, "outcome": "", "reports": [*after["reports"], report["report_id"]]}
    change = moved(state, row, after, report["occurred_at_ms"], now_ms, corrections, ended, doubtful or ())
    return change._asdict()


def _arrival(row: Row, store: str) -> str:
    return "received_milli" if store == row["to_store"] else "returned_milli"


def _line_of(state: PoolState, row: Row, told: Row) -> tuple[Row, Row]:
    """(the transfer, its line of the item that is told); a line is added for an item that nobody asked for."""
    line_id, milli = told["line_id"], told["quantity_milli"]
    named = next((line for line in row["lines"] if line["line_id"] == line_id), None)
    sku = told["sku"] or (named["sku"] if named is not None else None)
    if sku is None:
        detail = f"line {line_id[:LINE_ID_MAX]!r} is not of the transfer, and has no sku"
        raise RefusedError(rejections.BAD_LINES, detail)
    unit = state.catalog.unit(sku)
    if unit is None:
        raise RefusedError(rejections.UNKNOWN_SKU, f"the product master has no {sku[:_TEXT_MAX]}")
    if not 0 <= milli <= ORDER_QUANTITY_MAX_MILLI or (unit == "each" and milli % 1000):
        raise RefusedError(rejections.BAD_QUANTITY, f"line {line_id[:LINE_ID_MAX]}: {milli} thousandths")
    line = next((line for line in row["lines"] if line["sku"] == sku), None)
    if line is not None:
        return row, line
    if len(row["lines"]) >= _LINES_MAX or any(one["line_id"] == sku for one in row["lines"]):
        raise RefusedError(rejections.BAD_LINES, f"no room for {sku[:_TEXT_MAX]}: report it as goods received")
    line = new_line(sku, sku, 0)
    return {**row, "lines": [*row["lines"], line]}, line


_TAKE = {"shipped": _shipped, "received": _received}
