"""Faults: each is put into one worker, or the broker, and proves that work was in flight when it landed.

Input that was unread just before a fault and is not committed right after it was in flight. A failpoint's own log says
how many records its batch held. A fault that landed on an idle worker does not count and is injected again.
"""

import json
import random
import re
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.runtime import failpoints
from tests.proof.faults.slot import Slot
from tests.proof.faults.stage import EndedByItselfError, FaultStage, wait_none_left, wait_until
from tests.support.waiting import PATIENCE_S

Ends = dict[tuple[str, int], int]
OUTSIDE_BATCHES = frozenset({"mid_assignment", "after_assignment", "during_shutdown"})
"""Failpoints at which no batch is open: unread input is the proof there."""
_ZOMBIE_POINTS = ("after_fold", "after_produce", "after_offsets_sent", "before_commit", "after_commit")
_IN_TRANSACTION = ("after_produce", "after_offsets_sent", "before_commit")
DECK = (
    *(f"kill at {name}" for name in failpoints.NAMES),
    "kill", "kill, peer takes over", "stop", "stop at a failpoint", "kill, state deleted", "kill, state damaged",
    "broker killed", "roll",
)  # fmt: skip
_TRIES = 12
_RECOVERY_S = PATIENCE_S


class NotLandedError(RuntimeError):
    """A fault found no work in flight, time and again."""


@dataclass
class Landed:
    """A fault that landed, and how long it took to work off what was unread then."""

    kind: str
    in_flight: int
    tries: int = 1
    restart_s: float | None = None
    takeover_s: float | None = None
    broker_s: float | None = None
    other_s: float | None = None
    """After a fault of neither a worker nor a broker."""

    @property
    def recovery_s(self) -> float | None:
        """Whichever it was."""
        times = (self.restart_s, self.takeover_s, self.broker_s, self.other_s)
        return next((seconds for seconds in times if seconds is not None), None)


def draw(faults: int, kinds: Sequence[str], chance: random.Random) -> list[str]:
    """Kinds of faults: whole decks, each shuffled."""
    drawn: list[str] = []
    while len(drawn) < faults:
        deck = list(kinds)
        chance.shuffle(deck)
        drawn += deck
    return drawn[:faults]


