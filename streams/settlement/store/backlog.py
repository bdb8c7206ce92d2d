"""Metrics of the transactions and closed windows that the database has and Kafka has not."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from messaging.clock import wall_clock_ms
from messaging.metrics import listed
from schemas.types.settlement import PublishedUntil
from streams.settlement.store.database import reading
from streams.settlement.store.queries import heads_of, unpublished


class Backlog(Collector):
    """Asks the database at each `collect`, which any thread may call."""

    def __init__(self, now_ms: Callable[[], int] = wall_clock_ms) -> None:
        self._now_ms = now_ms
        self._followed: tuple[Engine, Mapping[str, PublishedUntil]] | None = None

    def follow(self, engine: Engine, until: Mapping[str, PublishedUntil]) -> None:
        """The database, and how far each pool is published, which may go on."""
        self._followed = engine, until

    def collect(self) -> Iterator[Metric]:
        """The metrics, by pool; none while nobody knows how far is published, or the database does not serve."""
        transactions, windows = listed.SETTLEMENT_UNPUBLISHED.family(), listed.SETTLEMENT_UNPUBLISHED_WINDOWS.family()
        oldest = listed.SETTLEMENT_OLDEST_UNPUBLISHED.family()
        if self._followed is not None:
            engine, until = self._followed
            try:
                with reading(engine) as connection:
                    waiting = {
                        head.pool: unpublished(connection, head.pool, until.get(head.pool))
                        for head in heads_of(connection)
                    }
            except SQLAlchemyError:
                waiting = {}  # /ready says that the database does not serve
            for pool, found in waiting.items():
                transactions.add_metric([pool], found.transactions)
                windows.add_metric([pool], found.windows)
                age_ms = 0 if found.oldest_ms is None else max(self._now_ms() - found.oldest_ms, 0)
                oldest.add_metric([pool], age_ms / 1000)
        yield from (transactions, windows, oldest)
