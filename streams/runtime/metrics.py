"""The runtime's Prometheus metrics and what `/health` and `/ready` answer from."""

import time

from prometheus_client import REGISTRY, CollectorRegistry

from messaging.metrics import listed
from messaging.status_server import Status


class WorkerMetrics:
    """Metrics of one worker process."""

    def __init__(self, registry: CollectorRegistry = REGISTRY, *, stuck_after_s: float = 60.0) -> None:
        """`/health` says no when there was no sign of life for `stuck_after_s`."""
        self._stuck_after_s = stuck_after_s
        self._records = listed.WORKER_RECORDS.on(registry)
        self._batches = listed.WORKER_BATCH.on(registry)
        self._commits = listed.WORKER_COMMIT.on(registry)
        listed.WORKER_LAG.on(registry).set_function(self._lag_s)
        self._oldest_ms: int | None = None
        self._partitions = listed.WORKER_PARTITIONS.on(registry)
        self._assignments = listed.WORKER_ASSIGNMENTS.on(registry)
        self._restore = listed.WORKER_RESTORE.on(registry)
        self._restore_remaining = listed.WORKER_RESTORE_REMAINING.on(registry)
        self._rejoins = listed.WORKER_REJOINS.on(registry)
        self._halted = listed.WORKER_HALTED.on(registry)
        self._halted_partitions: set[int] = set()
        self._held = 0
        self._joined = False
        self._alive_at = time.monotonic()

    def alive(self) -> None:
        """A turn was begun, or a step of what takes long."""
        self._alive_at = time.monotonic()

    def batch(self, records: int, began_s: float, commit_began_s: float) -> None:
        """A micro-batch is committed now; by the monotonic clock its first record was folded, and its commit begun."""
        now_s = time.monotonic()
        self._records.inc(records)
        self._batches.observe(now_s - began_s)
        self._commits.observe(now_s - commit_began_s)

    def waiting(self, oldest_ms: int | None) -> None:
        """The broker's time of the oldest record that was read and is not committed; None when there is none."""
        self._oldest_ms = oldest_ms

    def _lag_s(self) -> float:
        oldest_ms = self._oldest_ms
        return 0.0 if oldest_ms is None else max(time.time() - oldest_ms / 1000, 0.0)

    def assigned(self, partitions: int) -> None:
        self._held = partitions
        self._joined = self._joined or partitions > 0
        self._partitions.set(partitions)

    def restoring(self, remaining: int) -> None:
        """So many offsets of the changelog are still to be read."""
        self._restore_remaining.set(remaining)

    def restored(self, took_s: float) -> None:
        """An assignment is restored."""
        self._assignments.inc()
        self._restore.set(took_s)
        self._joined = True
        self.alive()

    def rejoin(self) -> None:
        self._rejoins.inc()

    def halted(self, partition: int) -> None:
        self._halted_partitions.add(partition)
        self._halted.set(len(self._halted_partitions))

    def resumed(self, partition: int) -> None:
        self._halted_partitions.discard(partition)
        self._halted.set(len(self._halted_partitions))

    def none_halted(self) -> None:
        for partition in tuple(self._halted_partitions):
            self.resumed(partition)

    def health(self) -> Status:
        """Is the loop turning?"""
        return Status.of_loop(self._alive_at, self._stuck_after_s)

    def ready(self) -> Status:
        """Does it hold restored partitions, none of them stopped?"""
        halted = sorted(self._halted_partitions)
        return Status(self._held > 0 and not halted, {"partitions": self._held, "halted_partitions": halted})
