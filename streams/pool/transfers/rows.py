"""A transfer of goods between two stores, and how it changes. Rows are never changed in place.

What has left the sender is what it says it sent, or what came, if that is more: a unit that is on the receiver's shelf
is on no other. So the units of a line are at all times on shelves, on the way, damaged or lost, and each once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.opening_hours import time_after
from streams.pool.tasks.rows import end_task, new_task, recount_task

Row = dict[str, Any]
TRANSFER_OUT, TRANSFER_IN = "transfer_out", "transfer_in"
OPEN, IN_TRANSIT, ENDED = "open", "in_transit", "ended"
_RECOUNTED = ("over", "mis_shipped", "not_shipped", "lost")
"""Differences after which the sender's books are in doubt."""


def new_line(line_id: str, sku: str, asked_milli: int) -> Row:
    """A line of which nothing has happened; what is asked for is held."""
    return {
        "line_id": line_id, "sku": sku, "asked_milli": asked_milli, "held_milli": asked_milli, "shipped_milli": 0,
        "mis_shipped_milli": 0, "received_milli": 0, "returned_milli": 0, "damaged_milli": 0, "lost_milli": 0,
        "received_before_shipment": [],
    }  # fmt: skip


def arrived_milli(line: Row) -> int:
    """What has come somewhere, broken or not."""
    return int(line["received_milli"] + line["returned_milli"] + line["damaged_milli"])


def left_milli(line: Row) -> int:
    """What has left the sender."""
    return max(int(line["shipped_milli"] - line["mis_shipped_milli"]), arrived_milli(line))


def in_transit_milli(line: Row) -> int:
    """What is on the way."""
    return left_milli(line) - arrived_milli(line) - int(line["lost_milli"])


def differences(row: Row) -> dict[tuple[str, str], int]:
    """(sku, kind) → thousandths, of a transfer as it stands; zeros left out."""
    found: dict[tuple[str, str], int] = {}
    for line in row["lines"]:
        is_extra = not line["asked_milli"] and not line["shipped_milli"]
        told_milli = max(line["shipped_milli"] - line["mis_shipped_milli"], 0)
        beyond = arrived_milli(line) - told_milli if is_extra or row["shipped_at_ms"] else 0
        of_line = {
            "mis_shipped" if is_extra else "over": max(beyond, 0),
            "not_shipped": min(line["mis_shipped_milli"], line["shipped_milli"]),
            "damaged": line["damaged_milli"],
            "lost": line["lost_milli"],
        }
        found |= {(line["sku"], kind): milli for kind, milli in of_line.items() if milli}
    return found


class Moved(NamedTuple):
    """A transfer after a change, and what changes with it."""

    transfer: Row
    tasks: list[Row]
    corrections: list[Row]
    discrepancies: list[Row]


