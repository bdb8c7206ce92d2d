"""A worker joins again after what passes by itself, and stops at what somebody must mend."""

from pathlib import Path

import pytest
from confluent_kafka import KafkaError

from streams.runtime.failures import judge
from streams.runtime.settings import Rejoin, WorkerSettings, WorkerStopped


@pytest.fixture
def settings(tmp_path: Path) -> WorkerSettings:
    return WorkerSettings("127.0.0.1:1", "group", "ledger-1", tmp_path, partitions=1)


def codes(words: str) -> list[int]:
    return [getattr(KafkaError, name) for name in words.split()]


PASSING = codes(
    "NOT_LEADER_FOR_PARTITION LEADER_NOT_AVAILABLE COORDINATOR_LOAD_IN_PROGRESS COORDINATOR_NOT_AVAILABLE "
    "NOT_COORDINATOR REQUEST_TIMED_OUT NETWORK_EXCEPTION KAFKA_STORAGE_ERROR NOT_ENOUGH_REPLICAS OFFSET_NOT_AVAILABLE "
    "FENCED_LEADER_EPOCH UNKNOWN_LEADER_EPOCH BROKER_NOT_AVAILABLE REPLICA_NOT_AVAILABLE UNSTABLE_OFFSET_COMMIT "
    "_TRANSPORT _ALL_BROKERS_DOWN _TIMED_OUT _WAIT_COORD"
)
LOST = codes(
    "_FENCED _STATE _MAX_POLL_EXCEEDED _ASSIGNMENT_LOST PRODUCER_FENCED INVALID_PRODUCER_EPOCH INVALID_TXN_STATE "
    "UNKNOWN_MEMBER_ID ILLEGAL_GENERATION REBALANCE_IN_PROGRESS CONCURRENT_TRANSACTIONS"
)
STAYS = codes(
    "TOPIC_AUTHORIZATION_FAILED GROUP_AUTHORIZATION_FAILED TRANSACTIONAL_ID_AUTHORIZATION_FAILED UNSUPPORTED_VERSION "
    "INVALID_TRANSACTION_TIMEOUT SASL_AUTHENTICATION_FAILED MSG_SIZE_TOO_LARGE INVALID_CONFIG _AUTHENTICATION _SSL"
)


@pytest.mark.parametrize("code", [*PASSING, *LOST], ids=lambda code: KafkaError(code).name())
def test_what_passes_or_cost_the_place_is_a_reason_to_join_again(code, settings):
    assert isinstance(judge(KafkaError(code), settings), Rejoin)


@pytest.mark.parametrize("code", [*STAYS, KafkaError.FENCED_INSTANCE_ID], ids=lambda code: KafkaError(code).name())
def test_what_somebody_must_mend_stops_the_worker(code, settings):
    assert isinstance(judge(KafkaError(code), settings), WorkerStopped)


def test_a_fatal_error_is_no_passing_one(settings):
    assert isinstance(judge(KafkaError(KafkaError.NOT_ENOUGH_REPLICAS, "x", True), settings), WorkerStopped)
