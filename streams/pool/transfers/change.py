"""Changes of a transfer: its row, the books of both stores, their tasks, the discrepancies."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from schemas.types.stock import Correction, CorrectionKind
from schemas.types.tasks import TaskKind, TaskLine, TaskRow
from schemas.types.transfers import Discrepancy, TransferLine, TransferOutcome, TransferRow
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.index import TASKS
from streams.pool.tasks.opening_hours import time_after
from streams.pool.tasks.rows import end_task, find_task, is_recounted, new_task, recount_task, set_lines
from streams.pool.transfers.rows import (
    ENDED,
    IN_TRANSIT,
    OPEN,
    TRANSFER_IN,
    TRANSFER_OUT,
    Differences,
    arrived_milli,
    differences,
    in_transit_milli,
    left_milli,
    new_line,
    to_ship_milli,
)

_RECOUNTED = ("over", "mis_shipped", "not_shipped", "lost")
"""Differences after which the sender's books are in doubt."""


class Changed(NamedTuple):
    """A transfer after a change, and what changes with it."""

    transfer: TransferRow
    tasks: list[TaskRow]
    corrections: list[Correction]
    discrepancies: list[Discrepancy]


def change(
    state: PoolState, before: TransferRow, after: TransferRow, occurred_at_ms: int, now_ms: int,
    corrections: Iterable[Correction] = (), ended: Mapping[str, TaskRow] | None = None, doubtful: Iterable[str] = (),
) -> Changed:  # fmt: skip
    """All that changes when `before` becomes `after`: the sender's books, holds, the end, tasks, discrepancies.

    `corrections` come besides; `ended` are tasks that end with the same entry, by id; `doubtful` are items that the
    sender must count.
    """
    found = list(corrections)
    lines: list[TransferLine] = []
    known = {line["sku"]: line for line in before["lines"]}
    for line in after["lines"]:
        old = known.get(line["sku"], new_line(line["line_id"], line["sku"], 0))
        told_milli = max(line["shipped_milli"] - line["mis_shipped_milli"] - arrived_milli(line), 0)
        changed: TransferLine = {**line, "lost_milli": min(line["lost_milli"], told_milli)}
        gone = left_milli(changed) - left_milli(old)
        at_ms = after["shipped_at_ms"] or occurred_at_ms
        if after["shipped_at_ms"] and not before["shipped_at_ms"]:
            found += [
                _ship(after, line, early["occurred_at_ms"], -early["quantity_milli"])
                for early in line["received_before_shipment"]
            ]
            gone = left_milli(changed)
            changed["received_before_shipment"] = []
        elif gone and not after["shipped_at_ms"]:
            changed["received_before_shipment"] = [
                *line["received_before_shipment"],
                {"quantity_milli": gone, "occurred_at_ms": occurred_at_ms},
            ]
        if gone:
            found.append(_ship(after, line, at_ms, gone))
        changed["held_milli"] = 0 if after["is_shipment_reported"] else max(line["held_milli"] - gone, 0)
        lines.append(changed)
    row = _close_if_done({**after, "lines": lines, "position": state.next_position}, now_ms, _kept_ms(state))
    discrepancies = _discrepancies(state, differences(before), differences(row))
    doubted = [one["sku"] for one in discrepancies if one["kind"] in _RECOUNTED and one["quantity_milli"] > 0]
    tasks = tasks_for(state, row, now_ms, ended)
    for sku in dict.fromkeys([*doubtful, *doubted]):
        if not is_recounted(state, sku, row["from_store"]):
            tasks.append(recount_task(state, row["from_store"], sku, "transfer", now_ms, len(tasks) + 1))
    return Changed(row, tasks, found, discrepancies)


def _ship(row: TransferRow, line: TransferLine, occurred_at_ms: int, milli: int) -> Correction:
    return correction(row["from_store"], line["sku"], "shipped", occurred_at_ms, -milli)


def correction(
    store: str, sku: str, kind: CorrectionKind, occurred_at_ms: int, delta_milli: int, not_found_milli: int = 0
) -> Correction:
    """A change of a store's books."""
    return {
        "store": store, "sku": sku, "kind": kind, "occurred_at_ms": occurred_at_ms, "delta_milli": delta_milli,
        "not_found_milli": not_found_milli,
    }  # fmt: skip


def _kept_ms(state: PoolState) -> int:
    return state.config.pool["ended_retention_ms"]


