"""Dashboards and alerts speak of the metrics in the list, of all of them, and of labels that these have."""

import json
import re
from pathlib import Path

import pytest
import yaml

from messaging.metrics.__main__ import BOARDS_FOLDER, made
from messaging.metrics.dashboards.boards import BOARDS
from messaging.metrics.declared import HistogramMetric
from messaging.metrics.listed import METRICS

ROOT = Path(__file__).parents[3]
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
SERIES = {
    name: metric
    for metric in METRICS
    for name in (
        [f"{metric.name}_{part}" for part in ("bucket", "sum", "count")]
        if isinstance(metric, HistogramMetric)
        else [metric.name]
    )
}
OF_PROMETHEUS = {"job", "instance", "le"}
EXPRESSIONS = [expression for board in BOARDS for panel in board.panels() for expression, _ in panel.queries]
NAME = re.compile(r"commonshelf_\w+")
SELECTOR = re.compile(r"(commonshelf_\w+)\{([^}]*)\}")


def test_dashboards_are_made_from_the_code():
    boards = {path: text for path, text in made().items() if path.parent == BOARDS_FOLDER}
    assert {path: path.read_text() for path in BOARDS_FOLDER.iterdir()} == boards, "run python -m messaging.metrics"


def test_dashboards_are_found_under_names_that_stay():
    """Links and bookmarks name them."""
    assert [board.uid for board in BOARDS] == [
        "commonshelf-pools", "commonshelf-stores", "commonshelf-connectors", "commonshelf-engine",
        "commonshelf-orders", "commonshelf-settlement",
    ]  # fmt: skip


@pytest.mark.parametrize("expression", [*EXPRESSIONS, *(rule["expr"] for rule in RULES)])
def test_a_query_names_series_and_labels_of_the_list(expression):
    assert set(NAME.findall(expression)) <= set(SERIES)
    for name, matchers in SELECTOR.findall(expression):
        assert set(re.findall(r"(\w+)=", matchers)) <= {*SERIES[name].labels, *OF_PROMETHEUS}
    grouped = {label for by in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", by)}
    has = {label for name in NAME.findall(expression) for label in SERIES[name].labels} | OF_PROMETHEUS
    assert grouped <= has


def test_a_metric_is_on_a_panel_or_an_alert_or_says_why_not():
    shown = {
        SERIES[name].name
        for expression in (*EXPRESSIONS, *(rule["expr"] for rule in RULES))
        for name in NAME.findall(expression)
    }
    assert {metric.name for metric in METRICS if not metric.unseen_because} == shown


def test_panels_have_numbers_and_places_of_their_own():
    for board in BOARDS:
        panels = json.loads(board.to_json())["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        places = [(at["x"], at["y"]) for at in (panel["gridPos"] for panel in panels)]
        assert len(set(places)) == len(places)
        assert all(at["x"] + at["w"] <= 24 for at in (panel["gridPos"] for panel in panels))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_what_and_where_to_read_on(rule):
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"].endswith(".")
    runbook = (ROOT / rule["annotations"]["runbook_url"]).read_text()
    assert runbook.startswith(f"# {rule['alert']}\n")
    assert f"`{rule['expr']}`" in runbook
    for title in ("## It means", "## See it", "## Do"):
        assert title in runbook


def test_runbooks_are_those_of_alerts():
    pages = {path.name for path in (ROOT / "docs" / "runbooks").iterdir()} - {"README.md"}
    assert pages == {Path(rule["annotations"]["runbook_url"]).name for rule in RULES}
    listed = (ROOT / "docs" / "runbooks" / "README.md").read_text()
    assert all(f"({page})" in listed for page in pages)
