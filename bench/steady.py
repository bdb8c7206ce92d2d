"""A thread that publishes at a steady rate, whatever becomes of it: nothing waits for the system that it measures."""

import threading
import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from confluent_kafka import Producer

from bench.cluster import Cluster
from messaging.client_options import producer_options
from world.uniform import Published


class Steady(ABC):
    """Use as a context. What was due is published, late if need be, until `stop`."""

    def __init__(self, cluster: Cluster, per_second: int) -> None:
        self._cluster = cluster
        self._gap_s = 1 / per_second
        self._producer = Producer(producer_options(cluster.options) | {"linger.ms": 5})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Publish no more; return when the broker has everything. May be repeated."""
        self._stop.set()
        self._thread.join()
        self._producer.flush()

    @abstractmethod
    def _run(self) -> None:
        """Publish what is due, each time that `_is_due` says so."""

    def _is_due(self, due_s: float) -> bool:
        """Wait until then. False when it is time to stop."""
        ahead_s = due_s - time.time()
        return not (self._stop.wait(ahead_s) if ahead_s > 0 else self._stop.is_set())

    def _publish(self, record: Published) -> None:
        topic, key, value = record
        self._producer.produce(topic, value, key, self._cluster.partition_of(key))
