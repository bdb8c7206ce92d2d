"""Topics of one pool, followed by whoever asks: compacted ones as tables in memory, with what has changed, and logs.

When to use which: this for a pool's few rows that one thread looks at many times a second; a `View` for what is large
or is asked from many threads; `log_reader.read_table` for a table that is read once.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message

from messaging.client_options import ClientOptions, quiet
from messaging.clock import wall_clock_ms
from messaging.log_reader import is_record, log_consumer, until_end
from messaging.publisher import PublishFailed
from schemas.codec import BadMessage, topic_codec
from schemas.partition import partition_of

_BATCH = 2_000
_SKEW_MS = 10_000
"""By so much a broker's clock may be ahead of ours: none that comes after the call is missed."""
Row = Mapping[str, Any]
Place = tuple[str, str]
"""(topic, key)"""


class FollowedTables:
    """The rows of `pool` in compacted topics whose keys begin with it. For one thread.

    partitions: of every topic.
    """

    def __init__(self, kafka_options: ClientOptions, topics: Sequence[str], pool: str, partitions: int) -> None:
        self._kafka_options = quiet(kafka_options)
        self._partition = partition_of(pool, partitions)
        self._prefix = f"{pool}/".encode()
        self._decode = {topic: topic_codec(topic).decode for topic in topics}
        self._tables: dict[str, dict[str, Row]] = {topic: {} for topic in topics}
        self._consumer: Consumer | None = None

    def table(self, topic: str) -> Mapping[str, Row]:
        """Key → row, as of the last `changes`."""
        return self._tables[topic]

    def changes(self, wait_s: float) -> set[Place]:
        """Take in what has come, and name what is otherwise now; at first all that is there.

        wait_s: how long to wait when nothing has come yet. Raises PublishFailed while Kafka does not answer.
        """
        try:
            if self._consumer is None:
                return self._read_anew()
            first = self._consumer.poll(wait_s)
            messages = [] if first is None else [first, *self._consumer.consume(_BATCH, 0)]
            return {place for each in messages if is_record(each) and (place := self._take(each, self._tables))}
        except (KafkaException, TimeoutError) as error:
            self.close()  # part of a batch is lost, and its topics may be others: they are read from the beginning
            raise PublishFailed(f"Kafka does not say what is in {', '.join(self._decode)}: {error}") from error

    def close(self) -> None:
        """Close the connection to Kafka. The rows stay, so that what changes meanwhile is found."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _read_anew(self) -> set[Place]:
        known, self._tables = self._tables, {topic: {} for topic in self._decode}
        consumer = log_consumer(self._kafka_options, list(self._decode), [self._partition])
        try:
            for message in until_end(consumer):
                self._take(message, self._tables)
        except BaseException:
            self._tables = known
            consumer.close()
            raise
        self._consumer = consumer
        return {
            (topic, key)
            for topic, table in self._tables.items()
            for key in table.keys() | known[topic].keys()
            if table.get(key) != known[topic].get(key)
        }

    def _take(self, message: Message, tables: dict[str, dict[str, Row]]) -> Place | None:
        topic, key, value = str(message.topic()), message.key() or b"", message.value()
        if not key.startswith(self._prefix):
            return None
        name = key.decode()
        if value is None:
            tables[topic].pop(name, None)
        else:
            try:
                tables[topic][name] = self._decode[topic](value)
            except BadMessage:
                return None  # only the topic's own writer may write here; what is no row of its says nothing
        return topic, name


class FollowedEvents:
    """The records of `pool` in a topic that is a log, from some seconds before the first call of `next` on.

    For one thread.
    """

    def __init__(self, kafka_options: ClientOptions, topic: str, pool: str, partitions: int) -> None:
        self._kafka_options = quiet(kafka_options)
        self._topic = topic
        self._pool = pool
        self._partition = partition_of(pool, partitions)
        self._decode = topic_codec(topic).decode
        self._consumer: Consumer | None = None

    def next(self, wait_s: float) -> list[Row]:
        """The records that have come; waits so long for the first. Raises PublishError while Kafka does not answer."""
        try:
            if self._consumer is None:
                self._consumer = log_consumer(
                    self._kafka_options, [self._topic], [self._partition], since_ms=wall_clock_ms() - _SKEW_MS
                )
            first = self._consumer.poll(wait_s)
            messages = [] if first is None else [first, *self._consumer.consume(_BATCH, 0)]
            return list(self._read(messages))
        except (KafkaException, TimeoutError) as error:
            self.close()
            raise PublishFailed(f"Kafka does not say what is in {self._topic}: {error}") from error

    def close(self) -> None:
        """Close the connection to Kafka."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _read(self, messages: Sequence[Message]) -> Iterator[Row]:
        for message in filter(is_record, messages):
            try:
                row = self._decode(message.value() or b"")
            except BadMessage:
                continue  # only the topic's own writer may write here; what is no event of its says nothing
            if row["pool"] == self._pool:
                yield row
