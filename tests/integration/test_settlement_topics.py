"""What settlement tells other services, on a real Kafka: each transaction once, whoever dies, and statements."""

import random
from collections import Counter

import pytest
from confluent_kafka import KafkaException

from commonshelf.desks.settlement.posted import read_statement, windows_of
from messaging.log_reader import read_log, read_table
from schemas.codec import topic_codec
from schemas.partition import partition_of
from schemas.topics import SETTLEMENT_POSTINGS, SETTLEMENT_STATEMENTS
from streams.settlement.store.database import migrate, reading, sqlite_engine
from streams.settlement.store.messages import transaction_message
from streams.settlement.store.publisher import Publisher
from streams.settlement.store.queries import transactions_of
from tests.support.settlement_process import publish_and_die
from tests.support.settlement_store import busy, sink


@pytest.fixture(scope="module")
def journal():
    return busy(6).journal()


@pytest.fixture
def database(tmp_path):
    return tmp_path / "settlement.sqlite3"


@pytest.fixture
def engine(database, journal, pool_name):
    """The settlement database of a pool that nobody else knows."""
    engine = sqlite_engine(database)
    migrate(engine)
    own = [entry._replace(pool=pool_name) for entry in journal]
    with engine.begin() as connection:
        sink(own).apply(connection, own)
    yield engine
    engine.dispose()


def told(kafka, topics, pool):
    """What lies on the topic of postings of a pool, in order."""
    decode = topic_codec(SETTLEMENT_POSTINGS.name).decode
    records = read_log(kafka.options, [SETTLEMENT_POSTINGS.name], [partition_of(pool, topics)])
    return [decode(record.value()) for record in records if record.key() == pool.encode()]


def posted(engine, pool):
    with reading(engine) as connection:
        return [transaction_message(one) for one in transactions_of(connection, pool)]


def test_a_publisher_that_is_killed_at_any_transaction_repeats_nothing_and_leaves_nothing_out(
    kafka, topics, pool_name, engine, database, tmp_path
):
    chance, killed = random.Random(7), tmp_path / "killed"
    for _ in range(8):
        armed = f"after_produce=kill:{chance.randint(1, 3)}"
        if publish_and_die(kafka.options, topics, str(database), armed, str(killed)):
            break
    assert killed.read_text().count("after_produce") >= 3
    assert publish_and_die(kafka.options, topics, str(database), "", str(killed))
    assert told(kafka, topics, pool_name) == posted(engine, pool_name) != []


def test_one_that_was_thought_dead_publishes_nothing_more(kafka, topics, pool_name, engine):
    first = Publisher(kafka.options, topics, engine)
    second = Publisher(kafka.options, topics, engine)
    with pytest.raises(KafkaException):
        first.publish()
    while second.publish():
        pass
    assert told(kafka, topics, pool_name) == posted(engine, pool_name)
    assert not second.publish()
    assert told(kafka, topics, pool_name) == posted(engine, pool_name)


def test_statements_of_closed_windows_are_those_that_stores_get(kafka, topics, pool_name, engine):
    publisher = Publisher(kafka.options, topics, engine)
    while publisher.publish():
        pass
    decode = topic_codec(SETTLEMENT_STATEMENTS.name).decode
    table = read_table(kafka.options, SETTLEMENT_STATEMENTS.name, [partition_of(pool_name, topics)])
    found = {key.decode(): decode(value) for key, value in table.items() if key.startswith(pool_name.encode())}
    with reading(engine) as connection:
        closed = [one for one in windows_of(connection, pool_name) if one.is_closed]
        assert {one["start_ms"] for one in found.values()} == {one.start_ms for one in closed}
        for key, one in found.items():
            [window] = [each for each in closed if each.start_ms == one["start_ms"]]
            statement = read_statement(connection, one["party"], window)
            [part] = [each for each in statement.parts if each.currency == one["currency"]]
            assert (one["opening_minor"], one["closing_minor"]) == (part.opening_minor, part.closing_minor), key
            assert one["lent_minor"] == part.lent_minor, key
            totals = [(each.kind, each.is_restated, each.total_minor) for each in part.sections if each.total_minor]
            sums = Counter()
            for each in one["totals"]:
                sums[each["kind"], each["belongs_to_ms"] < one["start_ms"]] += each["amount_minor"]
            assert sums == Counter({(kind, is_restated): amount for kind, is_restated, amount in totals})
            paid = sum(each["amount_minor"] * (1 if each["payee"] == one["party"] else -1) for each in one["payments"])
            assert paid == one["closing_minor"] - one["opening_minor"], key
