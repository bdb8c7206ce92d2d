"""Kills the ledger's worker while the tills sell, and times what a person then sees: gap, takeover, catch-up."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from commonshelf.demo.ledger_watch import LedgerView
from commonshelf.demo.scenario import Signals

WORKER = "ledger-1"
_FIRST_AFTER_S = 5.0
_PAUSE_S = 35.0
"""After it has caught up, until it is killed again: by then the supervisor no longer counts it as one that crashes in a
row, and starts it at once.
"""
_LOOK_S = 0.02


@dataclass(slots=True)
class Outage:
    """A time without the worker, in seconds from the moment in which it was killed. None: not yet."""

    at_s: float
    """Of selling, when it was killed."""
    waiting_lines: int = 0
    """Most lines that lay on the inputs and were not decided yet."""
    restarted_s: float | None = None
    """Until a new process was there."""
    gap_s: float | None = None
    """Until it had taken over: until a line was decided again."""
    caught_up_s: float | None = None
    """Until no line was waiting."""

    def note(self, after_s: float, *, is_restarted: bool, decided_again: bool, waiting_lines: int) -> None:
        """Take in what is seen so long after the kill."""
        self.waiting_lines = max(self.waiting_lines, waiting_lines)
        if self.restarted_s is None and is_restarted:
            self.restarted_s = round(after_s, 2)
        if self.gap_s is None and self.restarted_s is not None and decided_again:
            self.gap_s = round(after_s, 2)
        if self.caught_up_s is None and self.gap_s is not None and waiting_lines <= 0:
            self.caught_up_s = round(after_s, 2)

    def sentence(self) -> str:
        """For people, as far as it has come."""
        told = f"worker killed at {self.at_s:.0f} s: "
        if self.restarted_s is None:
            return told + f"gone, up to {self.waiting_lines:,} lines wait"
        if self.gap_s is None:
            return told + f"a new one after {self.restarted_s:.1f} s, up to {self.waiting_lines:,} lines wait"
        if self.caught_up_s is None:
            return told + f"took over after {self.gap_s:.1f} s, works off {self.waiting_lines:,} lines"
        return told + (
            f"took over after {self.gap_s:.1f} s, {self.waiting_lines:,} lines caught up after {self.caught_up_s:.1f} s"
        )


class Faults:
    """Kills the worker again and again, and sees what comes of it."""

    def __init__(self, view: LedgerView, pid: Callable[[], int | None]) -> None:
        """Pid: of the worker's process; None while there is none."""
        self.outages: list[Outage] = []
        """The last one is perhaps not over."""
        self._view = view
        self._pid = pid

    @property
    def ended(self) -> list[Outage]:
        """The outages that were seen to their end; one without a line behind it, as when selling stops, has none."""
        return [outage for outage in self.outages if outage.caught_up_s is not None]

    async def run(self, signals: Signals) -> None:
        """From the opening until the signal to stop. An outage that has begun is followed until it ends."""
        await signals.opened.wait()
        opened_s = time.monotonic()
        pause_s = _FIRST_AFTER_S
        while not await _stopped_within(signals, pause_s):
            pid = self._pid()
            if pid is None:
                continue
            outage = Outage(round(time.monotonic() - opened_s, 1))
            self.outages.append(outage)
            os.kill(pid, signal.SIGKILL)
            await self._follow(outage, pid)
            pause_s = _PAUSE_S

    async def _follow(self, outage: Outage, killed_pid: int) -> None:
        killed_s, decided = time.monotonic(), self._view.lines_decided
        while outage.caught_up_s is None:
            await asyncio.sleep(_LOOK_S)
            if outage.restarted_s is None:
                decided = self._view.lines_decided  # what was committed before may still be on its way to us
            outage.note(
                time.monotonic() - killed_s,
                is_restarted=self._pid() not in (None, killed_pid),
                decided_again=self._view.lines_decided > decided,
                waiting_lines=self._view.lines_published - self._view.lines_decided,
            )


async def _stopped_within(signals: Signals, seconds: float) -> bool:
    try:
        await asyncio.wait_for(signals.stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
