"""The shops' people, who work on the tasks that the pool gives them: most is found, some is not, some is refused."""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

from commonshelf.demo.errands import Errands
from commonshelf.demo.visits import Visits
from messaging.clock import wall_clock_ms
from messaging.publisher import Publisher
from schemas.models.reports import FulfilmentLine, FulfilmentReport
from schemas.types.reports import ReportKind, ShortReason

_ORIGIN = "demo"
_WORK_S = (0.5, 3.0)
_REFUSED = 0.04
_NOT_FOUND = 0.07
_DAMAGED = 0.02
_WORKED_ON = ("pick", "hand_over", "put_back")
Row = Mapping[str, Any]


class Pickers:
    """Works on each open pick and hand-over, puts goods back, and reports. Recounts wait for the shops' nightly counts.

    `left` is told what leaves a store with a customer: (store, SKU, thousandths). visits: of customers who collect by
    appointment.
    """

    def __init__(
        self, pool: str, publisher: Publisher, errands: Errands, left: Callable[[str, str, int], None],
        visits: Visits | None, *, seed: int,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._publisher = publisher
        self._left = left
        self._visits = visits
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
            await self._hand_over(task)
            return
        if task["kind"] == "put_back":
            await self._report(task, "done")
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

    async def _hand_over(self, task: Row) -> None:
        """At once, or by appointment: to the customer who comes and has the code."""
        name, code = task["task"], None if self._visits is None else self._visits.code(task["order"])
        if self._visits is not None and code is not None:
            has_come = await self._visits.come(task["order"], task["store"])
            if name not in self._tasks:
                return
            task = self._tasks[name]
            if not has_come:
                await self._report(task, "refused", "not_collected")
                return
        await self._report(task, "done", code=code)
        for line in task["lines"]:
            self._left(task["store"], line["sku"], line["quantity_milli"])

    async def _report(
        self,
        task: Row,
        kind: ReportKind,
        reason: ShortReason | None = None,
        lines: tuple[FulfilmentLine, ...] = (),
        code: str | None = None,
    ) -> None:
        now_ms = wall_clock_ms()
        report = FulfilmentReport(
            pool=self._pool, store=task["store"], report_id=f"{task['task']}-{kind}", kind=kind, task=task["task"],
            reason=reason, lines=lines, code=code, occurred_at_ms=now_ms, recorded_at_ms=now_ms, origin=_ORIGIN,
        )  # fmt: skip
        await self._publisher.publish_acked([report])