def _close_if_done(row: TransferRow, now_ms: int, kept_ms: int) -> TransferRow:
    """With the status that its lines say; a word that comes late opens an ended transfer again."""
    is_told = row["is_shipment_reported"] or not any(to_ship_milli(line) for line in row["lines"])
    on_the_way = any(in_transit_milli(line) for line in row["lines"])
    row = {**row, "is_shipment_reported": is_told}
    if not is_told or on_the_way:
        return {**row, "status": IN_TRANSIT if is_told else OPEN, "outcome": "", "ended_at_ms": 0, "forget_at_ms": 0}
    outcome: TransferOutcome = "cancelled" if row["outcome"] == "cancelled" else _outcome(row)
    return {**row, "status": ENDED, "outcome": outcome, "ended_at_ms": now_ms, "forget_at_ms": now_ms + kept_ms}


def _outcome(row: TransferRow) -> TransferOutcome:
    found: dict[str, int] = defaultdict(int)
    for (_, kind), milli in differences(row).items():
        found[kind] += milli
    arrived = sum(map(arrived_milli, row["lines"]))
    if not arrived:
        return "lost" if found["lost"] else "not_shipped"
    if found:
        return "discrepancy"
    return "returned" if all(line["returned_milli"] == arrived_milli(line) for line in row["lines"]) else "received"


def _discrepancies(state: PoolState, before: Differences, after: Differences) -> list[Discrepancy]:
    found: list[Discrepancy] = []
    for sku, kind in dict.fromkeys([*before, *after]):
        was, now = before.get((sku, kind), 0), after.get((sku, kind), 0)
        item = state.config.items.get(sku)
        cost = None if item is None else item["cost_minor"]
        value = None if cost is None else now * cost // 1000 - was * cost // 1000
        if now != was:
            found.append({"sku": sku, "kind": kind, "quantity_milli": now - was, "value_minor": value})
    return found


def tasks_for(
    state: PoolState, row: TransferRow, now_ms: int, ended: Mapping[str, TaskRow] | None = None
) -> list[TaskRow]:
    """The tasks that change when the transfer's row becomes `row`: opened, told other lines, or called off."""
    done = dict(ended or {})
    wanted = _wanted(row)
    changed = list(done.values())
    for store in (row["from_store"], row["to_store"]):
        for name in sorted(state[TASKS].at_store.get(store, ())):
            task = find_task(state, name)
            if task is None or task["transfer"] != row["transfer"] or name in done:
                continue
            lines = wanted.pop((task["kind"], store), None)
            if lines is None:
                changed.append(end_task(state, task, "cancelled", row["outcome"] or row["status"], now_ms))
            elif lines != task["lines"]:
                changed.append(set_lines(state, task, lines))
    for (kind, store), lines in wanted.items():
        changed.append(_task(state, row, kind, store, lines, now_ms))
    return changed


def _wanted(row: TransferRow) -> dict[tuple[TaskKind, str], list[TaskLine]]:
    """(task kind, store) → lines."""
    if row["status"] == ENDED:
        return {}
    if row["is_shipment_reported"]:
        kind: TaskKind = TRANSFER_IN
        milli_of: Callable[[TransferLine], int] = in_transit_milli
        store = row["from_store"] if row["is_returning"] else row["to_store"]
    else:
        kind, store, milli_of = TRANSFER_OUT, row["from_store"], to_ship_milli
    lines: list[TaskLine] = [
        {"line_id": line["line_id"], "sku": line["sku"], "quantity_milli": milli_of(line)}
        for line in row["lines"]
        if milli_of(line)
    ]
    return {(kind, store): lines}


def _task(
    state: PoolState, row: TransferRow, kind: TaskKind, store: str, lines: list[TaskLine], now_ms: int
) -> TaskRow:
    pool = state.config.pool
    if kind == TRANSFER_OUT:
        settings, zone = state.config.stores[store], pool["time_zone"]
        due_ms = time_after(settings, zone, now_ms, pool["ship_within_ms"])
        claim_by_ms = min(time_after(settings, zone, now_ms, pool["claim_within_ms"]), due_ms)
    else:
        due_ms, claim_by_ms = now_ms + pool["transit_lost_after_ms"], now_ms + pool["transit_within_ms"]
    task = new_task(state, kind, store, lines, now_ms, 1)
    return {**task, "transfer": row["transfer"], "claim_by_ms": claim_by_ms, "due_ms": due_ms}
