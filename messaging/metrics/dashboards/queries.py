"""Queries that panels share."""

from messaging.metrics import listed
from messaging.metrics.dashboards.board import Variable
from messaging.metrics.declared import CounterMetric

CHOSEN_POOLS = Variable("pool", listed.POOL_POSITION)
POOL = 'pool=~"$pool"'
STORE = 'pool=~"$pool", store=~"$store"'


def per_second(metric: CounterMetric, by: str = "", where: str = POOL, *, by_worker: bool = False) -> str:
    """How fast a sum grows, by labels.

    by_worker: the worker that holds a pool shows the pool's own count; of two around a move the faster one is true.
    """
    together = "max" if by_worker else "sum"
    grouped = f"{together} by ({by})" if by else together
    return f"{grouped} (rate({metric.name}{{{where}}}[$__rate_interval]))"


def total(metric: CounterMetric, by: str, where: str = POOL, *, over: str) -> str:
    """How much a sum has grown over a time, by labels."""
    return f"sum by ({by}) (increase({metric.name}{{{where}}}[{over}]))"
