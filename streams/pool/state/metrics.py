"""The pool processor's Prometheus metrics."""

from collections.abc import Iterator
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


class PoolCounts(Collector):
    """Durable counts of pools, as of their last commits. `collect` may be called from any thread."""

    def __init__(self) -> None:
        self._rows: dict[str, PoolRow] = {}

    def show(self, state: PoolState) -> None:
        """The counts as they are now: one copy, whose metrics are made when somebody asks."""
        self._rows[state.pool] = state.row.copy()

    def collect(self) -> Iterator[Metric]:
        """The metrics, by pool."""
        position, clock, remembered = (
            one.family() for one in (listed.POOL_POSITION, listed.POOL_CLOCK, listed.POOL_REMEMBERED)
        )
        lines, requests, reports = (
            one.family() for one in (listed.POOL_LINES, listed.POOL_REQUESTS, listed.POOL_REPORTS)
        )
        reroutes, not_rung_up, stopped = (
            one.family() for one in (listed.POOL_REROUTES, listed.POOL_NOT_RUNG_UP, listed.POOL_REACTIONS_STOPPED)
        )
        short, lost = listed.POOL_SHORT_ORDERS.family(), listed.POOL_HOLDS_LOST.family()
        for pool, row in sorted(self._rows.items()):
            position.add_metric([pool], row["position"])
            clock.add_metric([pool], row["clock_ms"] / 1000)
            remembered.add_metric([pool], row["dedup_events"])
            lines.add_metric([pool, "applied"], row["lines_applied"])
            lines.add_metric([pool, "duplicate"], row["lines_duplicate"])
            lines.add_metric([pool, "stale"], row["lines_stale"])
            lines.add_metric([pool, "quarantined"], row["lines_quarantined"])
            requests.add_metric([pool, "accepted"], row["requests_accepted"])
            requests.add_metric([pool, "refused"], row["requests_refused"])
            reports.add_metric([pool, "accepted"], row["reports_accepted"])
            reports.add_metric([pool, "refused"], row["reports_refused"])
            reroutes.add_metric([pool], row["orders_rerouted"])
            short.add_metric([pool, "unfilled"], row["orders_unfilled"])
            short.add_metric([pool, "part_filled"], row["orders_part_filled"])
            lost.add_metric([pool, "broken"], row["holds_broken"])
            lost.add_metric([pool, "expired"], row["holds_expired"])
            not_rung_up.add_metric([pool], row["hand_overs_not_rung_up"])
            stopped.add_metric([pool], row["reactions_stopped"])
        yield from (position, clock, remembered, lines, requests, reports, reroutes, short, lost, not_rung_up, stopped)


_COUNTS = PoolCounts()
REGISTRY.register(_COUNTS)
show_pool = _COUNTS.show


def count_bad_message(reason: str) -> None:
    """A record went to the dead letters whole."""
    _BAD.labels(reason).inc()


def count_set_aside(pool: str, event: Sale | StockReport, reason: str, lines: int) -> None:
    """Lines of a sale or a stock report were set aside."""
    _SET_ASIDE.labels(pool, event["store"], event["source"]["system"], reason).inc(lines)


def count_duplicates(pool: str, event: Sale | StockReport, lines: int) -> None:
    """Lines of a sale or a stock report were known already."""
    _DUPLICATES.labels(pool, event["store"], event["source"]["system"]).inc(lines)
