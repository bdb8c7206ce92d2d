"""Reads a compacted topic as the table that it is: the newest value of each key."""

import time
from collections.abc import Iterator, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

_POLL_S = 0.2
_READ_TIMEOUT_S = 60


def table_consumer(kafka_options: Mapping[str, str], topic: str, partitions: list[int] | None = None) -> Consumer:
    """A read_committed consumer at the beginning of `topic` (of all its partitions, unless some are named).

    It belongs to no group and commits nothing. Raises KafkaException when the topic is missing or no broker answers.
    """
    consumer = Consumer(
        {
            **kafka_options,
            "group.id": "commonshelf-table-reader",  # required by the client; never joined
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            # A broker holds back its answer about an empty partition for so long; by default half a second each.
            "fetch.wait.max.ms": 20,
            "topic.metadata.refresh.fast.interval.ms": 50,
            "retry.backoff.max.ms": 100,
            "fetch.error.backoff.ms": 50,  # a topic that was created just now has no leader for a moment
            "log_level": 0,
        }
    )
    try:
        # Asked for in any case: a client that has not asked for the topic finds its leaders half a second later.
        known = _partitions(consumer, topic)
        partitions = known if partitions is None else partitions
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    except BaseException:
        consumer.close()
        raise
    return consumer


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    found = consumer.list_topics(topic, timeout=10).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    return sorted(found.partitions)


def read_table(kafka_options: Mapping[str, str], topic: str, partitions: list[int] | None = None) -> dict[bytes, bytes]:
    """Key → newest value. Raises KafkaException; TimeoutError when the end is not reached in a minute."""
    consumer = table_consumer(kafka_options, topic, partitions)
    try:
        table: dict[bytes, bytes] = {}
        for message in until_end(consumer):
            put(table, message)
        return table
    finally:
        consumer.close()


def until_end(consumer: Consumer) -> Iterator[Message]:
    """The messages up to the present end of every assigned partition."""
    waiting = {part.partition for part in consumer.assignment()}
    deadline = time.monotonic() + _READ_TIMEOUT_S
    while waiting:
        if time.monotonic() > deadline:
            raise TimeoutError("the end of the topic was not reached in time; is the broker overloaded?")
        message = consumer.poll(_POLL_S)
        if message is None:
            continue
        error = message.error()
        if error is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the client has no public name for it
            waiting.discard(message.partition())
        elif not error.retriable():
            raise KafkaException(error)


def put(table: dict[bytes, bytes], message: Message) -> None:
    """Apply one message: a value sets its key, no value takes it away."""
    key, value = message.key(), message.value()
    if key is None:
        return
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value
