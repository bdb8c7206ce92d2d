"""Fixtures for every test: a real Kafka, with our topics on it."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from messaging.topic_admin import ensure_topics

PARTITIONS = 12

settings.register_profile("at any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("at any speed")


@dataclass(frozen=True)
class Kafka:
    """A Kafka for tests. Other tests use it too: name what you make so that it is yours."""

    bootstrap_servers: str

    @property
    def options(self) -> dict[str, str]:
        """Options of a librdkafka client."""
        return {"bootstrap.servers": self.bootstrap_servers}


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """COMMONSHELF_TEST_BOOTSTRAP if it is set, else a container if a Docker engine answers, else the embedded one."""
    named = os.environ.get("COMMONSHELF_TEST_BOOTSTRAP")
    if named:
        yield Kafka(named)
    elif _has_docker():
        with _container() as address:
            yield Kafka(address)
    else:
        with EmbeddedKafka() as embedded:
            yield Kafka(embedded.bootstrap_servers)


@pytest.fixture(scope="session")
def topics(kafka: Kafka) -> int:
    """All our topics are there. Gives their partition count."""
    ensure_topics(kafka.options, PARTITIONS)
    return PARTITIONS


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What was printed or logged since it was asked last, by whichever way this process logs."""

    def since() -> str:
        text = capsys.readouterr().out + caplog.text
        caplog.clear()
        return text

    return since


@pytest.fixture
def pool_name() -> str:
    """A pool that no other test knows."""
    return f"pool-{uuid.uuid4().hex[:12]}"


def _has_docker() -> bool:
    import docker

    try:
        docker.from_env(timeout=5).ping()
    except docker.errors.DockerException:
        return False
    return True


@contextmanager
def _container() -> Iterator[str]:
    from testcontainers.community.kafka import KafkaContainer

    container = KafkaContainer().with_kraft()
    for name, value in {
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS": "1000",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
    }.items():
        container.with_env(name, value)
    with container:
        yield container.get_bootstrap_server()
