"""The pool processor's Prometheus metrics."""

from prometheus_client import Counter, Gauge

from streams.pool.state import PoolState

_POOL_GAUGES = (
    "number",
    "clock_ms",
    "seen_events",
    "lines_applied",
    "lines_duplicate",
    "lines_stale",
    "lines_quarantined",
)


class PoolMetrics:
    """Counters of this process, and each pool's own durable counts."""

    def __init__(self) -> None:
        self._bad = Counter(
            "commonshelf_pool_bad_messages_total", "Records that went to the dead letters whole.", ["reason"]
        )
        self._lines = Counter("commonshelf_pool_lines_set_aside_total", "Lines set aside.", ["pool", "reason"])
        self._pool = Gauge(
            "commonshelf_pool_count", "Durable counts of a pool, exact across restarts.", ["pool", "count"]
        )

    def bad_message(self, reason: str) -> None:
        self._bad.labels(reason).inc()

    def set_aside(self, pool: str, reason: str, lines: int) -> None:
        self._lines.labels(pool, reason).inc(lines)

    def pool(self, state: PoolState) -> None:
        for name in _POOL_GAUGES:
            self._pool.labels(state.pool, name).set(state.row[name])
