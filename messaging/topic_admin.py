"""Creates the topics that `schemas.topics` declares, and checks those that are there."""

import time
from collections.abc import Container, Iterable, Mapping

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

RESTORING_TOPIC = "commonshelf.restoring"
"""It is there while a restore goes on, and after one that was ended: the other topics are not whole then."""
_TIMEOUT_S = 30.0
_POLL_S = 0.05


class TopicsError(UserError):
    """The cluster cannot be reached, or a topic is not as declared and cannot be repaired."""


def ensure_topics(
    kafka_options: ClientOptions,
    partitions: int,
    topics: Iterable[Topic] = TOPICS.values(),
    *,
    replicas: int = 1,
) -> list[str]:
    """Make every topic be there as declared. Returns what was created, repaired or must be left, one line each.

    `replicas` is what the settings say, whoever is up. Raises TopicsError: no broker answers, a topic has another
    partition count or clean-up policy, there are fewer brokers than replicas, the rights are missing, or a restore
    has not come to its end.
    """
    topics = list(topics)
    admin, cluster = _open_cluster(kafka_options)
    there = cluster.topics
    refuse_half_restored(there)
    for topic in topics:
        if topic.name in there:
            _check_partitions(topic, len(there[topic.name].partitions), partitions)
    missing = [topic for topic in topics if topic.name not in there]
    created = _create(admin, missing, partitions, replicas, len(cluster.brokers))
    there = _wait_until_listed(admin, missing) if missing else there
    for topic in missing:
        _check_partitions(topic, len(there[topic.name].partitions), partitions)
    known = [topic for topic in topics if topic.name not in created]
    repaired = _repair(admin, known, there, replicas)
    return [f"created topic {name}" for name in created] + repaired + _shortfalls(known, there, replicas)


def topic_problems(kafka_options: ClientOptions, partitions: int, replicas: int = 1) -> list[str]:
    """What is wrong with the topics, changing nothing.

    Raises TopicsError when no broker answers, or a restore has not come to its end.
    """
    admin, cluster = _open_cluster(kafka_options)
    there = cluster.topics
    refuse_half_restored(there)
    problems = [f"topic {name} is missing; `up` creates it" for name in TOPICS if name not in there]
    present = [topic for name, topic in TOPICS.items() if name in there]
    for topic in present:
        try:
            _check_partitions(topic, len(there[topic.name].partitions), partitions)
        except TopicsError as error:
            problems.append(str(error))
    problems += [
        f"topic {topic.name} has {key}={is_now} instead of {wanted}; `up` repairs it"
        for topic, key, is_now, wanted in _drift(admin, present, there, replicas)
    ]
    return problems + _shortfalls(present, there, replicas) + _internal_shortfalls(there, replicas)


def refuse_half_restored(there: Container[str]) -> None:
    """Raise TopicsError where a restore has not come to its end. there: names of the cluster's topics."""
    if RESTORING_TOPIC in there:
        raise TopicsError(
            "a restore goes on here, or was ended: the topics are not whole; let it end, or run ./shelf restore again"
        )


def _replicas(topic: TopicMetadata) -> int:
    """Of its partition that has the fewest, those on brokers that are down included."""
    return min((len(partition.replicas) for partition in topic.partitions.values()), default=0)


def _min_in_sync(replicas: int) -> int:
    """A majority: what is acknowledged outlives the loss of all the others."""
    return replicas // 2 + 1


def _shortfalls(topics: Iterable[Topic], there: Mapping[str, TopicMetadata], replicas: int) -> list[str]:
    return _short_of([topic.name for topic in topics], there, replicas)


def _internal_shortfalls(there: Mapping[str, TopicMetadata], replicas: int) -> list[str]:
    """Of Kafka's own topics, which hold the transactions and the groups' offsets."""
    return _short_of([name for name in ("__transaction_state", "__consumer_offsets") if name in there], there, replicas)


def _short_of(names: list[str], there: Mapping[str, TopicMetadata], replicas: int) -> list[str]:
    return [
        f"topic {name} has {found} replica{'s' * (found != 1)} instead of {replicas}: losing the disks of {found} may "
        f"lose its records; add some with kafka-reassign-partitions.sh, or set kafka.replicas = {found}"
        for name in names
        if (found := _replicas(there[name])) < replicas
    ]


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


def _create(admin: AdminClient, topics: list[Topic], partitions: int, replicas: int, brokers: int) -> list[str]:
    """Names of those that were created by us: another `up` may create them, too."""
    if not topics:
        return []
    if brokers < replicas:
        raise TopicsError(
            f"topics are to have {replicas} replicas, and {brokers} broker{'s' * (brokers != 1)} of the cluster "
            f"answer{'s' * (brokers == 1)}; start the others, or set kafka.replicas"
        )
    wanted = [
        NewTopic(
            topic.name,
            num_partitions=partitions,
            replication_factor=replicas,
            config=topic.kafka_config() | {"min.insync.replicas": str(_min_in_sync(replicas))},
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


def _repair(admin: AdminClient, topics: list[Topic], there: Mapping[str, TopicMetadata], replicas: int) -> list[str]:
    drift = _drift(admin, topics, there, replicas)
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


def _drift(
    admin: AdminClient, topics: list[Topic], there: Mapping[str, TopicMetadata], replicas: int
) -> list[tuple[Topic, str, str, str]]:
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
        # Of the replicas that there are: a topic with fewer could not be written at all.
        in_sync = _min_in_sync(min(replicas, _replicas(there[topic.name])))
        for key, wanted in (topic.kafka_config() | {"min.insync.replicas": str(in_sync)}).items():
            is_now = found[key].value if key in found else "unset"
            if is_now != wanted:
                drift.append((topic, key, str(is_now), wanted))
    return drift
