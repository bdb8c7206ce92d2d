"""The list of metrics: names by Prometheus' conventions, nothing beside it, and a page that says the same."""

import ast
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from messaging.metrics.declared import CounterMetric, GaugeMetric, HistogramMetric
from messaging.metrics.listed import METRICS
from messaging.metrics.page import page

ROOT = Path(__file__).parents[3]
OURS = ("schemas", "messaging", "connectors", "streams", "world", "commonshelf")
MAKERS = {
    "Counter", "Gauge", "Histogram", "Summary", "Info", "Enum",
    "CounterMetricFamily", "GaugeMetricFamily", "HistogramMetricFamily", "SummaryMetricFamily",
}  # fmt: skip
BOUNDED = {
    "lane",
    "partner",
    "pool",
    "store",
    "connector",
    "place",
    "partition",
    "group",
    "topic",
    "outcome",
    "reason",
    "status",
    "kind",
    "currency",
}
"""Labels whose values are as many as the settings, or a closed list, name."""


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_follows_the_conventions(metric):
    assert metric.name.startswith("commonshelf_")
    assert metric.name.endswith("_total") == isinstance(metric, CounterMetric)
    assert (metric.unit == "seconds") == metric.name.removesuffix("_total").endswith("_seconds")
    assert metric.about.endswith(".")
    assert set(metric.labels) <= BOUNDED
    assert len(metric.labels) <= 4


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_shown_under_its_name(metric):
    registry = CollectorRegistry()
    shown = metric.on(registry)
    (shown.labels(*["x"] * len(metric.labels)) if metric.labels else shown)
    names = {sample.name for family in registry.collect() for sample in family.samples}
    assert metric.name in names or f"{metric.name}_bucket" in names
    if isinstance(metric, CounterMetric | GaugeMetric):
        family = metric.family()
        family.add_metric(["x"] * len(metric.labels), 1)
        assert metric.name in {sample.name for sample in family.samples}
    else:
        assert isinstance(metric, HistogramMetric)
        assert metric.buckets == tuple(sorted(metric.buckets))


def test_names_are_distinct():
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)


def test_nothing_is_registered_beside_the_list():
    found = []
    for folder in OURS:
        for path in (ROOT / folder).rglob("*.py"):
            if path.parent == ROOT / "messaging" / "metrics":
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("prometheus_client"):
                    imported = {alias.asname or alias.name for alias in node.names} & MAKERS
                    found += [(path, name) for name in imported if _calls(path, name)]
    assert found == []


def _calls(path, name):
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return any(isinstance(func, ast.Name) and func.id == name for func in calls)


def test_the_page_is_made_from_the_list():
    assert (ROOT / "docs" / "metrics.md").read_text() == page(), "run python -m messaging.metrics"
