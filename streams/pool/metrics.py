"""The pool processor's Prometheus metrics."""

from prometheus_client import Counter, Gauge

from streams.pool.state import PoolState

_POOL_GAUGES = (
    "number", "clock_ms", "seen_events", "lines_applied", "lines_duplicate", "lines_stale", "lines_quarantined",
)  # fmt: skip

_BAD = Counter("commonshelf_pool_bad_messages_total", "Records that went to the dead letters whole.", ["reason"])
_SET_ASIDE = Counter("commonshelf_pool_lines_set_aside_total", "Lines set aside.", ["pool", "reason"])
_POOL = Gauge("commonshelf_pool_count", "Durable counts of a pool, exact across restarts.", ["pool", "count"])


def count_bad_message(reason: str) -> None:
    """A record went to the dead letters whole."""
    _BAD.labels(reason).inc()


def count_set_aside(pool: str, reason: str, lines: int) -> None:
    """Lines were set aside."""
    _SET_ASIDE.labels(pool, reason).inc(lines)


def show_pool(state: PoolState) -> None:
    """The pool's durable counts, as of the last commit."""
    for name in _POOL_GAUGES:
        _POOL.labels(state.pool, name).set(state.row[name])
