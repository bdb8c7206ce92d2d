"""Declaration of a metric: a process makes its Prometheus object from it, and the page of metrics tells it."""

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily


@dataclass(frozen=True)
class Metric(ABC):
    """A metric, by Prometheus' conventions: base units, `_total` for what only grows, few labels of bounded values."""

    kind: ClassVar[str]

    name: str
    about: str
    """Its help, a sentence."""
    unit: str
    """Unit of its value: a base unit of Prometheus, or the noun that is counted."""
    labels: tuple[str, ...] = ()
    unseen_because: str = ""
    """Reason why no panel and no alert shows it; empty when one does."""


class CounterMetric(Metric):
    """A sum that only grows, until the process ends or for good: its help says which."""

    kind = "counter"

    def on(self, registry: CollectorRegistry = REGISTRY) -> Counter:
        """The counter, registered."""
        return Counter(self.name, self.about, self.labels, registry=registry)

    def family(self) -> CounterMetricFamily:
        """The counter as a collector yields it: told anew at each scrape."""
        return CounterMetricFamily(self.name, self.about, labels=self.labels)


class GaugeMetric(Metric):
    """A value that goes up and down."""

    kind = "gauge"

    def on(self, registry: CollectorRegistry = REGISTRY) -> Gauge:
        """The gauge, registered."""
        return Gauge(self.name, self.about, self.labels, registry=registry)

    def family(self) -> GaugeMetricFamily:
        """The gauge as a collector yields it: told anew at each scrape."""
        return GaugeMetricFamily(self.name, self.about, labels=self.labels)


@dataclass(frozen=True)
class HistogramMetric(Metric):
    """Observations, counted by upper bounds."""

    kind = "histogram"

    buckets: tuple[float, ...] = ()

    def on(self, registry: CollectorRegistry = REGISTRY) -> Histogram:
        """The histogram, registered."""
        return Histogram(self.name, self.about, self.labels, buckets=self.buckets, registry=registry)
