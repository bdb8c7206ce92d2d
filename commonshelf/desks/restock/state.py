"""The state that `worker restock` has of a pool, restored from its changelog as the worker itself does."""

from collections.abc import Iterator
from typing import NamedTuple

from commonshelf.stack.connection import Connection
from messaging.log_reader import read_table
from schemas.partition import partition_of
from schemas.topics import RESTOCK_CHANGELOG
from streams.restock.history.learning import Learner
from streams.restock.history.pool import PoolHistory
from streams.restock.processor import RestockProcessor
from streams.runtime.contract import Rows


class PoolState(NamedTuple):
    """A pool as the worker had it when it committed last."""

    history: PoolHistory
    learner: Learner


def pool_state(connection: Connection, pool: str) -> PoolState | None:
    """None for a pool that the worker has not seen. Raises KafkaException, TimeoutError; reads and writes nothing."""
    partitions = connection.settings.partitions
    home = partition_of(pool, partitions)
    read = read_table(connection.kafka_options, RESTOCK_CHANGELOG.name, [home])
    rows = {key.decode(): value for key, value in read.items()}

    def scan(prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        return iter(sorted(row for row in rows.items() if row[0].startswith(prefix) and row[0] > after))

    known = RestockProcessor().open(home, partitions, Rows(rows.get, scan, lambda _: None)).pools.get(pool)
    return None if known is None else PoolState(known.history, known.learner)
