"""The pool processor's Prometheus metrics."""

from typing import cast

from prometheus_client import Counter, Gauge

from schemas.types.pos import Sale, StockReport
from streams.pool.state.pool_state import PoolState

_POOL_GAUGES = (
    "position", "clock_ms", "dedup_events", "lines_applied", "lines_duplicate", "lines_stale", "lines_quarantined",
    "requests_accepted", "requests_refused", "reports_accepted", "reports_refused",
    "orders_rerouted", "orders_unfilled", "orders_part_filled", "hand_overs_not_rung_up",
    "holds_broken", "holds_expired", "reactions_stopped",
)  # fmt: skip

_BAD = Counter("commonshelf_pool_bad_messages_total", "Records that went to the dead letters whole.", ["reason"])
_SENDER = ("pool", "store", "connector")
_SET_ASIDE = Counter(
    "commonshelf_pool_lines_set_aside_total", "Lines set aside, unmapped ones among them.", (*_SENDER, "reason")
)
_DUPLICATES = Counter("commonshelf_pool_lines_duplicate_total", "Lines told again, which changed nothing.", _SENDER)
_POOL = Gauge("commonshelf_pool_counted", "Durable counts of a pool, exact across restarts.", ["pool", "count"])


def count_bad_message(reason: str) -> None:
    """A record went to the dead letters whole."""
    _BAD.labels(reason).inc()


def count_set_aside(pool: str, event: Sale | StockReport, reason: str, lines: int) -> None:
    """Lines of a sale or a stock report were set aside."""
    _SET_ASIDE.labels(pool, event["store"], event["source"]["system"], reason).inc(lines)


def count_duplicates(pool: str, event: Sale | StockReport, lines: int) -> None:
    """Lines of a sale or a stock report were known already."""
    _DUPLICATES.labels(pool, event["store"], event["source"]["system"]).inc(lines)


def show_pool(state: PoolState) -> None:
    """The pool's durable counts, as of the last commit."""
    for name, count in state.row.items():
        if name in _POOL_GAUGES:
            _POOL.labels(state.pool, name).set(cast("int", count))
