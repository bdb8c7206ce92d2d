"""The runtime's Prometheus metrics and what `/health` and `/ready` answer from."""

import time

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from messaging.status_server import Status


class WorkerMetrics:
    """Metrics of one worker process."""

    def __init__(self, registry: CollectorRegistry = REGISTRY, *, stuck_after_s: float = 60.0) -> None:
        """`/health` says no when there was no sign of life for `stuck_after_s`."""
        self._stuck_after_s = stuck_after_s
        self._records = Counter("commonshelf_worker_records_total", "Input records committed.", registry=registry)
        self._batches = Histogram(
            "commonshelf_worker_batch_seconds",
            "Time to process and commit a micro-batch.",
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
            registry=registry,
        )
        self._lag = Gauge(
            "commonshelf_worker_lag_seconds",
            "Age of the oldest record read and not committed; 0 for none.",
            registry=registry,
        )
        self._lag.set_function(self._lag_s)
        self._oldest_ms: int | None = None
        self._partitions = Gauge("commonshelf_worker_partitions", "Partitions held.", registry=registry)
        self._restore = Gauge(
            "commonshelf_worker_restore_seconds", "Time that the last assignment took to restore.", registry=registry
        )
        self._rejoins = Counter(
            "commonshelf_worker_rejoins_total", "Times the worker lost its place.", registry=registry
        )
        self._halted = Gauge(
            "commonshelf_worker_partition_halted",
            "1 when stopped at a record.",
            ["partition"],
            registry=registry,
        )
        self._halted_partitions: set[int] = set()
        self._held = 0
        self._joined = False
        self._alive_at = time.monotonic()

    def alive(self) -> None:
        """A turn was begun, or a step of what takes long."""
        self._alive_at = time.monotonic()

    def batch(self, records: int, took_s: float) -> None:
        self._records.inc(records)
        self._batches.observe(took_s)

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

    def restored(self, took_s: float) -> None:
        self._restore.set(took_s)
        self._joined = True
        self.alive()

    def rejoin(self) -> None:
        self._rejoins.inc()

    def halted(self, partition: int) -> None:
        self._halted.labels(partition).set(1)
        self._halted_partitions.add(partition)

    def resumed(self, partition: int) -> None:
        self._halted.labels(partition).set(0)
        self._halted_partitions.discard(partition)

    def none_halted(self) -> None:
        for partition in tuple(self._halted_partitions):
            self.resumed(partition)

    def health(self) -> Status:
        """Is the loop turning?"""
        idle_s = time.monotonic() - self._alive_at
        return Status(idle_s < self._stuck_after_s, {"seconds_since_last_turn": round(idle_s, 3)})

    def ready(self) -> Status:
        """Does it hold restored partitions, none of them stopped?"""
        halted = sorted(self._halted_partitions)
        return Status(self._held > 0 and not halted, {"partitions": self._held, "halted_partitions": halted})
