"""Reads topics up to their present end: as a log, or a compacted one as the table that it is."""

import time
from collections.abc import Iterator, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from messaging.client_options import ClientOptions, quiet, reader_options

_POLL_S = 0.2
_READ_TIMEOUT_S = 60
_BATCH = 10_000
_CAUGHT_UP_S = 0.05
_ASK_TIMEOUT_S = 10
_STAYS = (
    KafkaError.OFFSET_OUT_OF_RANGE,
    KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001  the client has no public name for it
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
)
"""What a consumer is told of and does not get over by itself."""


def table_consumer(kafka_options: ClientOptions, topic: str, partitions: list[int] | None = None) -> Consumer:
    """`log_consumer` at the beginning of one topic."""
    return log_consumer(kafka_options, [topic], partitions)


def log_consumer(
    kafka_options: ClientOptions,
    topics: Sequence[str],
    partitions: list[int] | None = None,
    since_ms: int | None = None,
) -> Consumer:
    """A read_committed consumer of `topics` (of all their partitions, unless some are named).

    It starts at the beginning, or at the first record that the broker appended at `since_ms` or later. It belongs to no
    group and commits nothing. Raises KafkaException when a topic is missing or no broker answers.
    """
    consumer = Consumer(
        reader_options(quiet(kafka_options), "commonshelf-log-reader")
        | {
            # A broker holds back its answer about an empty partition for so long; by default half a second each.
            "fetch.wait.max.ms": 20,
            "topic.metadata.refresh.fast.interval.ms": 50,
            "retry.backoff.max.ms": 100,
            "fetch.error.backoff.ms": 50,  # a topic that was created just now has no leader for a moment
        }
    )
    try:
        starts = []
        for topic in topics:
            # Asked for in any case: a client that has not asked for the topic finds its leaders half a second later.
            known = _partitions(consumer, topic)
            starts += [
                TopicPartition(topic, partition, OFFSET_BEGINNING if since_ms is None else since_ms)
                for partition in (known if partitions is None else partitions)
            ]
        consumer.assign(starts if since_ms is None else consumer.offsets_for_times(starts, _ASK_TIMEOUT_S))
    except BaseException:
        consumer.close()
        raise
    return consumer


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    found = consumer.list_topics(topic, timeout=_ASK_TIMEOUT_S).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    return sorted(found.partitions)


def read_log(
    kafka_options: ClientOptions,
    topics: Sequence[str],
    partitions: list[int] | None = None,
    since_ms: int | None = None,
) -> Iterator[Message]:
    """The messages of `log_consumer` up to the present end. Raises KafkaException, TimeoutError."""
    consumer = log_consumer(kafka_options, topics, partitions, since_ms)
    try:
        yield from until_end(consumer)
    finally:
        consumer.close()


def read_table(kafka_options: ClientOptions, topic: str, partitions: list[int] | None = None) -> dict[bytes, bytes]:
    """Key → newest value. Raises KafkaException; TimeoutError when the end is not reached in a minute."""
    table: dict[bytes, bytes] = {}
    for message in read_log(kafka_options, [topic], partitions):
        put(table, message)
    return table


def bounds(kafka_options: ClientOptions, topic: str, partition: int) -> tuple[int, int]:
    """The offset of a log's first record, and the one that its next will get. Raises KafkaException."""
    consumer = log_consumer(kafka_options, [topic], [partition])
    try:
        first, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), _ASK_TIMEOUT_S)
    finally:
        consumer.close()
    return int(first), int(end)


def until_end(consumer: Consumer) -> Iterator[Message]:
    """The messages up to the present end of every assigned partition; a minute without any is an error."""
    waiting = {(part.topic, part.partition) for part in consumer.assignment()}
    deadline = time.monotonic() + _READ_TIMEOUT_S
    while waiting:
        if time.monotonic() > deadline:
            raise TimeoutError("nothing came for a minute before the end of the topic; is the broker overloaded?")
        message = consumer.poll(_POLL_S)
        if message is None:
            continue
        if is_record(message):
            yield message
        elif is_end(message):
            waiting.discard((message.topic(), message.partition()))
        else:
            continue
        deadline = time.monotonic() + _READ_TIMEOUT_S


def what_has_come(consumer: Consumer) -> Iterator[Message]:
    """The messages since the last that was read, and no more: those of a busy topic never cease.

    Raises KafkaException; part of what has come is lost then, so that a table must be read from the beginning.
    """
    is_full = True
    while is_full:
        messages = consumer.consume(_BATCH, _CAUGHT_UP_S)
        is_full = len(messages) == _BATCH
        yield from filter(is_record, messages)


def is_record(message: Message) -> bool:
    """Whether it is one, and not the news of an end or of what passes by itself. Raises KafkaException for the rest."""
    error = message.error()
    if error is None:
        return True
    if error.fatal() or error.code() in _STAYS:
        raise KafkaException(error)
    return False


def is_end(message: Message) -> bool:
    """Whether it is the news that a partition was read to its present end, which is its offset."""
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001  no public name


def put(table: dict[bytes, bytes], message: Message) -> None:
    """Apply one message: a value sets its key, no value takes it away."""
    key, value = message.key(), message.value()
    if key is None:
        return
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value
