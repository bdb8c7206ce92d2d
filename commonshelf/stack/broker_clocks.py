"""The brokers' clocks beside the ticker's: a partition's leader stamps each tick, and the tick says its own time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaException, Message, TopicPartition

from messaging.log_reader import log_consumer, until_end
from messaging.topic_admin import TopicsError
from schemas.codec import BadMessage, topic_codec
from schemas.topics import POOL_TICKS

_TIMEOUT_S = 20.0
_LAST = 20
"""So many offsets are read of each partition: its last record may be one that is no tick."""


@dataclass(frozen=True)
class Behind:
    """A tick whose stamp is behind the time that it says."""

    behind_ms: int
    """Negative when the stamp is ahead, as it is when clocks agree: a tick is stamped after it was made."""
    partition: int


def furthest_behind(kafka_options: Mapping[str, str]) -> Behind | None:
    """Of the newest ticks of all partitions, the one whose stamp is furthest behind; None where there are no ticks.

    Raises TopicsError when Kafka does not tell them.
    """
    try:
        return compare(_last_ticks(kafka_options))
    except KafkaException as error:
        raise TopicsError(f"Kafka did not tell its newest ticks: {error.args[0].str()}") from None
    except TimeoutError as error:
        raise TopicsError(f"Kafka did not tell its newest ticks: {error}") from None


def compare(messages: Iterable[Message]) -> Behind | None:
    """The same of these records of the ticks' topic, oldest first; what is no tick is passed over."""
    decode = topic_codec(POOL_TICKS.name).decode
    newest: dict[int, int] = {}
    for message in messages:
        try:
            told_ms = decode(message.value())["at_ms"]
        except BadMessage:
            continue
        newest[message.partition() or 0] = told_ms - message.timestamp()[1]
    return max((Behind(behind_ms, n) for n, behind_ms in newest.items()), key=lambda one: one.behind_ms, default=None)


def _last_ticks(kafka_options: Mapping[str, str]) -> Iterable[Message]:
    consumer = log_consumer(dict(kafka_options), [POOL_TICKS.name])
    try:
        starts = []
        for at in consumer.assignment():
            first, end = consumer.get_watermark_offsets(at, timeout=_TIMEOUT_S)
            starts.append(TopicPartition(at.topic, at.partition, max(first, end - _LAST)))
        consumer.assign(starts)
        yield from until_end(consumer)
    finally:
        consumer.close()
