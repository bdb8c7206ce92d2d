"""The cluster as backup and restore see it: groups, ends of logs, topics and their settings."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its __init__ re-exports them without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)

from commonshelf.desks.backup.manifest import BackupError, GroupOffset
from commonshelf.stack.roles import ROLES
from commonshelf.text import counted
from messaging.client_options import ClientOptions
from messaging.cluster import UnreachableError, open_cluster
from messaging.kafka_errors import patiently
from messaging.offsets import committed_offsets

TIMEOUT_S = 30.0
_LOOK_S = 0.25


def admin_of(kafka_options: ClientOptions) -> AdminClient:
    """Raises BackupError when no broker answers."""
    try:
        return open_cluster(kafka_options, TIMEOUT_S)[0]
    except UnreachableError as error:
        raise BackupError(
            f"Kafka did not answer ({error}); check the address, the network and the security settings"
        ) from None


def check_stopped(admin: AdminClient, patience_s: float = 0.0) -> None:
    """Raise BackupError that names a group with members: its worker runs.

    A member that has ended is one for some seconds more, and as long again after Kafka was started.
    """
    deadline_s = time.monotonic() + patience_s
    for role in ROLES:
        while role.group is not None and (members := _members(admin, role.group)):
            if time.monotonic() > deadline_s:
                raise BackupError(
                    f"the group {role.group} has {counted(members, 'member')}, so `worker {role.name}` runs; stop the "
                    "workers, then back up anew"
                )
            time.sleep(_LOOK_S)


def _members(admin: AdminClient, group: str) -> int:
    def ask() -> int:
        answer = admin.describe_consumer_groups([group], request_timeout=TIMEOUT_S)[group]
        return len(answer.result().members)

    try:
        return patiently(ask)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return 0
        raise


def group_offsets(admin: AdminClient) -> list[GroupOffset]:
    """What the processors' groups have committed. Raises KafkaException."""
    found = [
        GroupOffset(group=group, topic=topic, partition=partition, offset=offset)
        for group in (role.group for role in ROLES if role.group is not None)
        for (topic, partition), offset in patiently(partial(committed_offsets, admin, group)).items()
    ]
    return sorted(found, key=lambda one: (one.group, one.topic, one.partition))


def commit_offsets(admin: AdminClient, offsets: Iterable[GroupOffset]) -> None:
    """Set what the groups have committed. Raises KafkaException."""
    by_group: dict[str, list[TopicPartition]] = {}
    for one in offsets:
        by_group.setdefault(one.group, []).append(TopicPartition(one.topic, one.partition, one.offset))
    for group, wanted in by_group.items():
        patiently(partial(_commit, admin, ConsumerGroupTopicPartitions(group, wanted)))


def _commit(admin: AdminClient, wanted: ConsumerGroupTopicPartitions) -> None:
    answer = admin.alter_consumer_group_offsets([wanted], request_timeout=TIMEOUT_S)[wanted.group_id].result()
    for at in answer.topic_partitions:
        if at.error is not None:
            raise KafkaException(at.error)


def topic_configs(admin: AdminClient, topics: Sequence[str]) -> dict[str, dict[str, str]]:
    """What was set for each topic itself. Raises KafkaException."""
    asked = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in topics])
    return {
        resource.name: {
            name: str(entry.value)
            for name, entry in answer.result().items()
            if ConfigSource(entry.source) is ConfigSource.DYNAMIC_TOPIC_CONFIG
        }
        for resource, answer in asked.items()
    }


def set_topic_config(admin: AdminClient, topic: str, config: Mapping[str, str], instead_of: Iterable[str]) -> None:
    """Set a topic's own settings, and leave those of `instead_of` that are none of them to the brokers.

    Raises KafkaException.
    """
    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in config.items()]
    entries += [
        ConfigEntry(name, None, incremental_operation=AlterConfigOpType.DELETE)
        for name in instead_of
        if name not in config
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    for answer in admin.incremental_alter_configs([resource]).values():
        answer.result()
