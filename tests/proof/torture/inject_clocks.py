"""The faults of clocks: a worker's, the brokers', the ticker's, and several that leap together.

While brokers may be behind the tills by more than the pools let pass, customers ask nothing: what they hear then says
only that somebody's clock is wrong. All others go on.
"""

import random
import time
from collections.abc import Callable

from tests.proof.faults.inject import Ends, FaultInjector, Landed
from tests.proof.faults.slot import Slot
from tests.proof.torture.stage import TortureStage
from tests.support.waiting import PATIENCE_S

HOUR_S, DAY_S = 3_600, 86_400
_RECOVERY_S = PATIENCE_S
OF_BROKERS_CLOCKS = ("broker starts with an old time", "brokers' and ticker's clocks leap")
OF_CLOCKS = (*OF_BROKERS_CLOCKS, "ticker's clock leaps", "worker's clock stepped")


class ClockInjector(FaultInjector):
    """Injects a fault of a clock."""

    feed_lines = 12

    def __init__(self, stage: TortureStage, chance: random.Random) -> None:
        super().__init__(stage, chance)
        self._torture = stage

    def inject_once(self, kind: str, slot: Slot, mine: set[int]) -> Landed:
        faults: dict[str, Callable[[], Landed]] = {
            "worker's clock stepped": lambda: self._step_clock(slot, mine),
            "broker starts with an old time": self._start_in_the_past,
            "ticker's clock leaps": self._leap,
            "brokers' and ticker's clocks leap": self._leap_together,
        }
        return faults[kind]() if kind in faults else super().inject_once(kind, slot, mine)

    def _step_clock(self, slot: Slot, mine: set[int]) -> Landed:
        """Hours or days ahead or behind while it works, a restart in that time, and back."""
        stage = self._torture
        ends = self._unread(mine)
        stage.step_clock(slot, self._chance.choice((-9 * DAY_S, -13 * HOUR_S, -HOUR_S, HOUR_S, 13 * HOUR_S, 9 * DAY_S)))
        injected_at = time.monotonic()
        landed = Landed("worker's clock stepped", stage.group.behind(ends))
        stage.burst(300)
        stage.kill(slot)
        stage.release(slot)
        landed.restart_s = self._worked_off(ends, injected_at)
        stage.step_clock(slot, 0)
        return landed

    def _start_in_the_past(self) -> Landed:
        """A broker is killed, its machine starts nine days ago, and the time is put right while it works."""
        stage = self._torture
        broker = self._chance.randrange(stage.plan.brokers)
        with stage.contest.paused(_RECOVERY_S):
            ends = self._unread()
            landed = Landed("broker starts with an old time", stage.group.behind(ends))
            injected_at = time.monotonic()
            stage.kafka.kill(broker)
            stage.step_broker_clock(broker, -9 * DAY_S)
            try:
                stage.kafka.restart(broker)
                stage.burst(1_500)
                ends |= stage.group.ends()
            finally:
                stage.step_broker_clock(broker, 0)
            landed.broker_s = self._worked_off(ends, injected_at)
        return landed

    def _leap(self) -> Landed:
        """Ticks of days ago and days ahead between those of today: the first change nothing, the others are refused."""
        stage = self._torture
        ends = self._unread()
        injected_at = time.monotonic()
        landed = Landed("ticker's clock leaps", stage.group.behind(ends))
        for ahead_s in self._chance.sample((-9 * DAY_S, -HOUR_S, HOUR_S, 9 * DAY_S), 4):
            stage.tick(ahead_s)
            stage.burst(150)
        landed.other_s = self._worked_off(ends | stage.group.ends(), injected_at)
        return landed

    def _leap_together(self) -> Landed:
        """Brokers and ticker agree, and both are wrong: ahead, which an operator confirms to one pool, or behind.

        Behind, all that tills say is ahead of the brokers and set aside; open transactions are as old as the leap is
        long once the brokers are put right.
        """
        stage, ahead_s = self._torture, self._chance.choice((-9 * DAY_S, -HOUR_S, HOUR_S))
        with stage.contest.paused(_RECOVERY_S):
            ends = self._unread()
            injected_at = time.monotonic()
            landed = Landed("brokers' and ticker's clocks leap", stage.group.behind(ends))
            try:
                self._set_brokers(ahead_s, is_back=ahead_s < 0)
                stage.tick(ahead_s)
                stage.burst(1_500)
                if ahead_s > 0 and stage.unconfirmed:
                    stage.confirm_clock(stage.unconfirmed.pop(), ahead_s)
                    stage.tick(ahead_s)
                landed.broker_s = self._worked_off(ends | stage.group.ends(), injected_at)
                stage.burst(1_500)
            finally:
                self._set_brokers(0, is_back=ahead_s > 0)
            self._worked_off(stage.group.ends(), injected_at)
        return landed

    def _set_brokers(self, ahead_s: int, *, is_back: bool) -> None:
        """A running Kafka stands still until its own time comes again: back go only brokers that start anew."""
        stage, brokers = self._torture, range(self._torture.plan.brokers)
        if is_back:
            for broker in brokers:
                stage.kafka.kill(broker)
        for broker in brokers:
            stage.step_broker_clock(broker, ahead_s)
        if is_back:
            stage.kafka.restart(*brokers)

    def _unread(self, partitions: set[int] | None = None) -> Ends:
        """Have lines sent; the ends of the inputs right after."""
        self._torture.burst(1_500)
        time.sleep(self._chance.uniform(0.0, 0.05))
        return self._torture.group.ends(partitions)
