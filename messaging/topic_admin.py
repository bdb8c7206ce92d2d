"""Creates the topics that `schemas.topics` declares, and checks those that are there."""

import time
from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its __init__ re-exports them without saying so
    AdminClient,
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

from messaging.client_options import ClientOptions
from messaging.cluster import UnreachableError, open_cluster
from messaging.errors import UserError
from schemas.topics import TOPICS, Topic

_TIMEOUT_S = 30.0
_POLL_S = 0.05


class TopicsError(UserError):
    """The cluster cannot be reached, or a topic is not as declared and cannot be repaired."""


def ensure_topics(
    kafka_options: ClientOptions,
    partitions: int,
    topics: Iterable[Topic] = TOPICS.values(),
) -> list[str]:
    """Make every topic be there as declared. Returns what was created or repaired, one line each.

    Replication is 3 when the cluster has at least 3 brokers, else 1. Raises TopicsError: no broker answers, a
    topic has another partition count or clean-up policy, or the rights are missing.
    """
    topics = list(topics)
    admin, cluster = _open_cluster(kafka_options)
    there = cluster.topics
    for topic in topics:
        if topic.name in there:
            _check_partitions(topic, len(there[topic.name].partitions), partitions)
    missing = [topic for topic in topics if topic.name not in there]
    created = _create(admin, missing, partitions, 3 if len(cluster.brokers) >= 3 else 1)
    there = _wait_until_listed(admin, missing) if missing else there
    for topic in missing:
        _check_partitions(topic, len(there[topic.name].partitions), partitions)
    repaired = _repair(admin, [topic for topic in topics if topic.name not in created])
    return [f"created topic {name}" for name in created] + repaired


def topic_problems(kafka_options: ClientOptions, partitions: int) -> list[str]:
    """What is wrong with the topics, changing nothing. Raises TopicsError when no broker answers."""
    admin, cluster = _open_cluster(kafka_options)
    there = cluster.topics
    problems = [f"topic {name} is missing; `up` creates it" for name in TOPICS if name not in there]
    present = [topic for name, topic in TOPICS.items() if name in there]
    for topic in present:
        try:
            _check_partitions(topic, len(there[topic.name].partitions), partitions)
        except TopicsError as error:
            problems.append(str(error))
    drift = _drift(admin, present)
    problems += [
        f"topic {topic.name} has {key}={is_now} instead of {wanted}; `up` repairs it"
        for topic, key, is_now, wanted in drift
    ]
    return problems


def _open_cluster(kafka_options: ClientOptions) -> tuple[AdminClient, ClusterMetadata]:
    try:
        return open_cluster(kafka_options, _TIMEOUT_S)
    except UnreachableError as error:
        raise TopicsError(
            f"no Kafka broker answers ({error}); check bootstrap_servers, the network, and the security settings"
        ) from None


def _check_partitions(topic: Topic, found: int, wanted: int) -> None:
    if found != wanted:
        raise TopicsError(
            f"topic {topic.name} has {found} partitions, not {wanted}: the count is fixed for the life of a "
            f"cluster; set partitions = {found}, or use another cluster"
        )


def _wait_until_listed(admin: AdminClient, topics: list[Topic]) -> dict[str, TopicMetadata]:
    """The broker answers a creation before it lists the topic."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        there = admin.list_topics(timeout=_TIMEOUT_S).topics
        late = [topic.name for topic in topics if topic.name not in there]
        if not late:
            return there
        if time.monotonic() > deadline:
            raise TopicsError(f"topic {late[0]} was created but does not appear; look into the brokers' logs")
        time.sleep(_POLL_S)


def _create(admin: AdminClient, topics: list[Topic], partitions: int, replication: int) -> list[str]:
    """Names of those that were created by us: another `up` may create them, too."""
    if not topics:
        return []
    wanted = [
        NewTopic(
            topic.name,
            num_partitions=partitions,
            replication_factor=replication,
            config=topic.kafka_config() | ({"min.insync.replicas": "2"} if replication == 3 else {}),
        )
        for topic in topics
    ]
    created = []
    for name, done in admin.create_topics(wanted, operation_timeout=_TIMEOUT_S).items():
        try:
            done.result()
            created.append(name)
        except KafkaException as error:
            reason = error.args[0]
            if reason.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicsError(
                    f"could not create topic {name}: {reason.str()}; check the rights of this Kafka user"
                ) from None
    return created


def _repair(admin: AdminClient, topics: list[Topic]) -> list[str]:
    drift = _drift(admin, topics)
    for topic, key, is_now, wanted in drift:
        if key == "cleanup.policy":
            raise TopicsError(
                f"topic {topic.name} has cleanup.policy={is_now}, not {wanted}: its data may be incomplete; "
                "if you are sure that it is not, change the policy with Kafka's own tools, else use another cluster"
            )
        entry = ConfigEntry(key, wanted, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=[entry])
        for done in admin.incremental_alter_configs([resource]).values():
            try:
                done.result()
            except KafkaException as error:
                raise TopicsError(
                    f"topic {topic.name} has {key}={is_now} and it could not be set to {wanted}: "
                    f"{error.args[0].str()}; set it with Kafka's own tools"
                ) from None
    return [f"set {key}={wanted} on topic {topic.name} (it was {is_now})" for topic, key, is_now, wanted in drift]


def _drift(admin: AdminClient, topics: list[Topic]) -> list[tuple[Topic, str, str, str]]:
    """(topic, key, value now, value declared) wherever the two differ."""
    if not topics:
        return []
    by_name = {topic.name: topic for topic in topics}
    asked = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in by_name])
    drift = []
    for resource, done in asked.items():
        topic = by_name[resource.name]
        try:
            found = done.result()
        except KafkaException as error:
            raise TopicsError(f"could not read the settings of topic {topic.name}: {error.args[0].str()}") from None
        for key, wanted in topic.kafka_config().items():
            is_now = found[key].value if key in found else "unset"
            if is_now != wanted:
                drift.append((topic, key, str(is_now), wanted))
    return drift
