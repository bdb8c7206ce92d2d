"""Metrics of connectors, for Prometheus: per pool, store and connector."""

import time
from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from connectors.contract import Skip, Translated
from messaging.metrics import listed

LAST_SUCCESS, NEWEST_EVENT, RECONCILED = "last_success", "newest_event", "reconciled"
MILESTONES = (LAST_SUCCESS, NEWEST_EVENT, RECONCILED)
"""Times that outlive the process: `connectors/milestones.py` stores them."""
Labels = tuple[str, str, str]


class ConnectorMetrics:
    """The metrics of one process, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._stores: dict[Labels, StoreMetrics] = {}
        self._lines = listed.CONNECTOR_LINES.on(self.registry)
        self._skipped = listed.CONNECTOR_SKIPPED.on(self.registry)
        self._files = listed.CONNECTOR_FILES.on(self.registry)
        self._requests = listed.CONNECTOR_REQUESTS.on(self.registry)
        self._signatures = listed.CONNECTOR_SIGNATURES.on(self.registry)
        self._written = listed.CONNECTOR_WRITTEN_BACK.on(self.registry)
        self._partner_requests = listed.PARTNER_REQUESTS.on(self.registry)
        self._partner_signatures = listed.PARTNER_SIGNATURES.on(self.registry)
        self._partner_reports = listed.PARTNER_REPORTS.on(self.registry)
        self._success = listed.CONNECTOR_SUCCESS.on(self.registry)
        self._polled = listed.CONNECTOR_RECONCILED.on(self.registry)
        self._lag = listed.CONNECTOR_RECONCILIATION_LAG.on(self.registry)
        self._age = listed.CONNECTOR_NEWEST_EVENT_AGE.on(self.registry)

    def of_partner(self, pool: str, partner: str) -> "PartnerMetrics":
        """The metrics of one partner's posts."""
        return PartnerMetrics(self, (pool, partner))

    def of(self, pool: str, store: str, connector: str) -> "StoreMetrics":
        """The metrics of one connector."""
        labels = (pool, store, connector)
        return self._stores.get(labels) or self._stores.setdefault(labels, StoreMetrics(self, labels))

    def stores(self) -> Mapping[Labels, "StoreMetrics"]:
        """Those of all connectors so far, by pool, store and connector."""
        return dict(self._stores)

    def _bind(self, labels: tuple[str, str, str]) -> tuple[Gauge, Gauge, Counter]:
        for outcome in ("published", "refused"):
            self._lines.labels(*labels, outcome)  # shown as 0 from the start: a series that begins at 1 has no increase
        return self._success.labels(*labels), self._age.labels(*labels), self._signatures.labels(*labels)

    def _count_lines(self, labels: tuple[str, str, str], outcome: str, count: int) -> None:
        self._lines.labels(*labels, outcome).inc(count)

    def _count_skips(self, labels: tuple[str, str, str], skipped: Sequence[Skip]) -> None:
        for skip in skipped:
            self._skipped.labels(*labels, skip.reason.value).inc()

    def _poll_gauges(self, labels: tuple[str, str, str]) -> tuple[Gauge, Gauge]:
        return self._polled.labels(*labels), self._lag.labels(*labels)

    def _count_file(self, labels: tuple[str, str, str], outcome: str) -> None:
        self._files.labels(*labels, outcome).inc()

    def _count_written(self, labels: tuple[str, str, str], outcome: str) -> None:
        self._written.labels(*labels, outcome).inc()

    def _count_request(self, labels: tuple[str, str, str], status: int) -> None:
        self._requests.labels(*labels, str(status)).inc()


class PartnerMetrics:
    """The metrics of what one partner posts to us."""

    def __init__(self, metrics: ConnectorMetrics, labels: tuple[str, str]) -> None:
        self._metrics = metrics
        self._labels = labels

    def request(self, status: int) -> None:
        """A post was answered."""
        self._metrics._partner_requests.labels(*self._labels, str(status)).inc()  # noqa: SLF001  one thing in two classes

    def signature_rejected(self) -> None:
        """A post was not signed with a secret of the partner."""
        self._metrics._partner_signatures.labels(*self._labels).inc()  # noqa: SLF001

    def report(self, kind: str, outcome: str) -> None:
        """A message had this outcome. kind: of a closed list."""
        self._metrics._partner_reports.labels(*self._labels, kind, outcome).inc()  # noqa: SLF001


class StoreMetrics:
    """The metrics of one connector of one store."""

    def __init__(self, metrics: ConnectorMetrics, labels: tuple[str, str, str]) -> None:
        self._metrics = metrics
        self._labels = labels
        self._success, age, self._signatures = metrics._bind(labels)  # noqa: SLF001  one thing in two classes
        self._reached_ms: dict[str, int] = {}
        age.set_function(self._newest_age_s)

    @property
    def labels(self) -> Labels:
        """Pool, store and connector."""
        return self._labels

    def published(self, lines: int, newest_event_ms: int) -> None:
        """`lines` are confirmed by Kafka; the newest of their events occurred at `newest_event_ms`."""
        self._metrics._count_lines(self._labels, "published", lines)  # noqa: SLF001
        self.recall(LAST_SUCCESS, int(time.time() * 1000))
        self.recall(NEWEST_EVENT, newest_event_ms)

    def refused(self, lines: int) -> None:
        """`lines` were not usable and went back to the sender."""
        self._metrics._count_lines(self._labels, "refused", lines)  # noqa: SLF001

    def left_out(self, translated: Translated) -> None:
        """Count its problems and skips."""
        if translated.problems:
            self.refused(len(translated.problems))
        self._metrics._count_skips(self._labels, translated.skipped)  # noqa: SLF001

    def reconciled(self, began_at_s: float) -> None:
        """A poll that began at `began_at_s` has read all there was."""
        self.recall(RECONCILED, int(began_at_s * 1000))

    def milestones(self) -> Mapping[str, int]:
        """Name → when that was last, ms since 1970; what has never been is left out."""
        return dict(self._reached_ms)

    def recall(self, name: str, at_ms: int) -> None:
        """A milestone was reached at `at_ms`, in this process or in one before; the latest time counts."""
        at_ms = max(at_ms, self._reached_ms.get(name, 0))
        self._reached_ms[name] = at_ms
        if name == LAST_SUCCESS:
            self._success.set(at_ms / 1000)
        elif name == RECONCILED:
            polled, lag = self._metrics._poll_gauges(self._labels)  # noqa: SLF001
            polled.set(at_ms / 1000)
            lag.set_function(lambda: time.time() - self._reached_ms[RECONCILED] / 1000)

    def file(self, outcome: str) -> None:
        """A file is through: done, rejected, or repeated."""
        self._metrics._count_file(self._labels, outcome)  # noqa: SLF001

    def request(self, status: int) -> None:
        """A webhook request was answered."""
        self._metrics._count_request(self._labels, status)  # noqa: SLF001

    def written_back(self, outcome: str) -> None:
        """A change of the online channel is through: done, refused, looked_up or lost."""
        self._metrics._count_written(self._labels, outcome)  # noqa: SLF001

    def signature_rejected(self) -> None:
        """A webhook request was not signed with a secret of the store."""
        self._signatures.inc()

    def _newest_age_s(self) -> float:
        at_ms = self._reached_ms.get(NEWEST_EVENT)
        return float("nan") if at_ms is None else time.time() - at_ms / 1000
