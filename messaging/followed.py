"""Topics of one pool, followed by whoever asks: compacted ones as tables in memory, with what has changed, and logs.

When to use which: this for a pool's few rows that one thread looks at many times a second; a `View` for what is large
or is asked from many threads; `log_reader.read_table` for a table that is read once. A record of a later release is not
passed over but waited for: whoever follows sees nothing behind it until that release runs here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message

from messaging.client_options import ClientOptions, quiet
from messaging.clock import wall_clock_ms
from messaging.decoding import LaterRecords, decoder
from messaging.log_reader import is_record, log_consumer, until_end
from messaging.publisher import PublishFailed
from schemas.partition import partition_of

_BATCH = 2_000
_SKEW_MS = 10_000
"""By so much a broker's clock may be ahead of ours: none that comes after the call is missed."""
Row = Mapping[str, Any]
Place = tuple[str, str]
"""(topic, key)"""
_Change = tuple[str, str, Row | None]
"""(topic, key, the row after it)"""


class FollowedTables:
    """The rows of `pool` in compacted topics whose keys begin with it. For one thread.

    partitions: of every topic.
    """

    def __init__(self, kafka_options: ClientOptions, topics: Sequence[str], pool: str, partitions: int) -> None:
        self._kafka_options = quiet(kafka_options)
        self._partition = partition_of(pool, partitions)
        self._prefix = f"{pool}/".encode()
        self._decode = {topic: decoder(topic) for topic in topics}
        self._tables: dict[str, dict[str, Row]] = {topic: {} for topic in topics}
        self._consumer: Consumer | None = None

    def table(self, topic: str) -> Mapping[str, Row]:
        """Key → row, as of the last `changes`."""
        return self._tables[topic]

    def changes(self, wait_s: float) -> set[Place]:
        """Take in what has come, and name what is otherwise now; at first all that is there.

        wait_s: how long to wait when nothing has come yet. Raises PublishFailed while Kafka does not answer, and while
        there is a row of a later release.
        """
        try:
            if self._consumer is None:
                return self._read_anew()
            first = self._consumer.poll(wait_s)
            messages = [] if first is None else [first, *self._consumer.consume(_BATCH, 0)]
            changes = [change for each in messages if is_record(each) and (change := self._read(each))]
        except (KafkaException, TimeoutError) as error:
            self.close()  # part of a batch is lost, and its topics may be others: they are read from the beginning
            raise PublishFailed(f"Kafka does not say what is in {', '.join(self._decode)}: {error}") from error
        except LaterRecords as error:
            self.close()
            raise PublishFailed(f"waiting for another release: {error}") from error
        return {self._put(change) for change in changes}

    def close(self) -> None:
        """Close the connection to Kafka. The rows stay, so that what changes meanwhile is found."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _read_anew(self) -> set[Place]:
        consumer = log_consumer(self._kafka_options, list(self._decode), [self._partition])
        try:
            changes = [change for each in until_end(consumer) if (change := self._read(each))]
        except BaseException:
            consumer.close()
            raise
        known, self._tables = self._tables, {topic: {} for topic in self._decode}
        self._consumer = consumer
        for change in changes:
            self._put(change)
        return {
            (topic, key)
            for topic, table in self._tables.items()
            for key in table.keys() | known[topic].keys()
            if table.get(key) != known[topic].get(key)
        }

    def _read(self, message: Message) -> _Change | None:
        """What a message changes; None for what is another pool's, or no row. Raises LaterRecords."""
        topic, key, value = str(message.topic()), message.key() or b"", message.value()
        if not key.startswith(self._prefix):
            return None
        row = None if value is None else self._decode[topic](value)
        return None if value is not None and row is None else (topic, key.decode(), row)

    def _put(self, change: _Change) -> Place:
        topic, key, row = change
        if row is None:
            self._tables[topic].pop(key, None)
        else:
            self._tables[topic][key] = row
        return topic, key


class FollowedEvents:
    """The records of `pool` in a topic that is a log and whose keys begin with it, from some seconds before the first
    call of `next` on.

    For one thread.
    """

    def __init__(self, kafka_options: ClientOptions, topic: str, pool: str, partitions: int) -> None:
        self._kafka_options = quiet(kafka_options)
        self._topic = topic
        self._partition = partition_of(pool, partitions)
        self._prefix = f"{pool}/".encode()
        self._decode = decoder(topic)
        self._consumer: Consumer | None = None
        self._unread: Sequence[Message] = ()
        """Those that have come and wait for a later release."""

    def next(self, wait_s: float) -> list[Row]:
        """The records that have come; waits so long for the first.

        Raises PublishFailed while Kafka does not answer, and while the next one is of a later release.
        """
        try:
            if self._consumer is None:
                self._consumer = log_consumer(
                    self._kafka_options, [self._topic], [self._partition], since_ms=wall_clock_ms() - _SKEW_MS
                )
            if not self._unread:
                first = self._consumer.poll(wait_s)
                messages = [] if first is None else [first, *self._consumer.consume(_BATCH, 0)]
                self._unread = [each for each in messages if is_record(each) and self._is_ours(each)]
        except (KafkaException, TimeoutError) as error:
            self.close()
            raise PublishFailed(f"Kafka does not say what is in {self._topic}: {error}") from error
        return self._take_unread()

    def close(self) -> None:
        """Close the connection to Kafka."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _is_ours(self, message: Message) -> bool:
        return (message.key() or b"").startswith(self._prefix)

    def _take_unread(self) -> list[Row]:
        found: list[Row] = []
        for at, message in enumerate(self._unread):
            try:
                row = self._decode(message.value())
            except LaterRecords as error:
                self._unread = self._unread[at:]
                if found:
                    return found
                raise PublishFailed(f"waiting for another release: {error}") from error
            if row is not None:
                found.append(row)
        self._unread = ()
        return found
