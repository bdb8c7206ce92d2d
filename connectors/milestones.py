"""Keeps the times that a connector's metrics tell across restarts: when lines last reached Kafka, and the like.

They are stored beside the cursors, as feeds of their own, at most every few seconds and when the host ends.
"""

import threading
from collections.abc import Mapping

import structlog

from connectors.contract import PositionStore
from connectors.metrics import MILESTONES, ConnectorMetrics
from messaging.publisher import PublishError

SAVED_EVERY_S = 10.0
PREFIX = "metrics."
"""Of the feeds that are milestones, and no cursors."""
_log = structlog.get_logger()
Key = tuple[str, str, str, str]


class Milestones:
    """The milestones of all connectors of a process. Run it in a thread of its own, for Kafka may be slow to answer."""

    def __init__(self, metrics: ConnectorMetrics, positions: PositionStore) -> None:
        self._metrics = metrics
        self._positions = positions
        self._saved: dict[Key, int] = {}
        self._loaded: set[tuple[str, str, str]] = set()
        self._is_failing = False

    def run(self, stop: threading.Event) -> None:
        """Load what was stored, then store what is new, until `stop` is set; a last time then."""
        while True:
            is_last = stop.is_set()
            try:
                self._load()
                self._save()
                self._is_failing = False
            except PublishError as error:
                if not self._is_failing:
                    _log.warning("the times of the last successes are not stored; trying on", reason=str(error))
                self._is_failing = True
            if is_last:
                return
            stop.wait(SAVED_EVERY_S)

    def _load(self) -> None:
        for labels, store in self._metrics.stores().items():
            if labels not in self._loaded:
                for name in MILESTONES:
                    at_ms = self._positions.load(*labels, PREFIX + name)
                    if at_ms is not None:
                        store.recall(name, at_ms)
                        self._saved[*labels, name] = at_ms
                self._loaded.add(labels)

    def _save(self) -> None:
        for labels, store in self._metrics.stores().items():
            reached: Mapping[str, int] = store.milestones()
            for name, at_ms in reached.items():
                if self._saved.get((*labels, name), 0) < at_ms:
                    self._positions.save(*labels, PREFIX + name, at_ms)
                    self._saved[*labels, name] = at_ms
