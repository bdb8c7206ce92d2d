"""The faults of those who are called, and of the process that calls them.

They may take minutes, for a partner that is away is asked ever less often, and touch nothing else: one at a time goes
on beside all other faults. One has landed when partners lacked something, or when calls met it.
"""

import random
import signal
import time
from collections.abc import Callable

from tests.proof.faults.inject import Landed
from tests.proof.faults.stage import wait_until
from tests.proof.torture.stage import TortureStage
from tests.support.partner_trap import Mood
from tests.support.waiting import PATIENCE_S

_RECOVERY_S = PATIENCE_S
_AWAY_S = 60.0
_HITS = 6
_LOOK_AGAIN_S = 0.5
_MOODS = {"partners slow": Mood.slow, "partners answer 500": Mood.failing, "partners answer twice": Mood.twice}
OF_PARTNERS = ("agents killed", "agents stopped", "agents away for a minute", "partners away for a minute", *_MOODS)


class PartnerInjector:
    """Injects one fault of partners, or of the agents that call them."""

    def __init__(self, stage: TortureStage, chance: random.Random) -> None:
        self._stage, self._pickups = stage, stage.pickups
        self._chance = chance

    def inject_once(self, kind: str) -> Landed:
        """Raises TooSlowError when partners are not told what they lacked."""
        faults: dict[str, Callable[[], int]] = {
            "agents killed": self._kill_agents,
            "agents stopped": self._stop_agents,
            "agents away for a minute": self._keep_agents_away,
            "partners away for a minute": self._keep_partners_away,
        }
        hits = faults[kind]() if kind in faults else self._meet(_MOODS[kind])
        return Landed(kind, hits, other_s=self._told(self._pickups.untold()))

    def _kill_agents(self) -> int:
        agents = self._stage.agents
        lacking = self._something_untold()
        self._stage.kill(agents)
        self._stage.release(agents)
        return lacking

    def _stop_agents(self) -> int:
        """Held still, so that the answers to its calls wait, and Kafka takes it for gone."""
        agents = self._stage.agents
        lacking = self._something_untold()
        agents.send(signal.SIGSTOP)
        time.sleep(self._chance.uniform(7.0, 12.0))
        agents.send(signal.SIGCONT)
        return lacking

    def _keep_agents_away(self) -> int:
        agents = self._stage.agents
        self._stage.kill(agents)
        time.sleep(_AWAY_S)
        lacking = self._something_untold()
        self._stage.release(agents)
        return lacking

    def _keep_partners_away(self) -> int:
        self._pickups.turn(Mood.away)
        try:
            time.sleep(_AWAY_S)
            return self._something_untold()
        finally:
            self._pickups.turn(Mood.well)

    def _meet(self, mood: Mood) -> int:
        before = self._pickups.hits
        self._pickups.turn(mood)
        try:
            wait_until(f"calls to partners that are {mood}", lambda: self._pickups.hits >= before + _HITS, _RECOVERY_S)
            return self._pickups.hits - before
        finally:
            self._pickups.turn(Mood.well)

    def _something_untold(self) -> int:
        """How much of what topics say partners do not have; waits until there is something."""
        found: list[str] = []

        def is_behind() -> bool:
            found[:] = self._pickups.untold()
            return bool(found)

        wait_until("something of which partners have not been told", is_behind, _RECOVERY_S)
        return len(found)

    def _told(self, lacking: list[str]) -> float:
        """Seconds until partners have what they lack, or something newer."""
        since_s = time.monotonic()

        def has_all() -> bool:
            lacking[:] = self._pickups.untold(lacking)
            time.sleep(_LOOK_AGAIN_S if lacking else 0)
            return not lacking

        wait_until("partners have been told what they lacked", has_all, _RECOVERY_S)
        return time.monotonic() - since_s
