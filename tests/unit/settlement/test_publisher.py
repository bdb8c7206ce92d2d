"""What the publisher puts into one Kafka transaction, and what it cannot get over."""

import struct
import threading

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas.codec import topic_codec
from schemas.registry import registry
from schemas.topics import MESSAGE_MAX_BYTES, SETTLEMENT_POSTINGS, SETTLEMENT_PUBLISHED, SETTLEMENT_STATEMENTS
from streams.runtime.sink import SinkFenced, SinkStopped
from streams.settlement.store import publisher as publisher_module
from streams.settlement.store.database import migrate, reading, sqlite_engine
from streams.settlement.store.publisher import Publisher, keep_published
from streams.settlement.store.queries import closed_windows_of, transactions_of
from tests.support.pool import POOL
from tests.support.settlement_store import busy, sink

LATER = struct.pack(">bI", 0, max(registry().by_id) + 1)


class Producer:
    """Kafka's producer of transactions: it keeps the committed ones, as (topic, value) pairs."""

    def __init__(self, options):
        self.options = options
        self.committed = []
        self.refuses_record = self.refuses_end = None

    def init_transactions(self, timeout_s):
        pass

    def begin_transaction(self):
        self._open = []

    def produce(self, topic, value, key, partition, on_delivery):
        if self.refuses_record is not None:
            raise KafkaException(KafkaError(self.refuses_record))
        self._open.append((topic, topic_codec(topic).decode(value)))

    def poll(self, timeout_s):
        return 0

    def commit_transaction(self, timeout_s):
        self.committed.append(self._open)

    def abort_transaction(self, timeout_s):
        if self.refuses_end is not None:
            raise KafkaException(KafkaError(self.refuses_end))


@pytest.fixture(scope="module")
def journal():
    return busy().journal()


@pytest.fixture
def engine(tmp_path, journal):
    engine = sqlite_engine(tmp_path / "settlement.sqlite3")
    migrate(engine)
    with engine.begin() as connection:
        sink(journal).apply(connection, journal)
    yield engine
    engine.dispose()


@pytest.fixture
def published(monkeypatch):
    """The topic's table, as a start finds it."""
    table = {}
    monkeypatch.setattr(publisher_module, "Producer", Producer)
    monkeypatch.setattr(publisher_module, "read_table", lambda *_: table)
    return table


def test_each_closed_window_is_a_transaction_of_its_own_and_comes_behind_its_postings(engine, published):
    publisher = Publisher({}, 1, engine)
    steps = 1
    while publisher.publish():
        steps += 1
    committed = publisher._producer.committed
    with reading(engine) as connection:
        closed, posted = closed_windows_of(connection, POOL), transactions_of(connection, POOL)
    assert len(closed) > 1
    assert steps == len(committed) == len(closed)
    for one, window in zip(committed, closed, strict=True):
        starts = {value["start_ms"] for topic, value in one if topic == SETTLEMENT_STATEMENTS.name}
        assert starts <= {window.start_ms}
    topics = [[topic for topic, _ in one] for one in committed]
    assert [one.count(SETTLEMENT_POSTINGS.name) for one in topics] == [len(posted), *[0] * (len(closed) - 1)]
    assert any(SETTLEMENT_STATEMENTS.name in one for one in topics)
    assert [one[-1][1]["windows_until_ms"] for one in committed] == [one.end_ms for one in closed]
    assert not publisher.publish()
    assert len(committed) == len(closed)


def test_a_record_may_be_as_large_as_its_topic_takes_and_is_read(engine, published):
    assert Publisher({}, 1, engine)._producer.options["message.max.bytes"] == MESSAGE_MAX_BYTES
    assert SETTLEMENT_POSTINGS.kafka_config()["max.message.bytes"] == str(MESSAGE_MAX_BYTES)
    with reading(engine) as connection:
        value = publisher_module.transaction_message(transactions_of(connection, POOL)[0])
    value = value | {"postings": [*value["postings"]] * 40_000}
    codec = topic_codec(SETTLEMENT_POSTINGS.name)
    assert len(codec.encode(value)) > 1_048_576
    assert codec.decode(codec.encode(value)) == value


@pytest.mark.parametrize("code", [KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH])
def test_one_that_another_has_fenced_ends_and_fences_nobody(code):
    made = []

    class Fenced:
        def publish(self):
            raise KafkaException(KafkaError(code))

    def make():
        made.append(Fenced())
        return made[-1]

    with pytest.raises(SinkFenced, match=r"another process has begun to publish.*run one `worker settlement`"):
        keep_published(make, threading.Event())
    assert len(made) == 1


@pytest.mark.parametrize("refused", [KafkaError._STATE, KafkaError._FATAL])
def test_a_record_that_is_refused_without_a_reason_is_told_as_what_stands_behind_it(engine, published, refused):
    publisher = Publisher({}, 1, engine)
    publisher._producer.refuses_record, publisher._producer.refuses_end = refused, KafkaError._FENCED
    with pytest.raises(SinkFenced):
        keep_published(lambda: publisher, threading.Event())


def test_what_passes_by_itself_is_tried_again_by_another(monkeypatch):
    monkeypatch.setattr(publisher_module, "_AFTER_FAILURE_S", 0)
    stop, made = threading.Event(), []

    class Away:
        def publish(self):
            if len(made) == 2:
                stop.set()
                return False
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    def make():
        made.append(Away())
        return made[-1]

    keep_published(make, stop)
    assert len(made) == 2


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (LATER, "is newer than all.*nothing was published; start the release that writes it"),
        (b"foreign", "no Confluent wire format.*restore the topic, which settlement alone writes"),
    ],
)
def test_how_far_is_published_that_cannot_be_read_ends_it_and_says_what_to_do(engine, published, value, says):
    published[POOL.encode()] = value
    with pytest.raises(SinkStopped, match=f"{SETTLEMENT_PUBLISHED.name}: .*{says}"):
        keep_published(lambda: Publisher({}, 1, engine), threading.Event())
