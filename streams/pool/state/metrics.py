"""The pool processor's Prometheus metrics."""

from collections.abc import Callable, Iterable, Iterator
from typing import get_args

from prometheus_client import REGISTRY
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from messaging.metrics import listed
from schemas.types.pos import Sale, StockReport
from schemas.types.state import PoolRow
from schemas.types.stock import DeadLetterReason
from streams.pool.state.pool_state import PoolState

_BAD = listed.POOL_BAD_MESSAGES.on()
for _reason in get_args(DeadLetterReason):
    _BAD.labels(_reason)  # shown as 0 from the start: a series that begins at 1 has no increase
_SET_ASIDE = listed.POOL_SET_ASIDE.on()
_DUPLICATES = listed.POOL_DUPLICATES.on()
_BY_LANE = listed.POOL_SALES.on()
for _lane in ("columnar", "ordinary"):
    _BY_LANE.labels(_lane)


_COUNTED: tuple[tuple[listed.Collected, tuple[str, ...], Callable[[PoolRow], float]], ...] = (
    (listed.POOL_POSITION, (), lambda row: row["position"]),
    (listed.POOL_CLOCK, (), lambda row: row["clock_ms"] / 1000),
    (listed.POOL_REMEMBERED, (), lambda row: row["dedup_events"]),
    (listed.POOL_LINES, ("applied",), lambda row: row["lines_applied"]),
    (listed.POOL_LINES, ("duplicate",), lambda row: row["lines_duplicate"]),
    (listed.POOL_LINES, ("stale",), lambda row: row["lines_stale"]),
    (listed.POOL_LINES, ("quarantined",), lambda row: row["lines_quarantined"]),
    (listed.POOL_REQUESTS, ("accepted",), lambda row: row["requests_accepted"]),
    (listed.POOL_REQUESTS, ("refused",), lambda row: row["requests_refused"]),
    (listed.POOL_REPORTS, ("accepted",), lambda row: row["reports_accepted"]),
    (listed.POOL_REPORTS, ("refused",), lambda row: row["reports_refused"]),
    (listed.POOL_REROUTES, (), lambda row: row["orders_rerouted"]),
    (listed.POOL_SHORT_ORDERS, ("unfilled",), lambda row: row["orders_unfilled"]),
    (listed.POOL_SHORT_ORDERS, ("part_filled",), lambda row: row["orders_part_filled"]),
    (listed.POOL_HOLDS_LOST, ("broken",), lambda row: row["holds_broken"]),
    (listed.POOL_HOLDS_LOST, ("expired",), lambda row: row["holds_expired"]),
    (listed.POOL_NOT_RUNG_UP, (), lambda row: row["hand_overs_not_rung_up"]),
    (listed.POOL_REACTIONS_STOPPED, (), lambda row: row["reactions_stopped"]),
)
"""Metric, its labels behind the pool, and where the pool's row has it."""


class PoolCounts(Collector):
    """Durable counts of pools, as of their last commits. `collect` may be called from any thread."""

    def __init__(self) -> None:
        self._rows: dict[str, PoolRow] = {}

    def show(self, state: PoolState) -> None:
        """The counts as they are now: one copy, whose metrics are made when somebody asks."""
        self._rows[state.pool] = state.row.copy()

    def forget(self, pools: Iterable[str]) -> None:
        """Show these no more: another worker has them, and its word counts."""
        for pool in pools:
            self._rows.pop(pool, None)

    def collect(self) -> Iterator[Metric]:
        """The metrics, by pool."""
        families = {metric.name: metric.family() for metric, _, _ in _COUNTED}
        for pool, row in sorted(self._rows.copy().items()):
            for metric, labels, count in _COUNTED:
                families[metric.name].add_metric([pool, *labels], count(row))
        yield from families.values()


_COUNTS = PoolCounts()
REGISTRY.register(_COUNTS)
show_pool = _COUNTS.show
forget_pools = _COUNTS.forget


class SalesTaken:
    """Counts the records of sales that a partition took in a batch, by lane."""

    def __init__(self) -> None:
        self.columnar = self.ordinary = 0

    def show(self) -> None:
        """They are committed."""
        _BY_LANE.labels("columnar").inc(self.columnar)
        _BY_LANE.labels("ordinary").inc(self.ordinary)
        self.columnar = self.ordinary = 0


def count_bad_message(reason: str) -> None:
    """A record went to the dead letters whole."""
    _BAD.labels(reason).inc()


def count_set_aside(pool: str, event: Sale | StockReport, reason: str, lines: int) -> None:
    """Lines of a sale or a stock report were set aside."""
    _SET_ASIDE.labels(pool, event["store"], event["source"]["system"], reason).inc(lines)


def count_duplicates(pool: str, store: str, system: str, lines: int) -> None:
    """Lines of a sale or a stock report were known already."""
    _DUPLICATES.labels(pool, store, system).inc(lines)
