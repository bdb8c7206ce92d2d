"""Dashboards as we declare them, and Grafana's JSON of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement, TooltipDisplayMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableOption, VariableRefresh

from messaging.metrics.declared import GaugeMetric

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
"""The data source that is provisioned beside the dashboards."""
_COLUMNS = 24


@dataclass(frozen=True)
class Panel:
    """A panel: a title that says what is seen, a unit of Grafana's, and queries with their legends."""

    title: str
    queries: Sequence[tuple[str, str]]
    """(expression, legend)"""
    unit: str = "short"
    is_number: bool = False
    """One large number instead of a curve."""
    about: str = ""


@dataclass(frozen=True)
class Variable:
    """A variable: the values of a label; all of them unless some are chosen."""

    label: str
    of: GaugeMetric
    within: str = ""
    """Matchers, in braces, of the variables before it."""


@dataclass(frozen=True)
class Board:
    """A dashboard."""

    uid: str
    """Never changes: links name it."""
    title: str
    about: str
    rows: Sequence[tuple[str, Sequence[Panel]]]
    variables: Sequence[Variable] = field(default=())

    def panels(self) -> list[Panel]:
        """All panels, row by row."""
        return [panel for _, panels in self.rows for panel in panels]

    def to_json(self) -> str:
        """The dashboard as Grafana provisions it."""
        made = (
            dashboard.Dashboard(self.title)
            .uid(self.uid)
            .description(self.about)
            .tags(["commonshelf"])
            .readonly()
            .timezone("browser")
            .time("now-3h", "now")
            .refresh("30s")
        )
        for variable in self.variables:
            made = made.with_variable(
                dashboard.QueryVariable(variable.label)
                .datasource(SOURCE)
                .query(f"label_values({variable.of.name}{variable.within}, {variable.label})")
                .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
                .multi(True)
                .include_all(True)
                .all_value(".*")
                .current(VariableOption(text="All", value="$__all", selected=True))
            )
        numbers = count(1)
        for title, panels in self.rows:
            made = made.with_row(dashboard.Row(title).id(next(numbers)))
            width = max(_COLUMNS // min(len(panels), 3), 6)
            for panel in panels:
                made = made.with_panel(_panel(panel, next(numbers), width))
        return json.dumps(made.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _panel(panel: Panel, number: int, width: int) -> stat.Panel | timeseries.Panel:
    made: stat.Panel | timeseries.Panel
    if panel.is_number:
        made = stat.Panel()
    else:
        made = (
            timeseries.Panel()
            .fill_opacity(10)
            .legend(
                common.VizLegendOptions()
                .display_mode(LegendDisplayMode.LIST)
                .placement(LegendPlacement.BOTTOM)
                .show_legend(True)
            )
            .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        )
    made = made.id(number).title(panel.title).unit(panel.unit).datasource(SOURCE).height(8).span(width)
    if panel.about:
        made = made.description(panel.about)
    for at, (expression, legend) in enumerate(panel.queries):
        query = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(chr(ord("A") + at))
        made = made.with_target(query.instant() if panel.is_number else query.range())
    return made
