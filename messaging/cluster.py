"""The first word with a Kafka cluster: whether it answers, and if not, why as precisely as its client knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ClusterMetadata  # type: ignore[attr-defined]  # re-exported silently

from messaging.client_options import ClientOptions

_SAYS_LITTLE = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT)  # noqa: SLF001  no public names


_ANSWER_TIMEOUT_S = 30


class UnreachableError(RuntimeError):
    """No answer; the text says why, without a full stop."""


def open_cluster(kafka_options: ClientOptions, timeout_s: float) -> tuple[AdminClient, ClusterMetadata]:
    """A client of the cluster and what the cluster says of itself. Raises UnreachableError."""
    told: list[KafkaError] = []
    try:
        options: dict[str, Any] = {**kafka_options, "log_level": 0, "error_cb": told.append}
        admin = AdminClient(options)
    except KafkaException as error:  # a certificate file that cannot be used, for example
        raise UnreachableError(error.args[0].str()) from None
    try:
        return admin, admin.list_topics(timeout=timeout_s)
    except KafkaException as error:
        admin.poll(0)  # hands out what went wrong meanwhile: a wrong password, a refused certificate
        causes = [cause for cause in told if cause.code() not in _SAYS_LITTLE]
        raise UnreachableError((causes[-1] if causes else error.args[0]).str()) from None


@dataclass(frozen=True)
class TopicIdentity:
    """A topic as this cluster made it: one that was deleted and made again is another."""

    name: str
    """The cluster's id and the topic's."""
    partitions: tuple[int, ...]


def topic_identity(kafka_options: ClientOptions, topic: str) -> TopicIdentity:
    """Raises UnreachableError when no broker answers, KafkaException when the topic is not there."""
    return topic_identities(kafka_options, [topic])[topic]


def topic_identities(kafka_options: ClientOptions, topics: Sequence[str]) -> dict[str, TopicIdentity]:
    """The same of several topics, by name."""
    return TopicIdentities(kafka_options, topics).now()


class TopicIdentities:
    """The topics of these names, asked for as often as wanted by one client."""

    def __init__(self, kafka_options: ClientOptions, topics: Sequence[str]) -> None:
        """Raises UnreachableError when no broker answers."""
        self._admin, self._cluster = open_cluster(kafka_options, _ANSWER_TIMEOUT_S)
        self._topics = TopicCollection(list(topics))

    def now(self) -> dict[str, TopicIdentity]:
        """By name. Raises KafkaException when one is not there, or no broker answers."""
        identities = {}
        for topic, answer in self._admin.describe_topics(self._topics, request_timeout=_ANSWER_TIMEOUT_S).items():
            described = answer.result()
            partitions = tuple(sorted(part.id for part in described.partitions))
            identities[topic] = TopicIdentity(f"{self._cluster.cluster_id}/{described.topic_id}", partitions)
        return identities
