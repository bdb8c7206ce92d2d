"""Reactions of tasks: doubted books are recounted, a count ends the recount, nobody's task becomes urgent."""

from typing import Final

from schemas.types.journal import Fact
from schemas.types.tasks import TaskChanged, TaskChangeKind, TaskRow
from streams.pool.aggregate import Trigger
from streams.pool.journal.facts import TASK_CHANGED
from streams.pool.state.pool_state import PoolState
from streams.pool.state.reaction_limit import STOPPED, TOO_MANY_REACTIONS
from streams.pool.state.shelf import ShelfKey
from streams.pool.tasks.index import TASKS
from streams.pool.tasks.rows import end_task, escalate, find_task, is_recounted, recount_task, release_claim

RECOUNT_ESCALATIONS_MAX: Final = 3
_ENDED_AT_ONCE = 100
"""Recounts that one fact ends: a count of a whole store is told in several."""


def end_recounts(state: PoolState, store: str, skus: list[str], trigger: Trigger) -> Fact | None:
    """End the recounts of items that the store has counted."""
    recounts = state[TASKS].recounts
    tasks = []
    for sku in dict.fromkeys(skus):
        task = find_task(state, recounts.get((sku, store), ""))
        if task is not None:
            tasks.append(end_task(state, task, "done", "counted", trigger.now_ms))
        if len(tasks) >= _ENDED_AT_ONCE:
            break
    return _change("counted", *tasks) if tasks else None


def open_recount(state: PoolState, key: ShelfKey, reason: str, trigger: Trigger) -> Fact | None:
    """Have a shelf recounted whose books are in doubt, unless somebody counts it already, or the store has left."""
    _, sku, store = key
    if store not in state.config.stores or store in state.config.away or is_recounted(state, sku, store):
        return None
    return _change("opened", recount_task(state, store, sku, reason, trigger.now_ms, 1))


def mind_task(state: PoolState, name: str, trigger: Trigger) -> Fact:
    """What becomes of a task when nobody has done anything about it for too long."""
    task = due_task(state, name)
    is_due = task["due_ms"] <= state.row["clock_ms"]
    if is_due and task["escalations"] >= RECOUNT_ESCALATIONS_MAX:
        return _change("late", end_task(state, task, "late", "not_done", trigger.now_ms))
    if not is_due and task["status"] == "claimed":
        return _change("lease_ran_out", release_claim(state, task))
    return _change("escalated", escalate(state, task, trigger.now_ms))


def due_task(state: PoolState, name: str) -> TaskRow:
    """The task of an alarm. Raises LookupError for one without a row."""
    task = find_task(state, name)
    if task is None:
        raise LookupError(f"task {name} is indexed and has no row")
    return task


def subject(fact: Fact) -> str | None:
    """The place of a recount: a recount opened anew has another name."""
    if fact[0] != TASK_CHANGED:
        return None
    task = fact[1]["tasks"][0]
    return f"{task['store']}/{task['lines'][0]['sku']}"


def stop(state: PoolState, fact: Fact, now_ms: int) -> Fact:
    """End the recount that is opened or escalated in circles."""
    if fact[0] != TASK_CHANGED:
        raise LookupError(f"{fact[0]} is not about a task")
    return _change(STOPPED, end_task(state, fact[1]["tasks"][0], "late", TOO_MANY_REACTIONS, now_ms))


def _change(kind: TaskChangeKind, *tasks: TaskRow) -> Fact:
    change: TaskChanged = {"kind": kind, "tasks": list(tasks), "hand_overs": []}
    return TASK_CHANGED, change
