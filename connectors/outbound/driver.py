"""The loop that brings an outside party to what is wanted of it."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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


@dataclass(slots=True)
class _Turn(Generic[Record]):
    """An item's turn in a round. pending: its call under way. outcome: the record to store after it."""

    item: str
    last: Record | None
    pending: Record | None = None
    outcome: Record | None = None
    failure: Exception | None = None
    refused: CallRefused | None = None
    was_called: bool = False


class Driver(Generic[Record]):
    """Drives the calls to one party.

    interval_s: between rounds. count: of outcomes. now_ms: the clock. at_once: so many calls, of different items, are
    stored together and made side by side.
    """

    def __init__(
        self,
        adapter: Adapter[Record],
        log: OutboundLog[Record],
        interval_s: float,
        count: Callable[[Outcome], None],
        now_ms: Callable[[], int] = wall_clock_ms,
        at_once: int = 1,
    ) -> None:
        self._adapter = adapter
        self._outbound = log
        self._interval_s = interval_s
        self._count = count
        self._now_ms = now_ms
        self._waits: dict[str, _Wait] = {}
        self._failing: set[str] = set()
        self._last_item = ""
        self._at_once = at_once
        self._unstored: list[Record] = []
        """Outcomes that are stored with the next calls: what dies before makes these calls again, with their keys."""
        self._threads = ThreadPoolExecutor(at_once, "calls")
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
        try:
            self._store([])
        except PublishError as error:
            self._log.warning("some outcomes are not stored, so these calls are made again", reason=str(error))

    def round(self, stop: threading.Event) -> list[Exception]:
        """Bring each item to what is wanted now, CALLS_A_ROUND items at most. Returns the failures of single items.

        It begins behind the item at which the round before ended, so that each has its turn. Items that failed before
        come last: however many they are, no other waits for them.

        The outcomes of several calls at once are stored with the calls of the next round, or by it when it has none.

        Raises PublishError; Unavailable or AccessRefused when FAILURES_IN_A_ROW items in a row fail that had not failed
        before, and AccessRefused when no call of theirs was let in. Then the calls under way are stored.
        """
        known = self._outbound.of(self._adapter.party)
        wanted = set(self._adapter.wanted())
        wanted.update(item for item, record in known.items() if not self._adapter.is_settled(record))
        items = sorted(wanted)
        first = bisect_right(items, self._last_item)
        in_turn = [item for item in (*items[first:], *items[:first]) if not self._is_waiting(item)]
        failed_before = [item for item in in_turn if item in self._failing]
        if not in_turn:
            self._store([])
        failures: list[Exception] = []
        calls = done = 0
        for part in ([item for item in in_turn if item not in self._failing], failed_before):
            in_a_row = 0
            for begin in range(0, len(part), self._at_once):
                if stop.is_set() or calls >= CALLS_A_ROUND:
                    return failures
                turns = [_Turn(item, known.get(item)) for item in part[begin : begin + self._at_once]]
                if part is not failed_before:
                    self._last_item = turns[-1].item
                self._take_turns(turns)
                for turn in turns:
                    calls += turn.was_called or turn.failure is not None
                    if turn.failure is None:
                        in_a_row, done = (0, done + 1) if turn.was_called else (in_a_row, done)
                        continue
                    failures.append(turn.failure)
                    in_a_row += 1
                    if in_a_row == FAILURES_IN_A_ROW and part is not failed_before:
                        raise turn.failure
                    if in_a_row == FAILURES_IN_A_ROW:
                        return failures
            if part is not failed_before and failures and not done and isinstance(failures[-1], AccessRefused):
                raise failures[-1]
        return failures

    def _take_turns(self, turns: Sequence[_Turn[Record]]) -> None:
        """Begin, store what was begun, call, and store the outcomes. Raises PublishError."""
        for turn in turns:
            self._guarded(turn, self._begin)
        begun = [turn.pending for turn in turns if turn.pending is not None and turn.pending is not turn.last]
        self._store(begun)
        for turn in turns:
            self._guarded(turn, self._look_up)
        under_way = [turn for turn in turns if turn.pending is not None]
        if len(under_way) == 1:
            self._guarded(under_way[0], self._call)
        else:
            list(self._threads.map(lambda turn: self._guarded(turn, self._call), under_way))
        outcomes = [turn.outcome for turn in turns if turn.outcome is not None]
        self._outbound.note(outcomes)
        self._unstored += outcomes
        if self._at_once == 1:
            self._store([])
        for turn in turns:
            if turn.failure is not None or not turn.was_called:
                continue
            self._failing.discard(turn.item)
            if turn.refused is not None:
                self._refuse(turn.item, turn.refused)
            else:
                self._waits.pop(turn.item, None)
                self._count(Outcome.done)

    def _store(self, records: Sequence[Record]) -> None:
        """Store outcomes that are not stored yet, and then `records`. Raises PublishError."""
        self._outbound.save_all([*self._unstored, *records])
        self._unstored = []

    def _guarded(self, turn: _Turn[Record], step: Callable[[_Turn[Record]], None]) -> None:
        """Take a step, and note its failure. Raises PublishError."""
        if turn.failure is not None:
            return
        try:
            step(turn)
        except (Unavailable, AccessRefused) as error:
            asked_s = error.retry_after_s if isinstance(error, Unavailable) else 0
            self._back_off(turn.item, str(error), asked_s)
            turn.failure = error
        except PublishError:
            raise
        except Exception as error:  # noqa: BLE001  a fault at one item must not hold up the others
            self._log.exception("calling out showed a fault in this program; please report it", item=turn.item)
            self._back_off(turn.item, type(error).__name__, RETRY_MAX_S)
            turn.failure = error

    def _begin(self, turn: _Turn[Record]) -> None:
        """Find the call under way, or begin a new one."""
        item, last = turn.item, turn.last
        if last is not None and self._adapter.is_pending(last):
            turn.pending = last
            return
        if last is not None:
            lost = self._adapter.recheck(item, last, self._now_ms())
            if lost is not None:
                turn.last = last = lost
                self._store([last])
                self._count(Outcome.lost)
                self._log.warning("the outside system lost what was done there; it is done again", item=item)
        try:
            turn.pending = self._adapter.begin(item, last, self._now_ms())
        except CallRefused as refused:
            self._refuse(item, refused)
            return
        if turn.pending is None:
            self._waits.pop(item, None)
            if last is not None and self._adapter.is_over(last):
                self._store([])
                self._outbound.forget(last)

    def _look_up(self, turn: _Turn[Record]) -> None:
        """Ask for the outcome of a call that is too old to be made again."""
        if turn.pending is None or self._adapter.is_repeatable(turn.pending, self._now_ms()):
            return
        turn.outcome, turn.pending = self._adapter.look_up(turn.pending), None
        self._count(Outcome.looked_up)
        self._log.warning("a call was under way for too long to be repeated; its outcome was looked up", item=turn.item)

    def _call(self, turn: _Turn[Record]) -> None:
        """Make the call under way."""
        assert turn.pending is not None, "only items with a call under way are called"
        turn.was_called = True
        try:
            turn.outcome = self._adapter.call(turn.pending)
        except CallRefused as refused:
            turn.outcome, turn.refused = self._adapter.refused(turn.pending), refused

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
