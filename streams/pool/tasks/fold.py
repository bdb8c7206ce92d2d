"""Folds facts into the tasks of a pool: rows are replaced."""

from collections.abc import Iterable

from schemas.types.lending import LendingMessageDecided
from schemas.types.orders import FulfilmentReportDecided, OrderChanged, OrderRequestDecided
from schemas.types.tasks import TaskChanged, TaskRow
from schemas.types.ticks import Tick
from schemas.types.transfers import TransferChanged, TransferRequestDecided
from streams.pool.aggregate import Entry
from streams.pool.state.forgetting import forget_ended
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.index import TASKS
from streams.pool.tasks.rows import TASK_ROWS

WithTasks = (
    OrderRequestDecided | OrderChanged | TaskChanged | TransferRequestDecided | TransferChanged | LendingMessageDecided
)


def put_tasks(state: PoolState, tasks: Iterable[TaskRow]) -> None:
    """Take the rows as they are."""
    table, index = state.tables[TASK_ROWS], state[TASKS]
    for task in tasks:
        table.put((state.pool, task["task"]), task)
        index.put(task)


def fold_tasks(state: PoolState, fact: WithTasks, _: Entry) -> None:
    """The tasks that a fact opens, changes or ends."""
    put_tasks(state, fact["tasks"])


def fold_report(state: PoolState, fact: FulfilmentReportDecided, _: Entry) -> None:
    """A report: the tasks after it."""
    put_tasks(state, fact["tasks"])
    state.row["reports_refused" if fact["outcome"] == "refused" else "reports_accepted"] += 1


def forget_tasks(state: PoolState, _: Tick, entry: Entry) -> None:
    """Drop the tasks that ended long enough ago, when the clock has moved on."""
    index = state[TASKS]
    forget_ended(state, TASK_ROWS, index, entry.clock_before_ms)
