"""The engine: exactly-once micro-batches over partitions, for any processor that fills its contract."""

from streams.runtime.settings import WorkerSettings, WorkerStopped
from streams.runtime.worker import run_worker

__all__ = ["WorkerSettings", "WorkerStopped", "run_worker"]
