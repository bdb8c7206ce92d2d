"""Indexes of a pool's tasks. Made from their rows alone, whenever these are loaded."""

from collections import defaultdict
from typing import Final

from schemas.statuses import LIVE_TASK
from schemas.types.tasks import TaskRow
from streams.pool.state.forgetting import Forgettable
from streams.pool.state.groups import Group, regroup
from streams.pool.state.part import Part, Pool

TASK: Final = "task"


class TaskIndex:
    """Indexes of the tasks of one pool."""

    def __init__(self, state: Pool) -> None:
        self.alarms = state.alarms
        """Tasks that escalate, lose their claim or are late."""
        self.forgettable = Forgettable()
        """Ended tasks, by when they leave the state."""
        self.of_order: Group[str] = defaultdict(dict)
        """Order → its tasks that have not ended."""
        self.at_store: Group[str] = defaultdict(dict)
        """Store → its tasks that have not ended."""
        self.recounts: dict[tuple[str, str], str] = {}
        """(sku, store) → the recount that is under way."""

    def put(self, task: TaskRow) -> None:
        """Take note of a task's new row."""
        name, is_live = task["task"], task["status"] in LIVE_TASK
        self._file(task, is_live=is_live)
        self.alarms.set((TASK, name), alarm_ms(task) if is_live else None)
        if is_live:
            self.forgettable.clear((TASK, name))
        else:  # no other task ever has its name: what is told of it when it is forgotten finds none
            self.forgettable.set((TASK, name), task["forget_at_ms"], 0)

    def remove(self, task: TaskRow) -> None:
        """The task leaves the state."""
        self._file(task, is_live=False)
        self.alarms.set((TASK, task["task"]), None)
        self.forgettable.clear((TASK, task["task"]))

    def _file(self, task: TaskRow, *, is_live: bool) -> None:
        name = task["task"]
        for group, key in ((self.at_store, task["store"]), (self.of_order, task["order"])):
            if key is not None:
                regroup(group, {key}, {key} if is_live else (), name)
        if task["kind"] == "recount":
            shelf = (task["lines"][0]["sku"], task["store"])
            if is_live:
                self.recounts[shelf] = name
            elif self.recounts.get(shelf) == name:
                del self.recounts[shelf]


TASKS = Part(TaskIndex)
"""The tasks' indexes of a pool."""


def alarm_ms(task: TaskRow) -> int:
    """When something must happen to a task that nobody touches."""
    if task["status"] == "claimed":
        return min(task["lease_until_ms"], task["due_ms"])
    if task["claim_by_ms"] and not task["escalations"]:
        return min(task["claim_by_ms"], task["due_ms"])
    return task["due_ms"]