def moved(
    state: PoolState, before: Row, after: Row, occurred_at_ms: int, now_ms: int,
    corrections: Iterable[Row] = (), ended: Mapping[str, Row] | None = None, doubtful: Iterable[str] = (),
) -> Moved:  # fmt: skip
    """What follows when `before` becomes `after`: the sender's books, holds, the end, tasks, discrepancies.

    `corrections` come besides; `ended` are tasks that end with the same entry, by id; `doubtful` are items that the
    sender must count.
    """
    found = list(corrections)
    lines = []
    known = {line["sku"]: line for line in before["lines"]}
    for line in after["lines"]:
        old = known.get(line["sku"], new_line(line["line_id"], line["sku"], 0))
        told_milli = max(line["shipped_milli"] - line["mis_shipped_milli"] - arrived_milli(line), 0)
        changed = {**line, "lost_milli": min(line["lost_milli"], told_milli)}
        gone = left_milli(changed) - left_milli(old)
        at_ms = after["shipped_at_ms"] or occurred_at_ms
        if after["shipped_at_ms"] and not before["shipped_at_ms"]:
            found += [
                _sent(after, line, early["occurred_at_ms"], -early["quantity_milli"])
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
            found.append(_sent(after, line, at_ms, gone))
        changed["held_milli"] = 0 if after["is_shipment_reported"] else max(line["held_milli"] - gone, 0)
        lines.append(changed)
    row = _settled({**after, "lines": lines, "position": state.row["position"] + 1}, now_ms, _kept_ms(state))
    discrepancies = _discrepancies(state, differences(before), differences(row))
    doubted = [one["sku"] for one in discrepancies if one["kind"] in _RECOUNTED and one["quantity_milli"] > 0]
    tasks = tasks_after(state, row, now_ms, ended)
    for sku in dict.fromkeys([*doubtful, *doubted]):
        if (sku, row["from_store"]) not in state.order_index.recounts:
            tasks.append(recount_task(state, row["from_store"], sku, "transfer", now_ms, len(tasks) + 1))
    return Moved(row, tasks, found, discrepancies)


def _sent(row: Row, line: Row, occurred_at_ms: int, milli: int) -> Row:
    return correction(row["from_store"], line["sku"], "shipped", occurred_at_ms, -milli)


def correction(store: str, sku: str, kind: str, occurred_at_ms: int, delta_milli: int) -> Row:
    """A change of a store's books."""
    return {
        "store": store, "sku": sku, "kind": kind, "occurred_at_ms": occurred_at_ms, "delta_milli": delta_milli,
    }  # fmt: skip


def _kept_ms(state: PoolState) -> int:
    return int(state.catalog.pool["ended_retention_ms"])


def _settled(row: Row, now_ms: int, kept_ms: int) -> Row:
    """With the status that its lines say; a word that comes late opens an ended transfer again."""
    is_told = row["is_shipment_reported"] or not any(to_ship_milli(line) for line in row["lines"])
    on_the_way = any(in_transit_milli(line) for line in row["lines"])
    row = {**row, "is_shipment_reported": is_told}
    if not is_told or on_the_way:
        return {**row, "status": IN_TRANSIT if is_told else OPEN, "outcome": "", "ended_at_ms": 0, "forget_at_ms": 0}
    outcome = "cancelled" if row["outcome"] == "cancelled" else _outcome(row)
    return {**row, "status": ENDED, "outcome": outcome, "ended_at_ms": now_ms, "forget_at_ms": now_ms + kept_ms}


def _outcome(row: Row) -> str:
    found: dict[str, int] = defaultdict(int)
    for (_, kind), milli in differences(row).items():
        found[kind] += milli
    arrived = sum(map(arrived_milli, row["lines"]))
    if not arrived:
        return "lost" if found["lost"] else "not_shipped"
    if found:
        return "discrepancy"
    return "returned" if all(line["returned_milli"] == arrived_milli(line) for line in row["lines"]) else "received"


def to_ship_milli(line: Row) -> int:
    """What the sender is to say that it sent: what it keeps, and what has come already."""
    return min(int(line["asked_milli"]), int(line["held_milli"]) + arrived_milli(line))


def _discrepancies(
    state: PoolState, before: dict[tuple[str, str], int], after: dict[tuple[str, str], int]
) -> list[Row]:
    found = []
    for sku, kind in dict.fromkeys([*before, *after]):
        was, now = before.get((sku, kind), 0), after.get((sku, kind), 0)
        cost = state.catalog.items.get(sku, {}).get("cost_minor")
        value = None if cost is None else now * cost // 1000 - was * cost // 1000
        if now != was:
            found.append({"sku": sku, "kind": kind, "quantity_milli": now - was, "value_minor": value})
    return found


def tasks_after(state: PoolState, row: Row, now_ms: int, ended: Mapping[str, Row] | None = None) -> list[Row]:
    """The tasks that change when the transfer's row becomes `row`: opened, told other lines, or called off."""
    done = dict(ended or {})
    wanted = _wanted(row)
    changed = list(done.values())
    for store in (row["from_store"], row["to_store"]):
        for name in sorted(state.order_index.tasks_at.get(store, ())):
            task = state.tables.tasks.get((state.pool, name))
            if task is None or task["transfer"] != row["transfer"] or name in done:
                continue
            lines = wanted.pop((task["kind"], store), None)
            if lines is None:
                changed.append(end_task(state, task, "cancelled", row["outcome"] or row["status"], now_ms))
            elif lines != task["lines"]:
                changed.append({**task, "lines": lines, "position": state.row["position"] + 1})
    for (kind, store), lines in wanted.items():
        changed.append(_task(state, row, kind, store, lines, now_ms))
    return changed


def _wanted(row: Row) -> dict[tuple[str, str], list[Row]]:
    """(task kind, store) → lines."""
    if row["status"] == ENDED:
        return {}
    if row["is_shipment_reported"]:
        place, milli_of = (TRANSFER_IN, row["from_store" if row["is_returning"] else "to_store"]), in_transit_milli
    else:
        place, milli_of = (TRANSFER_OUT, row["from_store"]), to_ship_milli
    lines = [
        {"line_id": line["line_id"], "sku": line["sku"], "quantity_milli": milli_of(line)}
        for line in row["lines"]
        if milli_of(line)
    ]
    return {place: lines}


def _task(state: PoolState, row: Row, kind: str, store: str, lines: list[Row], now_ms: int) -> Row:
    pool = state.catalog.pool
    if kind == TRANSFER_OUT:
        settings, zone = state.catalog.stores[store], pool["time_zone"]
        due_ms = time_after(settings, zone, now_ms, pool["ship_within_ms"])
        claim_by_ms = min(time_after(settings, zone, now_ms, pool["claim_within_ms"]), due_ms)
    else:
        due_ms, claim_by_ms = now_ms + pool["transit_lost_after_ms"], now_ms + pool["transit_within_ms"]
    task = new_task(state, kind, store, lines, now_ms, 1)
    return {**task, "transfer": row["transfer"], "claim_by_ms": claim_by_ms, "due_ms": due_ms}
