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
from connectors.writers import Superseded
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
        self._failing: set[str] = set()
        self._last_item = ""
        self._log = _log.bind(party=adapter.party)

    def run(self, stop: threading.Event) -> None:
        """Compare and call until `stop` is set, or another host has begun to. Failures are logged and tried again."""
        retry_s = RETRY_S
        while not stop.is_set():
            try:
                self.round(stop)
                retry_s = RETRY_S
                wait_s = self._interval_s
            except Superseded as error:
                self._log.error("no more calls are made", reason=str(error))
                return
            except (Unavailable, PublishError, AccessRefused) as error:
                asked_s = error.retry_after_s if isinstance(error, Unavailable) else 0
                wait_s = max(asked_s, retry_s)
                retry_s = min(2 * retry_s, RETRY_MAX_S)
                self._log.warning("cannot call the outside system now", reason=str(error), again_in_s=wait_s)
            except Exception:  # noqa: BLE001  a fault here must not end what else this process does
                wait_s = RETRY_MAX_S
                self._log.exception("calling out showed a fault in this program; please report it", again_in_s=wait_s)
            stop.wait(wait_s)

    def round(self, stop: threading.Event) -> list[Exception]:
        """Bring each item to what is wanted now, CALLS_A_ROUND items at most. Returns the failures of single items.

        It begins behind the item at which the round before ended, so that each has its turn. Items that failed before
        come last: however many they are, no other waits for them.

        Raises PublishError; Unavailable or AccessRefused when FAILURES_IN_A_ROW items in a row fail that had not failed
        before, and AccessRefused when no call of theirs was let in. Then the calls under way are stored.
        """
        known = self._outbound.of(self._adapter.party)
        items = sorted(known.keys() | set(self._adapter.wanted()))
        first = bisect_right(items, self._last_item)
        in_turn = [item for item in (*items[first:], *items[:first]) if not self._is_waiting(item)]
        failed_before = [item for item in in_turn if item in self._failing]
        failures: list[Exception] = []
        calls = done = 0
        for part in ([item for item in in_turn if item not in self._failing], failed_before):
            in_a_row = 0
            for item in part:
                if stop.is_set() or calls >= CALLS_A_ROUND:
                    return failures
                if part is not failed_before:
                    self._last_item = item
                failure, was_called = self._try(item, known.get(item))
                calls += was_called or failure is not None
                if failure is None:
                    in_a_row, done = (0, done + 1) if was_called else (in_a_row, done)
                    continue
                failures.append(failure)
                in_a_row += 1
                if in_a_row == FAILURES_IN_A_ROW and part is not failed_before:
                    raise failure
                if in_a_row == FAILURES_IN_A_ROW:
                    return failures
            if part is not failed_before and failures and not done and isinstance(failures[-1], AccessRefused):
                raise failures[-1]
        return failures

    def _try(self, item: str, last: Record | None) -> tuple[Exception | None, bool]:
        """Take the next step for `item`. Returns its failure, and whether a call was made. Raises PublishError."""
        try:
            was_called = self._drive(item, last)
        except (Unavailable, AccessRefused) as error:
            asked_s = error.retry_after_s if isinstance(error, Unavailable) else 0
            self._back_off(item, str(error), asked_s)
            return error, True
        except PublishError:
            raise
        except Exception as error:  # noqa: BLE001  a fault at one item must not hold up the others
            self._log.exception("calling out showed a fault in this program; please report it", item=item)
            self._back_off(item, type(error).__name__, RETRY_MAX_S)
            return error, True
        if was_called:
            self._failing.discard(item)
        return None, was_called

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

    def _back_off(self, item: str, reason: str, asked_s: float) -> None:
        wait = self._waits.get(item)
        retry_s = RETRY_S if wait is None else wait.retry_s
        wait_s = max(asked_s, retry_s)
        self._failing.add(item)
        self._waits[item] = _Wait(self._now_ms() + int(wait_s * 1000), min(2 * retry_s, RETRY_MAX_S))
        self._log.warning("a call failed; it is made again", item=item, reason=reason, again_in_s=wait_s)

    def _refuse(self, item: str, refused: CallRefused) -> None:
        self._waits[item] = _Wait(self._now_ms() + REFUSED_WAIT_MS, RETRY_S)
        self._count(Outcome.refused)
        self._log.warning("the outside system refuses a call", item=item, reason=str(refused))
