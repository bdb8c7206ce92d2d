"""Errors of Kafka that pass by themselves."""
# ruff: noqa: SLF001  the client's own errors have no public names

import time
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

Answer = TypeVar("Answer")
_PATIENCE_S = 30.0
_PAUSE_S = 0.1

_PASSING = frozenset({
    KafkaError.BROKER_NOT_AVAILABLE, KafkaError.CONCURRENT_TRANSACTIONS, KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.FENCED_LEADER_EPOCH, KafkaError.FETCH_SESSION_ID_NOT_FOUND,
    KafkaError.INVALID_FETCH_SESSION_EPOCH, KafkaError.KAFKA_STORAGE_ERROR, KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.LISTENER_NOT_FOUND, KafkaError.NETWORK_EXCEPTION, KafkaError.NOT_CONTROLLER,
    KafkaError.NOT_COORDINATOR, KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.OFFSET_NOT_AVAILABLE, KafkaError.PREFERRED_LEADER_NOT_AVAILABLE,
    KafkaError.REBALANCE_IN_PROGRESS, KafkaError.REBOOTSTRAP_REQUIRED, KafkaError.REPLICA_NOT_AVAILABLE,
    KafkaError.REQUEST_TIMED_OUT, KafkaError.THROTTLING_QUOTA_EXCEEDED, KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
    KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._TIMED_OUT_QUEUE, KafkaError._TRANSPORT,
    KafkaError._WAIT_CACHE, KafkaError._WAIT_COORD,
})  # fmt: skip
"""Those that Kafka's protocol calls retriable, and what the client itself says of brokers that are away.

A missing topic is none of them: ours are made before anybody asks for them.
"""


def passes(error: KafkaError) -> bool:
    """Whether the same may succeed later. The client marks errors of producers alone as retriable."""
    return bool(error.retriable()) or (error.code() in _PASSING and not error.fatal())


def patiently(ask: Callable[[], Answer]) -> Answer:
    """Ask again for half a minute while that may help: a topic made just now has no leader. Raises KafkaException."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return ask()
        except KafkaException as error:
            if not passes(error.args[0]) or time.monotonic() > deadline_s:
                raise
        time.sleep(_PAUSE_S)
