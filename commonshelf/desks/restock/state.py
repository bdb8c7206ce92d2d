"""The state that `worker restock` has of a pool, restored from its changelog as the worker itself does."""

from collections.abc import Iterator
from typing import NamedTuple

from commonshelf.stack.connection import Connection
from messaging.errors import UserError
from messaging.log_reader import read_table
from schemas.partition import partition_of
from schemas.topics import RESTOCK_CHANGELOG
from schemas.types.restock import RestockProposal
from streams.restock.history.learning import Learner
from streams.restock.history.pool import PoolHistory
from streams.restock.planning.ahead import known_ahead
from streams.restock.planning.scenarios import plan_all, runs_now
from streams.restock.processor import RestockProcessor
from streams.runtime.contract import Rows


class NothingKnownError(UserError):
    """The worker knows of no sales of the pool."""


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


def known_state(connection: Connection, pool: str) -> PoolState:
    """The same of a pool that has shelves. Raises NothingKnownError."""
    state = pool_state(connection, pool)
    if state is None or not state.history.by_number:
        raise NothingKnownError(f"the restock worker knows of no sales of pool {pool}; is it running? ./shelf doctor")
    return state


def planned_now(connection: Connection, pool: str, store: str | None) -> list[RestockProposal]:
    """The proposals of a run that is made now, of one store or of all. Raises NothingKnownError; publishes nothing."""
    history, learner = known_state(connection, pool)
    stores = history.row["stores"] if store is None else [store]
    return plan_all(history, known_ahead(history, *learner.outlook()), runs_now(history, stores)).proposals
