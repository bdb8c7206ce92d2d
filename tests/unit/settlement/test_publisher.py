"""What the publisher puts into one Kafka transaction, and what it cannot get over."""

import struct
import threading

import pytest
from confluent_kafka import KafkaError, KafkaException
from prometheus_client import CollectorRegistry

from messaging.cluster import TopicIdentity
from schemas.codec import topic_codec
from schemas.registry import registry
from schemas.topics import MESSAGE_MAX_BYTES, SETTLEMENT_POSTINGS, SETTLEMENT_PUBLISHED, SETTLEMENT_STATEMENTS
from streams.runtime.sink import SinkFenced, SinkStopped
from streams.settlement.store import published as published_module
from streams.settlement.store import publisher as publisher_module
from streams.settlement.store.backlog import Backlog
from streams.settlement.store.database import migrate, reading, sqlite_engine
from streams.settlement.store.messages import statement_key, transaction_message
from streams.settlement.store.published import TOPICS
from streams.settlement.store.publisher import Publisher, TopicMadeAnewError, keep_published
from streams.settlement.store.queries import closed_windows_of, transactions_of
from tests.support.kafka_message import kafka_message
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


class Topics:
    """Kafka's topics as a start finds them: what each holds, and which each is."""

    def __init__(self):
        self.identities = dict.fromkeys(TOPICS, "first")
        self.values = {topic: [] for topic in TOPICS}
        """(Key, value), in order."""

    def take(self, publisher):
        """What a publisher has committed reaches the topics."""
        for one in publisher._producer.committed:
            for topic, value in one:
                key = statement_key(value) if topic == SETTLEMENT_STATEMENTS.name else value["pool"]
                self.values[topic].append((key.encode(), topic_codec(topic).encode(value)))
        publisher._producer.committed = []

    def make_anew(self, topic):
        self.identities[topic] += " and another"
        self.values[topic] = []

    def table(self, topic):
        return dict(self.values[topic])

    def log(self, topic):
        return [kafka_message(topic, at, value, key) for at, (key, value) in enumerate(self.values[topic])]

    def posted(self):
        decode = topic_codec(SETTLEMENT_POSTINGS.name).decode
        return [decode(value) for _, value in self.values[SETTLEMENT_POSTINGS.name]]


@pytest.fixture
def topics(monkeypatch):
    found = Topics()

    class Identities:
        def __init__(self, kafka_options, names):
            pass

        def now(self):
            return {name: TopicIdentity(identity, (0,)) for name, identity in found.identities.items()}

    monkeypatch.setattr(publisher_module, "Producer", Producer)
    monkeypatch.setattr(publisher_module, "TopicIdentities", Identities)
    monkeypatch.setattr(published_module, "read_table", lambda _, topic: found.table(topic))
    monkeypatch.setattr(published_module, "read_log", lambda _, topics: found.log(*topics))
    return found


def publish_all(engine, topics):
    """By a publisher that starts now."""
    publisher = Publisher({}, 1, engine)
    while publisher.publish():
        pass
    topics.take(publisher)
    return publisher


def stored_messages(engine):
    with reading(engine) as connection:
        return [transaction_message(one) for one in transactions_of(connection, POOL)]


def test_each_closed_window_is_a_transaction_of_its_own_and_comes_behind_its_postings(engine, topics):
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


def test_a_record_may_be_as_large_as_its_topic_takes_and_is_read(engine, topics):
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
def test_a_record_that_is_refused_without_a_reason_is_told_as_what_stands_behind_it(engine, topics, refused):
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
def test_how_far_is_published_that_cannot_be_read_ends_it_and_says_what_to_do(engine, topics, value, says):
    topics.values[SETTLEMENT_PUBLISHED.name] = [(POOL.encode(), value)]
    with pytest.raises(SinkStopped, match=f"{SETTLEMENT_PUBLISHED.name}: .*{says}"):
        keep_published(lambda: Publisher({}, 1, engine), threading.Event())


