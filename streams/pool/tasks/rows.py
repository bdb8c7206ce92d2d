"""Tasks: what a store is asked to do, until when. Rows are never changed in place."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from schemas.codec import topic_codec
from schemas.topics import POOL_TASKS
from schemas.types.pickup import AppointmentRow
from schemas.types.reports import FulfilmentReport
from schemas.types.tasks import KnownReport, TaskKind, TaskLine, TaskRow, TaskStatus
from streams.pool.state.part import Pool
from streams.pool.state.pool_state import PoolState
from streams.pool.state.tables import EntityKey, Pools, Published, TableSpec
from streams.pool.tasks.index import TASKS
from streams.pool.tasks.opening_hours import time_after

PICK: Final = "pick"
HAND_OVER: Final = "hand_over"
RECOUNT: Final = "recount"
PUT_BACK: Final = "put_back"
RING_UP: Final = "ring_up"
REPORTS_KEPT = 20
Reported = TypeVar("Reported", TaskRow, AppointmentRow)
"""A row that reports are about."""
_encode = topic_codec(POOL_TASKS.name).encode


def _publish(_: Pools, __: EntityKey, row: TaskRow) -> bytes:
    return _encode(row)


def _load(state: Pool, row: TaskRow) -> None:
    state[TASKS].put(row)


TASK_ROWS: TableSpec[EntityKey, TaskRow] = TableSpec(
    "task", "TaskRow", "/".join, published=Published(POOL_TASKS, "/".join, _publish), load=_load
)


def find_task(state: PoolState, name: str) -> TaskRow | None:
    """The task, ended ones that are not forgotten included."""
    return state.tables[TASK_ROWS].get((state.pool, name))


def new_task(state: PoolState, kind: TaskKind, store: str, lines: list[TaskLine], now_ms: int, count: int) -> TaskRow:
    """An open task, not due yet; `count` tells the tasks of one kind apart that one entry opens."""
    position = state.next_position
    return {
        "pool": state.pool, "task": f"{kind.replace('_', '-')}-{position}-{count}", "kind": kind, "store": store,
        "order": None, "transfer": None, "status": "open", "reason": "", "worker": None, "priority": 0,
        "escalations": 0, "opened_at_ms": now_ms, "claim_by_ms": 0, "due_ms": 0, "lease_until_ms": 0,
        "ended_at_ms": 0, "forget_at_ms": 0, "lines": lines, "reports": [], "reports_forgotten_ms": 0,
        "position": position,
    }  # fmt: skip


def recount_task(state: PoolState, store: str, sku: str, reason: str, now_ms: int, count: int) -> TaskRow:
    """Somebody must count the item in the store: the books are in doubt."""
    task = new_task(state, RECOUNT, store, [{"line_id": sku, "sku": sku, "quantity_milli": 0}], now_ms, count)
    return {**task, "reason": reason, "due_ms": _recount_due_ms(state, store, now_ms)}


def ring_up_task(state: PoolState, store: str, lines: list[TaskLine], reason: str, now_ms: int) -> TaskRow:
    """Somebody must ring up what was handed over."""
    task = new_task(state, RING_UP, store, lines, now_ms, 1)
    return {**task, "reason": reason, "due_ms": _recount_due_ms(state, store, now_ms)}


def is_recounted(state: PoolState, sku: str, store: str) -> bool:
    """Is a recount of the shelf under way?"""
    return (sku, store) in state[TASKS].recounts


def end_task(state: PoolState, task: TaskRow, status: TaskStatus, reason: str, now_ms: int) -> TaskRow:
    """The task, ended."""
    return {
        **task, "status": status, "reason": reason, "lease_until_ms": 0, "ended_at_ms": now_ms,
        "forget_at_ms": now_ms + state.config.pool["ended_retention_ms"], "position": state.next_position,
    }  # fmt: skip


def remember_report(row: Reported, report: FulfilmentReport, position: int) -> Reported:
    """The row after a report that was accepted. Of too many reports the one recorded first is forgotten."""
    new: KnownReport = {"report_id": report["report_id"], "recorded_at_ms": report["recorded_at_ms"]}
    reports, forgotten_ms = [*row["reports"], new], row["reports_forgotten_ms"]
    if len(reports) > REPORTS_KEPT:
        first = min(reports, key=lambda known: known["recorded_at_ms"])
        reports.remove(first)
        forgotten_ms = first["recorded_at_ms"]
    return {**row, "reports": reports, "reports_forgotten_ms": forgotten_ms, "position": position}


def escalate(state: PoolState, task: TaskRow, now_ms: int) -> TaskRow:
    """The task, more urgent: nobody took it, or nobody did it. A recount, and goods to put back, are due anew."""
    anew = _DUE_ANEW.get(task["kind"])
    due_ms = task["due_ms"] if anew is None else anew(state, task["store"], now_ms)
    return {
        **task, "priority": task["priority"] + 1, "escalations": task["escalations"] + 1, "due_ms": due_ms,
        "position": state.next_position,
    }  # fmt: skip


def release_claim(state: PoolState, task: TaskRow) -> TaskRow:
    """The task, open again: the claim was not renewed, so anybody in the store may take it."""
    return {**task, "status": "open", "worker": None, "lease_until_ms": 0, "position": state.next_position}


def set_lines(state: PoolState, task: TaskRow, lines: list[TaskLine]) -> TaskRow:
    """The task with other lines."""
    return {**task, "lines": lines, "position": state.next_position}


def _recount_due_ms(state: PoolState, store: str, now_ms: int) -> int:
    pool, settings = state.config.pool, state.config.stores[store]
    return time_after(settings, pool["time_zone"], now_ms, pool["recount_within_ms"])


def put_back_due_ms(state: PoolState, store: str, now_ms: int) -> int:
    """When goods that go to nobody must be back on their shelf."""
    pool, settings = state.config.pool, state.config.stores[store]
    return time_after(settings, pool["time_zone"], now_ms, pool["pick_within_ms"])


_DUE_ANEW: Mapping[str, Callable[[PoolState, str, int], int]] = {
    RECOUNT: _recount_due_ms,
    RING_UP: _recount_due_ms,
    PUT_BACK: put_back_due_ms,
}
