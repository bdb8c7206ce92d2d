"""The loop that brings an outside party to what is wanted of it."""

import threading
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic

import structlog

from connectors.contract import AccessRefused, Unavailable
from connectors.outbound.contract import Adapter, CallRefused, Record
from connectors.outbound.log import OutboundLog
from messaging.clock import wall_clock_ms
from messaging.publisher import PublishError

RETRY_S = 5.0
RETRY_MAX_S = 300.0
CALLS_A_ROUND = 100
"""Of one party, so that a burst leaves its rate limit room for other calls."""
REFUSED_WAIT_MS = 600_000
"""An item that was refused is tried again after so long."""
FAILURES_IN_A_ROW = 3
"""Items that fail one after the other in a round: then the party is away, and the rest of them need not be tried."""
_log = structlog.get_logger()


class Outcome(StrEnum):
    """The outcome of a call, or of a check of an earlier one."""

    done = "done"
    refused = "refused"
    looked_up = "looked_up"
    lost = "lost"


@dataclass(slots=True)
class _Wait:
    """An item that is not tried before `until_ms`; retry_s is its next wait after a failure."""

    until_ms: int
    retry_s: float


class Driver(Generic[Record]):
    """Drives the calls to one party. interval_s: between rounds. count: of outcomes. now_ms: the clock."""

    def __init__(
        self,
        adapter: Adapter[Record],
        log: OutboundLog[Record],
        interval_s: float,
        count: Callable[[Outcome], None],
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._adapter = adapter
        self._outbound = log
        self._interval_s = interval_s
        self._count = count
        self._now_ms = now_ms
        self._waits: dict[str, _Wait] = {}
        self._last_item = ""
        self._log = _log.bind(party=adapter.party)

    def run(self, stop: threading.Event) -> None:
        """Compare and call until `stop` is set. Failures are logged and tried again."""
        retry_s = RETRY_S
        while not stop.is_set():
            try:
                self.round(stop)
                retry_s = RETRY_S
                wait_s = self._interval_s
            except (Unavailable, PublishError, AccessRefused) as error:
                asked_s = error.retry_after_s if isinstance(error, Unavailable) else 0
                wait_s = max(asked_s, retry_s)
                retry_s = min(2 * retry_s, RETRY_MAX_S)
                self._log.warning("cannot call the outside system now", reason=str(error), again_in_s=wait_s)
            except Exception:  # noqa: BLE001  a fault here must not end what else this process does
                wait_s = RETRY_MAX_S
                self._log.exception("calling out showed a fault in this program; please report it", again_in_s=wait_s)
            stop.wait(wait_s)

    def round(self, stop: threading.Event) -> list[Unavailable]:
        """Bring each item to what is wanted now, CALLS_A_ROUND items at most. Returns the failures of single items.

        It begins behind the item at which the round before ended, so that each has its turn.

        Raises PublishError, AccessRefused, and Unavailable when the party is away; then the calls under way are stored.
        """
        known = self._outbound.of(self._adapter.party)
        items = sorted(known.keys() | set(self._adapter.wanted()))
        first = bisect_right(items, self._last_item)
        failures: list[Unavailable] = []
        calls = in_a_row = 0
        for item in (*items[first:], *items[:first]):
            if stop.is_set() or calls >= CALLS_A_ROUND:
                break
            if self._is_waiting(item):
                continue
            self._last_item = item
            try:
                was_called = self._drive(item, known.get(item))
            except Unavailable as unavailable:
                self._back_off(item, unavailable)
                failures.append(unavailable)
                calls += 1
                in_a_row += 1
                if in_a_row == FAILURES_IN_A_ROW:
                    raise
            else:
                calls += was_called
                if was_called:
                    in_a_row = 0
        return failures

    def _drive(self, item: str, last: Record | None) -> bool:
        """Take the next step for `item`. Returns whether a call was made."""
        try:
            pending = self._pending(item, last)
            if pending is None:
                self._waits.pop(item, None)
                return False
        except CallRefused as refused:
            self._refuse(item, refused)
            return False
        if not self._adapter.is_repeatable(pending, self._now_ms()):
            self._outbound.save(self._adapter.look_up(pending))
            self._count(Outcome.looked_up)
            self._log.warning("a call was under way for too long to be repeated; its outcome was looked up", item=item)
            return False
        try:
            done = self._adapter.call(pending)
        except CallRefused as refused:
            self._outbound.save(self._adapter.refused(pending))
            self._refuse(item, refused)
            return True
        self._outbound.save(done)
        self._waits.pop(item, None)
        self._count(Outcome.done)
        return True

    def _pending(self, item: str, last: Record | None) -> Record | None:
        """The call under way, or a new one, stored before it is returned; None when nothing is to do."""
        if last is not None:
            if self._adapter.is_pending(last):
                return last
            lost = self._adapter.recheck(item, last, self._now_ms())
            if lost is not None:
                last = lost
                self._outbound.save(last)
                self._count(Outcome.lost)
                self._log.warning("the outside system lost what was done there; it is done again", item=item)
        pending = self._adapter.begin(item, last, self._now_ms())
        if pending is not None:
            self._outbound.save(pending)
        return pending

    def _is_waiting(self, item: str) -> bool:
        wait = self._waits.get(item)
        return wait is not None and self._now_ms() < wait.until_ms

    def _back_off(self, item: str, unavailable: Unavailable) -> None:
        wait = self._waits.get(item)
        retry_s = RETRY_S if wait is None else wait.retry_s
        wait_s = max(unavailable.retry_after_s, retry_s)
        self._waits[item] = _Wait(self._now_ms() + int(wait_s * 1000), min(2 * retry_s, RETRY_MAX_S))
        self._log.warning("a call failed; it is made again", item=item, reason=str(unavailable), again_in_s=wait_s)

    def _refuse(self, item: str, refused: CallRefused) -> None:
        self._waits[item] = _Wait(self._now_ms() + REFUSED_WAIT_MS, RETRY_S)
        self._count(Outcome.refused)
        self._log.warning("the outside system refuses a call", item=item, reason=str(refused))