@pytest.mark.parametrize(
    "lost",
    [
        [SETTLEMENT_POSTINGS.name],
        [SETTLEMENT_STATEMENTS.name],
        [SETTLEMENT_PUBLISHED.name],
        [SETTLEMENT_POSTINGS.name, SETTLEMENT_STATEMENTS.name],
        [SETTLEMENT_POSTINGS.name, SETTLEMENT_PUBLISHED.name],
        list(TOPICS),
    ],
)
def test_a_topic_that_was_made_anew_gets_all_again_and_the_others_nothing_twice(engine, topics, lost):
    publish_all(engine, topics)
    before = {topic: list(values) for topic, values in topics.values.items()}
    assert topics.posted() == stored_messages(engine) != []
    for topic in lost:
        topics.make_anew(topic)
    publish_all(engine, topics)
    assert topics.posted() == stored_messages(engine)
    assert topics.values[SETTLEMENT_STATEMENTS.name] == before[SETTLEMENT_STATEMENTS.name] != []
    settled = {topic: len(values) for topic, values in topics.values.items()}
    publish_all(engine, topics)
    assert {topic: len(values) for topic, values in topics.values.items()} == settled


@pytest.mark.parametrize("is_idle", [True, False])
def test_a_topic_that_is_made_anew_while_it_is_published_to_is_noticed(engine, topics, monkeypatch, is_idle):
    """Before the next transaction, and from time to time when there is none."""
    if is_idle:
        monkeypatch.setattr(publisher_module, "_LOOK_EVERY_S", 0)
    publisher = Publisher({}, 1, engine)
    while is_idle and publisher.publish():
        pass
    topics.make_anew(SETTLEMENT_POSTINGS.name)
    with pytest.raises(TopicMadeAnewError, match=f"{SETTLEMENT_POSTINGS.name} was deleted and made anew"):
        publisher.publish()


def test_a_publisher_of_a_topic_made_anew_gives_way_to_another_at_once():
    stop, made = threading.Event(), []

    class Behind:
        def publish(self):
            if len(made) == 2:
                stop.set()
                return True
            raise TopicMadeAnewError("it was made anew")

    def make():
        made.append(Behind())
        return made[-1]

    keep_published(make, stop)
    assert len(made) == 2


def test_a_topic_made_anew_that_has_a_part_alone_is_told_with_what_to_do(engine, topics):
    publish_all(engine, topics)
    written_meanwhile = topics.values[SETTLEMENT_POSTINGS.name][-2:]
    topics.make_anew(SETTLEMENT_POSTINGS.name)
    topics.values[SETTLEMENT_POSTINGS.name] = written_meanwhile
    with pytest.raises(
        SinkStopped, match=r"up to entry .* has 2 transactions of pool north, the database \d+; .*Delete"
    ):
        Publisher({}, 1, engine).publish()


def test_metrics_tell_what_waits_to_be_published(engine, topics, journal):
    """All of it before, nothing after; meanwhile the age of what waits longest."""
    newest_ms = max(entry.appended_at_ms for entry in journal)
    backlog = Backlog(lambda: newest_ms + 5_000)
    registry = CollectorRegistry()
    registry.register(backlog)

    def told(name):
        return registry.get_sample_value(f"commonshelf_settlement_{name}", {"pool": POOL})

    assert told("unpublished_transactions") is None
    publisher = Publisher({}, 1, engine)
    backlog.follow(engine, publisher.until)
    with reading(engine) as connection:
        posted, closed = transactions_of(connection, POOL), closed_windows_of(connection, POOL)
    assert (told("unpublished_transactions"), told("unpublished_windows")) == (len(posted), len(closed))
    first_ms = next(entry.appended_at_ms for entry in journal if entry.position == posted[0].posted_position)
    assert told("oldest_unpublished_seconds") == (newest_ms + 5_000 - first_ms) / 1_000
    assert publisher.publish()
    assert (told("unpublished_transactions"), told("unpublished_windows")) == (0, len(closed) - 1)
    while publisher.publish():
        pass
    assert (told("unpublished_transactions"), told("unpublished_windows")) == (0, 0)
    assert told("oldest_unpublished_seconds") == 0
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE settlement_heads")
    assert told("unpublished_transactions") is None
