"""What a run is watched for beside its faults: how long batches take, how long nothing moves, how memory grows.

Memory is that of a role, over the whole run, whichever process has it: one that is killed each minute shows little.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.proof.faults.topic_log import GroupView

_LOOK_AGAIN_S = 0.5
_WARM_UP_S = 20.0
"""A young process fills its caches; its memory counts from then on."""
_LEAST_S = 300.0
"""Of a shorter run no slope is told."""
_MIB = 1 << 20
Place = tuple[str, int]
"""Topic, partition."""


@dataclass(frozen=True)
class Watched:
    """What was seen."""

    longest_batch_s: float | None = None
    longest_stall_s: float | None = None
    """The longest time in which input was unread and none was committed."""
    waits_s: Mapping[int, float] = field(default_factory=dict)
    """Partition → how long an input lay in Kafka, at most, until it was committed, by our own clock."""
    slopes_mib_per_h: Mapping[str, float] = field(default_factory=dict)
    """Role → of all that its processes took, one after another."""

    @property
    def longest_wait_s(self) -> float | None:
        return max(self.waits_s.values(), default=None)

    @property
    def steepest_mib_per_h(self) -> float | None:
        return max(self.slopes_mib_per_h.values(), default=None)

    def say_memory(self) -> str:
        """For people."""
        told = ", ".join(f"{role} {slope:+.1f}" for role, slope in sorted(self.slopes_mib_per_h.items()))
        return told or f"the run was shorter than {_LEAST_S:.0f} s"


class Waits:
    """How long inputs lie unread: of each one end at a time, from when it is seen until all before it is committed."""

    def __init__(self) -> None:
        self.longest_s: dict[int, float] = {}
        """By partition."""
        self._awaited: dict[Place, tuple[int, float]] = {}

    def look(self, ends: Mapping[Place, int], committed: Mapping[Place, int], at_s: float) -> None:
        """Take in what was found at `at_s`, by any clock that only goes on."""
        for place, end in ends.items():
            awaited, since_s = self._awaited.get(place, (0, at_s))
            self.longest_s[place[1]] = max(self.longest_s.get(place[1], 0.0), at_s - since_s)
            if committed[place] >= awaited:
                self._awaited.pop(place, None)
                if end > committed[place]:
                    self._awaited[place] = (end, at_s)


class Watch:
    """Looks twice a second, in a thread of its own, from when it is made until `stop`.

    `pids` gives the process ids by role; `batches` is the file in which workers note the times of their batches.
    """

    def __init__(self, group: GroupView, pids: Callable[[], Mapping[str, int]], batches: Path) -> None:
        self._group, self._pids, self._batches = group, pids, batches
        self._began_s: dict[int, float] = {}
        self._samples: dict[str, list[tuple[float, float]]] = {}
        self._waits = Waits()
        self._longest_stall_s = 0.0
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=look, name=look.__name__, daemon=True)
            for look in (self._watch_memory, self._watch_progress)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> Watched:
        """What was seen. May be called again."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        took_s = [float(line) for line in self._batches.read_text().splitlines()] if self._batches.exists() else []
        slopes = {role: slope_mib_per_h(samples) for role, samples in self._samples.items()}
        return Watched(
            round(max(took_s), 3) if took_s else None,
            round(self._longest_stall_s, 1),
            {partition: round(longest_s, 1) for partition, longest_s in sorted(self._waits.longest_s.items())},
            {role: round(slope, 1) for role, slope in slopes.items() if slope is not None},
        )

    def _watch_memory(self) -> None:
        while not self._is_over.wait(_LOOK_AGAIN_S):
            for role, pid in self._pids().items():
                try:
                    used_mib = psutil.Process(pid).memory_info().rss / _MIB
                except psutil.Error:
                    continue  # it has just been killed
                now_s = time.monotonic()
                if now_s - self._began_s.setdefault(pid, now_s) >= _WARM_UP_S:
                    self._samples.setdefault(role, []).append((now_s, used_mib))

    def _watch_progress(self) -> None:
        committed = self._group.committed()
        moved_at = time.monotonic()
        while not self._is_over.wait(_LOOK_AGAIN_S):
            ends, now = self._group.ends(), self._group.committed()
            self._waits.look(ends, now, time.monotonic())
            is_unread = any(end > now[at] for at, end in ends.items())
            self._longest_stall_s = max(self._longest_stall_s, time.monotonic() - moved_at)
            if now != committed or not is_unread:
                committed, moved_at = now, time.monotonic()


def slope_mib_per_h(samples: list[tuple[float, float]]) -> float | None:
    """Of the straight line through samples (s, MiB), by least squares; None of too short a time."""
    if samples[-1][0] - samples[0][0] < _LEAST_S:
        return None
    mean_s, mean_mib = (sum(column) / len(samples) for column in zip(*samples, strict=True))
    spread = sum((at_s - mean_s) ** 2 for at_s, _ in samples)
    return 3_600 * sum((at_s - mean_s) * (mib - mean_mib) for at_s, mib in samples) / spread