class FaultInjector:
    """Injects faults into what runs on a stage."""

    feed_lines = 150
    """Sent ten times a second while a worker is on its way to a failpoint."""

    def __init__(self, stage: FaultStage, chance: random.Random) -> None:
        self._stage = stage
        self._chance = chance

    def inject(self, kind: str) -> Landed:
        """Raises NotLandedError, TooSlowError when the workers do not recover, EndedByItselfError when one fails."""
        for attempt in range(1, _TRIES + 1):
            self._stage.wait_shared()
            slot = self._chance.choice(self._stage.slots)
            try:
                landed = self.inject_once(kind, slot, self._stage.held_by(slot))
            except NotLandedError:
                if attempt == _TRIES:
                    raise
                self._stage.kill(slot)
                self._stage.release(slot)
            else:
                if landed.in_flight > 0:
                    landed.tries = attempt
                    return landed
        raise NotLandedError(f"{kind}: no work in flight in {_TRIES} tries")

    def inject_at(self, aim: str) -> Landed:
        """`kill:NAME` or `stop:NAME` of a failpoint, whose batch must hold something.

        A worker is stopped in its first batch, when no other is in flight whose transaction would hold up the peer.
        """
        self._stage.wait_shared()
        action, name = aim.split(":")
        slot = self._chance.choice(self._stage.slots)
        mine = self._stage.held_by(slot)
        if action == "kill":
            return self._kill_at(slot, mine, f"kill at {name}")
        return self._overtaken_at(slot, name) if name in _IN_TRANSACTION else self._stop_at(slot, mine, name, 1)

    def inject_once(self, kind: str, slot: Slot, mine: set[int]) -> Landed:
        """One try at `slot`, which holds the partitions `mine`. It has landed when something was in flight."""
        if kind.startswith("kill at "):
            return self._kill_at(slot, mine, kind)
        match kind:
            case "stop":
                return self._stop(slot, mine)
            case "stop at a failpoint":
                return self._stop_at(slot, mine, self._chance.choice(_ZOMBIE_POINTS), self._chance.randint(1, 12))
            case "broker killed":
                return self._kill_broker()
            case "roll":
                return self._roll(slot, mine)
            case _:
                return self._kill(slot, mine, kind)

    # --- each kind ------------------------------------------------------------------------------------------

    def _kill(self, slot: Slot, mine: set[int], kind: str) -> Landed:
        stage = self._stage
        stage.burst(1_500)
        time.sleep(self._chance.uniform(0.0, 0.12))
        ends = stage.group.ends(mine)
        stage.kill(slot)
        injected_at = time.monotonic()
        landed = Landed(kind, stage.group.behind(ends))
        if kind == "kill, peer takes over":
            if landed.in_flight:
                landed.takeover_s = self._worked_off(ends, injected_at)
            stage.release(slot)
            return landed
        if kind == "kill, state deleted":
            stage.drop_state(slot)
        elif kind == "kill, state damaged":
            landed.in_flight = landed.in_flight if damage(slot.state_dir, self._chance) else 0
        elif kind == "kill, old state put back":
            landed.in_flight = landed.in_flight if stage.put_back_old_state(slot) else 0
        stage.release(slot)
        landed.restart_s = self._worked_off(ends, injected_at)
        return landed

    def _kill_at(self, slot: Slot, mine: set[int], kind: str) -> Landed:
        self._end(slot)
        landed, injected_at = self._die_at(slot, mine, kind)
        self._bring_back(slot, mine, landed, injected_at)
        return landed

    def _bring_back(self, slot: Slot, mine: set[int], landed: Landed, injected_at: float) -> None:
        stage = self._stage
        stage.burst(150)
        ends = stage.group.ends(mine)
        stage.release(slot)
        landed.restart_s = self._worked_off(ends, injected_at)

    def _die_at(self, slot: Slot, mine: set[int], kind: str) -> tuple[Landed, float]:
        """Start a worker that is down, and feed it until its failpoint kills it; when that was, by time.monotonic."""
        stage = self._stage
        name = kind.removeprefix("kill at ")
        # A restore may be read at one go, so only its first stretch is sure to come.
        most = 1 if name in OUTSIDE_BATCHES or name == "mid_restore" else 3 if name == "mid_dead_letter" else 12
        hit = self._chance.randint(1, most)
        if name == "mid_restore":
            stage.drop_state(slot)
        else:
            stage.keep_state(slot)
        ends = stage.group.ends(mine)
        slot.armed = f"{name}=kill:{hit}"
        said = len(slot.says())
        stage.start(slot)
        if name == "during_shutdown":
            wait_until("the armed worker is at work", lambda: b"holding partitions" in slot.says(said), _RECOVERY_S)
            ends = self._terminate_with_unread(slot, mine)
        pid = slot.pid
        self._feed_until(kind, lambda: not slot.is_running())
        injected_at = time.monotonic()
        stage.kill(slot)
        if slot.exits[-1] != -signal.SIGKILL:
            raise EndedByItselfError(f"{kind}: the worker ended with {slot.exits[-1]}")
        logged = self._last_hit(pid)
        assert logged["failpoint"] == name, logged
        unread = stage.group.behind(ends)
        return Landed(kind, unread if name in OUTSIDE_BATCHES else logged["in_flight"]), injected_at

    def _stop(self, slot: Slot, mine: set[int]) -> Landed:
        stage = self._stage
        stage.burst(1_500)
        time.sleep(self._chance.uniform(0.0, 0.12))
        ends = stage.group.ends(mine)
        slot.send(signal.SIGSTOP)
        injected_at = time.monotonic()
        landed = Landed("stop", stage.group.behind(ends))
        if landed.in_flight == 0:
            slot.send(signal.SIGCONT)
            return landed
        return self._outlived_by_peer(slot, landed, ends, injected_at)

    def _stop_at(self, slot: Slot, mine: set[int], name: str, hit: int) -> Landed:
        landed, injected_at = self._freeze_at(slot, name, hit)
        return self._outlived_by_peer(slot, landed, self._stage.group.ends(mine), injected_at)

    def _freeze_at(self, slot: Slot, name: str, hit: int) -> tuple[Landed, float]:
        """Start the worker anew, and feed it until its failpoint stops it; when that was, by time.monotonic."""
        stage = self._stage
        self._end(slot)
        slot.armed = f"{name}=stop:{hit}"
        stage.start(slot)
        stage.release(slot)
        pid = slot.pid
        self._feed_until(f"stop at {name}", lambda: bool(self._hits(pid)))
        return Landed(f"stop at {name}", self._last_hit(pid)["in_flight"]), time.monotonic()

    def _overtaken_at(self, slot: Slot, name: str) -> Landed:
        """The peer has taken over, and the inputs as well; then the zombie wakes, and would commit what it began."""
        stage = self._stage
        landed, injected_at = self._freeze_at(slot, name, 1)
        ends = stage.group.ends()
        peers = [(one, len(one.says())) for one in stage.slots if one is not slot]
        stage.wait_taken_over(slot, _RECOVERY_S)
        wait_until("the peer holds all partitions", lambda: any(self._holds_all(*peer) for peer in peers), _RECOVERY_S)
        landed.takeover_s = self._worked_off(ends, injected_at)
        slot.send(signal.SIGCONT)
        stage.burst(600)
        return landed

    def _holds_all(self, slot: Slot, since: int) -> bool:
        """Whether the partitions that it last said to hold, restored, are all there are; of its log from there on.

        Before that it may have held them all while the other was started anew.
        """
        held = re.findall(rb"holding partitions \[([\d, ]*)\]", slot.says(since))
        return bool(held) and held[-1].count(b",") + 1 == self._stage.plan.partitions

    def _outlived_by_peer(self, slot: Slot, landed: Landed, ends: Ends, injected_at: float) -> Landed:
        """The peer takes over and works on; then the zombie wakes in the middle of it."""
        stage = self._stage
        stage.wait_taken_over(slot, _RECOVERY_S)
        landed.takeover_s = self._worked_off(ends, injected_at)
        stage.burst(600)
        slot.send(signal.SIGCONT)
        stage.burst(600)
        return landed

    def _roll(self, slot: Slot, mine: set[int]) -> Landed:
        stage = self._stage
        injected_at = time.monotonic()
        ends = self._terminate_with_unread(slot, mine)
        self._end(slot)
        landed = Landed("roll", stage.group.behind(ends))
        stage.release(slot)
        landed.restart_s = self._worked_off(ends, injected_at)
        return landed

    def _kill_broker(self) -> Landed:
        stage = self._stage
        broker = self._chance.randrange(len(stage.kafka.pids))
        stage.burst(3_000)
        time.sleep(self._chance.uniform(0.0, 0.05))
        ends = stage.group.ends()
        landed = Landed("broker killed", stage.group.behind(ends))
        if landed.in_flight:
            stage.kafka.kill(broker)
            time.sleep(self._chance.uniform(0.2, 2.0))
            stage.kafka.restart(broker)
            landed.broker_s = self._worked_off(ends, time.monotonic())
        return landed

    # --- aiming and watching ----------------------------------------------------------------------------

    def _end(self, slot: Slot) -> None:
        """As a worker should end when it is asked to."""
        status = self._stage.terminate(slot)
        if status != 0:
            raise EndedByItselfError(f"on SIGTERM {slot.instance} ended with {status}")

    def _terminate_with_unread(self, slot: Slot, mine: set[int]) -> Ends:
        """SIGTERM to a worker that has unread input: held still while the input arrives."""
        stage = self._stage
        slot.is_kept_alive = False
        slot.send(signal.SIGSTOP)
        stage.burst(2_000)
        time.sleep(0.1)
        ends = stage.group.ends(mine)
        slot.send(signal.SIGTERM)
        slot.send(signal.SIGCONT)
        return ends

    def _feed_until(self, what: str, has_come: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _RECOVERY_S
        while not has_come():
            if time.monotonic() > deadline:
                raise NotLandedError(f"{what}: not reached within {_RECOVERY_S:.0f} s")
            self._stage.burst(self.feed_lines)
            time.sleep(0.1)

    def _worked_off(self, ends: Ends, since: float) -> float:
        group = self._stage.group
        wait_none_left("input to be committed", lambda: group.behind(ends), _RECOVERY_S)
        return time.monotonic() - since

    def _hits(self, pid: int) -> list[dict[str, Any]]:
        """What the failpoints of this process have logged."""
        path = self._stage.failpoint_log
        logged = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in logged if line["pid"] == pid]

    def _last_hit(self, pid: int) -> dict[str, Any]:
        return self._hits(pid)[-1]


def damage(state_dir: Path, chance: random.Random) -> bool:
    """Cut a file of each partition's store short, or change bytes in it. Whether there was any."""
    damaged = False
    for folder in sorted(state_dir.glob("*/partition-*")):
        files = [path for path in sorted(folder.iterdir()) if path.suffix in (".sst", ".log") and path.stat().st_size]
        if not files:
            continue
        path = chance.choice(files)
        content = bytearray(path.read_bytes())
        if chance.random() < 0.5:
            del content[chance.randrange(len(content)) :]
        else:
            for _ in range(8):
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        damaged = True
    return damaged
