"""The shops' people, who work on the tasks that the pool gives them: most is found, some is not, some is refused."""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

from commonshelf.demo.errands import Errands
from messaging.clock import wall_clock_ms
from messaging.publisher import Publisher
from schemas.models.reports import FulfilmentLine, FulfilmentReport
from schemas.types.reports import ReportKind, ShortReason

_ORIGIN = "demo"
_WORK_S = (0.5, 3.0)
_REFUSED = 0.04
_NOT_FOUND = 0.07
_DAMAGED = 0.02
_WORKED_ON = ("pick", "hand_over")
Row = Mapping[str, Any]


class Pickers:
    """Works on each open pick and hand-over, and reports. Recounts wait for the shops' nightly counts.

    `left` is told what leaves a store with a customer: (store, SKU, thousandths).
    """

    def __init__(
        self, pool: str, publisher: Publisher, errands: Errands, left: Callable[[str, str, int], None], *, seed: int
    ) -> None:
        self._pool = pool
        self._publisher = publisher
        self._left = left
        self._random = random.Random(seed)
        self._tasks: dict[str, Row] = {}
        """Those that go on, as last told."""
        self._errands = errands

    def take_task(self, task: Row) -> None:
        """The pool told a task's row."""
        if task["kind"] not in _WORKED_ON:
            return
        name, is_new = task["task"], task["task"] not in self._tasks
        if task["status"] != "open":
            self._tasks.pop(name, None)
            return
        self._tasks[name] = task
        if is_new:
            self._errands.start(self._do(name))

    async def _do(self, name: str) -> None:
        await asyncio.sleep(self._random.uniform(*_WORK_S))
        task = self._tasks.get(name)
        if task is None:
            return
        if task["kind"] == "hand_over":
            await self._report(task, "done")
            for line in task["lines"]:
                self._left(task["store"], line["sku"], line["quantity_milli"])
            return
        chance = self._random.random()
        if chance < _REFUSED:
            await self._report(task, "refused", "no_capacity")
        elif chance < _REFUSED + _NOT_FOUND + _DAMAGED:
            reason: ShortReason = "not_found" if chance < _REFUSED + _NOT_FOUND else "damaged"
            line = self._random.choice(task["lines"])
            missing = FulfilmentLine(line_id=line["line_id"], quantity_milli=line["quantity_milli"], reason=reason)
            await self._report(task, "short", lines=(missing,))
        else:
            await self._report(task, "done")

    async def _report(
        self,
        task: Row,
        kind: ReportKind,
        reason: ShortReason | None = None,
        lines: tuple[FulfilmentLine, ...] = (),
    ) -> None:
        now_ms = wall_clock_ms()
        report = FulfilmentReport(
            pool=self._pool, store=task["store"], report_id=f"{task['task']}-{kind}", kind=kind, task=task["task"],
            reason=reason, lines=lines, occurred_at_ms=now_ms, recorded_at_ms=now_ms, origin=_ORIGIN,
        )  # fmt: skip
        await self._publisher.publish_acked([report])
