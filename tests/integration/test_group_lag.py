"""A group that has read all there is has no lag, whichever of our pages tells it."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from commonshelf.config.settings import Kafka, Settings
from commonshelf.stack.connection import Connection
from commonshelf.stack.roles import RESTOCK_GROUP
from commonshelf.stack.topic_status import topic_statuses
from messaging.client_options import producer_options, reader_options
from schemas.topics import POOL_JOURNAL
from streams.exporter.group_lag import GroupLag
from tests.conftest import PARTITIONS
from tests.support.waiting import PATIENCE_S

GROUP_AND_TOPIC = (RESTOCK_GROUP, POOL_JOURNAL.name)


class Journal:
    """The journal's first partition: who writes it in transactions, and a group that reads it."""

    def __init__(self, options: dict[str, str], reader: Consumer) -> None:
        self._options = options
        self._reader = reader
        self._writer = Producer({**producer_options(options), "transactional.id": "commonshelf-pool-test"})
        self._writer.init_transactions(PATIENCE_S)
        reader.assign([TopicPartition(POOL_JOURNAL.name, 0, 0)])

    def write(self, records: int) -> None:
        self._writer.begin_transaction()
        for _ in range(records):
            self._writer.produce(POOL_JOURNAL.name, b"a page", partition=0)
        self._writer.commit_transaction(PATIENCE_S)

    def read_all(self, records: int) -> None:
        """Read so many, and commit what was read."""
        read = [message for message in self._reader.consume(records, PATIENCE_S) if message.error() is None]
        assert len(read) == records
        self._reader.commit(message=read[-1], asynchronous=False)

    def lag(self) -> tuple[int | None, int]:
        """As `topics` and the ops page tell it, and as the exporter does."""
        connection = Connection(
            Settings(partitions=PARTITIONS, kafka=Kafka(bootstrap_servers=self._options["bootstrap.servers"])),
            self._options,
        )
        [told] = [one.lag_records for one in topic_statuses(connection) if one.topic == POOL_JOURNAL.name]
        asker = GroupLag(self._options, {RESTOCK_GROUP: [POOL_JOURNAL.name]}, PARTITIONS)
        with closing(Consumer(reader_options(self._options, RESTOCK_GROUP))) as client:
            return told, asker.ask({RESTOCK_GROUP: client})[GROUP_AND_TOPIC]


@pytest.fixture
def journal(kafka_alone) -> Iterator[Journal]:
    options = reader_options(kafka_alone.options, RESTOCK_GROUP) | {"enable.partition.eof": False}
    with closing(Consumer(options)) as reader:
        yield Journal(kafka_alone.options, reader)


def test_the_marker_of_the_last_transaction_is_no_lag_and_what_waits_is(journal):
    journal.write(2)
    journal.read_all(2)
    assert journal.lag() == (0, 0)
    journal.write(1)
    assert min(lag for lag in journal.lag() if lag is not None) >= 1
    journal.read_all(1)
    assert journal.lag() == (0, 0)
