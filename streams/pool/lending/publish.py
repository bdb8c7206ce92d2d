"""Messages to other pools, on pool.lending."""

from schemas.codec import topic_codec
from schemas.partition import partition_of
from schemas.topics import POOL_LENDING
from schemas.types.lending import LendingChanged
from streams.pool.aggregate import Entry
from streams.pool.state.pool_state import PoolState
from streams.runtime.contract import OutputRecord

_encode = topic_codec(POOL_LENDING.name).encode


def send(_: PoolState, fact: LendingChanged, __: Entry, partitions: int) -> OutputRecord:
    """The message, to the partition of the pool that it is for."""
    to = fact["message"]["pool"]
    return OutputRecord(POOL_LENDING.name, to, _encode(fact["message"]), partition=partition_of(to, partitions))
