"""The topics as they are: declared in `schemas.topics`, with what the broker says about each."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so

from commonshelf.stack.connection import Connection
from commonshelf.stack.roles import ROLES
from messaging.client_options import quiet
from messaging.cluster import UnreachableError, open_cluster
from messaging.offsets import Place, committed_offsets, log_ends, log_starts, waiting
from messaging.topic_admin import TopicsError
from schemas.registry import registry
from schemas.topics import DAY_MS, HOUR_MS, KEEP_FOREVER_MS, POOL_TICKS, POS_SALES, TOPICS, Topic

_TIMEOUT_S = 20.0
_BUSY = (POOL_TICKS.name, POS_SALES.name)


@dataclass(frozen=True)
class TopicStatus:
    """A declared topic. Counts are None for a topic that is missing or, as lag, that the workers do not read."""

    topic: str
    about: str
    subject: str | None
    """Of its values in the schema registry; None for raw bytes, as version and id."""
    schema_version: int | None
    schema_id: int | None
    key: str
    writer: str
    readers: tuple[str, ...]
    compacted: bool
    retention_ms: int
    partitions: int | None
    records: int | None
    lag_records: int | None


def topic_statuses(connection: Connection) -> list[TopicStatus]:
    """All declared topics. Raises TopicsError when no broker answers.

    No lag is told of a role that the settings do not have, and that has committed nothing.
    """
    try:
        admin, cluster = open_cluster(connection.kafka_options, _TIMEOUT_S)
        there = cluster.topics
        places = [(name, p) for name in TOPICS if name in there for p in there[name].partitions]
        first, end = log_starts(admin, places), log_ends(admin, places)
        committed = {
            role.group: offsets
            for role in ROLES
            if role.group is not None
            and ((offsets := committed_offsets(admin, role.group)) or role.processes(connection.settings))
        }
    except UnreachableError as error:
        raise TopicsError(
            f"Kafka did not answer ({error}); check the address, the network and the security settings"
        ) from None
    except KafkaException as error:
        raise TopicsError(f"Kafka refused ({error.args[0].str()}); check the rights of its user") from None
    return [
        TopicStatus(
            topic=topic.name,
            about=topic.about,
            subject=None if topic.record is None else topic.subject,
            schema_version=None if topic.record is None else registry().latest(topic.name).version,
            schema_id=None if topic.record is None else registry().latest(topic.name).id,
            key=topic.key,
            writer=topic.writer,
            readers=topic.readers,
            compacted=topic.compacted,
            retention_ms=topic.retention_ms,
            partitions=len(there[topic.name].partitions) if topic.name in there else None,
            records=_sum(end, first, topic.name) if topic.name in there else None,
            lag_records=_lag(end, first, committed[group], topic.name)
            if (group := _group_of(topic, committed))
            else None,
        )
        for topic in TOPICS.values()
    ]


def newest_append_ms(kafka_options: Mapping[str, str]) -> int:
    """When the broker appended the newest record of the busy topics, ms since 1970 UTC by its clock; -1 for none.

    Raises TopicsError when it does not answer.
    """
    admin = AdminClient(quiet(kafka_options))
    try:
        there = admin.list_topics(timeout=_TIMEOUT_S).topics
        parts = [TopicPartition(name, p) for name in _BUSY if name in there for p in there[name].partitions]
        spec = OffsetSpec.max_timestamp()  # type: ignore[no-untyped-call]
        asked = admin.list_offsets(dict.fromkeys(parts, spec), request_timeout=_TIMEOUT_S) if parts else {}
        return max((done.result().timestamp for done in asked.values()), default=-1)
    except KafkaException as error:
        raise TopicsError(f"Kafka did not answer ({error.args[0].str()}); is it overloaded?") from None


def retention_text(status: TopicStatus) -> str:
    """How long records are kept, for a person."""
    if status.compacted:
        return "newest per key"
    if status.retention_ms == KEEP_FOREVER_MS:
        return "for ever"
    days, rest = divmod(status.retention_ms, DAY_MS)
    return f"{days} d" if not rest else f"{status.retention_ms // HOUR_MS} h"


Offsets = Mapping[Place, int]


def _group_of(topic: Topic, groups: Container[str | None]) -> str | None:
    """The one of `groups` whose lag on the topic is told: that of the role that takes it in."""
    return next((role.group for role in ROLES if role.group in groups and role.takes_in(topic)), None)


def _sum(end: Offsets, first: Offsets, topic: str) -> int:
    return sum(offset - first[key] for key, offset in end.items() if key[0] == topic)


def _lag(end: Offsets, first: Offsets, committed: Offsets, topic: str) -> int | None:
    if all(key[0] != topic for key in end):
        return None
    return sum(
        waiting(key, first[key], offset, committed.get(key, first[key]))
        for key, offset in end.items()
        if key[0] == topic
    )
