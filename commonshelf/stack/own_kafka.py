"""The embedded Kafka of a data folder: held by one process at a time, with a password of its own."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from io import TextIOWrapper
from pathlib import Path

from commonshelf.config.credentials import kafka_options
from commonshelf.config.settings import Kafka, Settings
from commonshelf.embedded_kafka.jars import Progress
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.embedded_kafka.lock_file import HeldByAnotherError, hold
from commonshelf.embedded_kafka.private_files import private_folder, write_private
from commonshelf.embedded_kafka.server_config import SASL_MECHANISM, SECURITY_PROTOCOL, USERNAME
from commonshelf.stack.connection import Connection
from commonshelf.stack.runtime_file import LOCK, remove_runtime
from messaging.errors import UserError

Warn = Callable[[str], None]


class StackError(UserError):
    """The stack cannot start: one sentence that says what and what to do."""


@contextmanager
def kafka_alone(settings: Settings, warn: Warn, progress: Progress | None = None) -> Iterator[Connection]:
    """The Kafka of the settings without workers: an embedded one is started for so long.

    Raises StackError, KafkaStartError, SettingsError.
    """
    if not settings.kafka.is_embedded:
        yield Connection(settings, kafka_options(settings.kafka))
        return
    with closing(hold_data_dir(settings.data_dir, warn)), embedded_kafka(settings, progress) as kafka:
        reached = settings.model_copy(update={"kafka": reached_by(settings, kafka)})
        yield Connection(reached, kafka_options(reached.kafka))


def hold_data_dir(data_dir: Path, warn: Warn) -> TextIOWrapper:
    """Make the folder, and hold it against other stacks until what is returned is closed. Raises StackError."""
    try:
        held = hold(data_dir / LOCK)
        remove_runtime(data_dir)  # left by one that was killed; its number may be ours now
        private_folder(data_dir / "run")
        if not private_folder(data_dir):
            warn(f"{data_dir} belongs to another user, and others may read it; give it to this one alone")
    except HeldByAnotherError as error:
        raise StackError(
            f"process {error.holder} already runs a stack on {data_dir}; stop it, or set data_dir to another folder"
        ) from None
    except OSError as error:
        raise StackError(
            f"cannot write in {data_dir} ({error.strerror}); check its rights and the free disk, "
            "or set data_dir to another folder"
        ) from None
    return held


def embedded_kafka(settings: Settings, progress: Progress | None) -> EmbeddedKafka:
    """The settings' own Kafka, not started yet, with a new password."""
    password = secrets.token_urlsafe(32)
    write_private(_password_file(settings), password)
    return EmbeddedKafka(
        data_dir=settings.kafka_dir,
        brokers=settings.kafka.embedded_brokers,
        port=settings.kafka.embedded_port or None,
        heap_mb=settings.kafka.embedded_heap_mb,
        progress=progress,
        password=password,
    )


def reached_by(settings: Settings, kafka: EmbeddedKafka) -> Kafka:
    """The settings' section by which others reach it, once it is started."""
    return settings.kafka.model_copy(
        update={
            "bootstrap_servers": kafka.bootstrap_servers,
            "security_protocol": SECURITY_PROTOCOL,
            "sasl_mechanism": SASL_MECHANISM,
            "sasl_username": USERNAME,
            "sasl_password_file": _password_file(settings),
            "replicas": settings.kafka.topic_replicas,
        }
    )


def _password_file(settings: Settings) -> Path:
    return settings.data_dir / "run" / "kafka-password"
