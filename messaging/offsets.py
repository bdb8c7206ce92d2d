"""Offsets as brokers know them: where logs start and end, and what groups have committed."""

from collections.abc import Iterable

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so

from schemas.topics import TOPICS

Place = tuple[str, int]
"""A topic and a partition of it."""
_TIMEOUT_S = 30.0


def log_starts(admin: AdminClient, places: Iterable[Place]) -> dict[Place, int]:
    """The offset of each log's first record, or of its next where there is none. Raises KafkaException."""
    return _offsets(admin, places, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED)  # type: ignore[no-untyped-call]


def log_ends(admin: AdminClient, places: Iterable[Place]) -> dict[Place, int]:
    """The offset that each log's next record gets, open transactions included. Raises KafkaException."""
    return _offsets(admin, places, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)  # type: ignore[no-untyped-call]


def stable_ends(admin: AdminClient, places: Iterable[Place]) -> dict[Place, int]:
    """How far readers of committed records get. Raises KafkaException."""
    return _offsets(admin, places, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)  # type: ignore[no-untyped-call]


def committed_offsets(admin: AdminClient, group: str) -> dict[Place, int]:
    """What a group has committed. Raises KafkaException."""
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=_TIMEOUT_S)
    found = asked[group].result().topic_partitions
    return {(at.topic, at.partition): at.offset for at in found if at.offset >= 0}


def waiting(place: Place, start: int, end: int, committed: int) -> int:
    """The offsets of a log that a group has still to commit: 0 when no record waits.

    Between the group and the end of a log that is written in transactions lies the last one's marker, which no reader
    is given, so that no group commits it. Markers further in front count: only who reads the log can tell them.
    """
    declared = TOPICS.get(place[0])
    markers = 1 if declared is not None and declared.is_transactional else 0
    return max(0, end - max(committed, start) - markers)


def _offsets(
    admin: AdminClient, places: Iterable[Place], spec: OffsetSpec, isolation: IsolationLevel
) -> dict[Place, int]:
    asked = {TopicPartition(topic, n): spec for topic, n in places}
    if not asked:
        return {}
    answers = admin.list_offsets(asked, isolation_level=isolation, request_timeout=_TIMEOUT_S)
    return {(at.topic, at.partition): answer.result().offset for at, answer in answers.items()}
