"""On a Kafka that asks who may do what: each role reads and writes what it may, and every other act is refused."""

from collections.abc import Iterator

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from commonshelf.desks.acl import Right, apply, changes, rights, roles
from messaging.client_options import reader_options
from messaging.log_reader import is_end
from schemas.topics import POOL_JOURNAL, TOPICS
from tests.support.guarded_kafka import Guarded, guarded_kafka
from tests.support.waiting import until

OTHERS = [role for role in roles() if role != "operators"]
NO_TOPIC = KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    with guarded_kafka() as kafka:
        yield kafka


def may(role: str, operation: str) -> set[str]:
    found = [right for right in rights() if (right.role, right.resource) == (role, "topic")]
    return {right.name for right in found if right.operation in (operation, "all")}


def read(options: dict[str, str]) -> dict[str, int]:
    """Topic → the code that reading it is answered with; 0 for none."""
    consumer = Consumer(reader_options(options, "commonshelf-of-nobody"))
    seen = {topic: consumer.list_topics(topic, timeout=60).topics[topic].error for topic in TOPICS}
    answers = {topic: error.code() for topic, error in seen.items() if error is not None}
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in TOPICS if topic not in answers])

    def is_answered() -> bool:
        for message in consumer.consume(1_000, 0.2):
            error = message.error()
            if message.topic() in TOPICS:
                answers.setdefault(message.topic(), 0 if error is None or is_end(message) else error.code())
        return answers.keys() >= TOPICS.keys()

    until(is_answered, lambda: f"an answer about {TOPICS.keys() - answers.keys()}")
    consumer.close()
    return answers


@pytest.mark.parametrize("role", [*roles(), "till"])
def test_a_role_reads_what_is_meant_for_it_and_nothing_else(guarded, role):
    assert read(guarded.options(role)) == {topic: 0 if topic in may(role, "read") else NO_TOPIC for topic in TOPICS}


def written(options: dict[str, str]) -> dict[str, int]:
    """Topic → the code that writing a record to it is answered with; 0 for none."""
    answers: dict[str, int] = {}
    producer = Producer({**options, "message.timeout.ms": 60_000})
    for topic in TOPICS:
        # A record that any topic takes. Nobody decodes it here.
        told = lambda error, _, topic=topic: answers.update({topic: 0 if error is None else error.code()})  # noqa: E731
        producer.produce(topic, b"", b"key", on_delivery=told)
    until(lambda: producer.flush(1) == 0, "all answers")
    return answers


@pytest.mark.parametrize("role", [*roles(), "till"])
def test_a_role_writes_its_topics_and_no_other(guarded, role):
    assert written(guarded.options(role)) == {topic: 0 if topic in may(role, "write") else NO_TOPIC for topic in TOPICS}


@pytest.mark.parametrize("role", [role for role in OTHERS if role != "pool"])
def test_nobody_else_moves_what_the_pool_has_read(guarded, role):
    consumer = Consumer({**guarded.options(role), "group.id": "commonshelf-pool", "enable.auto.commit": False})
    with pytest.raises(KafkaException) as refused:
        consumer.commit(offsets=[TopicPartition("pos.sales.v1", 0, 7)], asynchronous=False)
    consumer.close()
    assert refused.value.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED


@pytest.mark.parametrize("role", [role for role in [*OTHERS, "till"] if role != "pool"])
def test_nobody_else_fences_a_worker_of_the_pool(guarded, role):
    producer = Producer({**guarded.options(role), "transactional.id": "commonshelf-pool-ledger-1"})
    with pytest.raises(KafkaException) as refused:
        producer.init_transactions(30)
    assert refused.value.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


@pytest.mark.parametrize("role", [*OTHERS, "till"])
def test_nobody_but_operators_makes_topics_or_gives_rights(guarded, role):
    admin = AdminClient(guarded.options(role))
    for done in (
        *admin.create_topics([NewTopic("of.a.stranger", 1, 1)]).values(),
        *admin.create_acls([rights()[0].binding()]).values(),
    ):
        with pytest.raises(KafkaException) as refused:
            done.result(30)
        assert refused.value.args[0].code() in (
            KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        )  # fmt: skip


def test_rights_that_are_as_listed_need_no_change_and_what_was_changed_is_put_back(guarded):
    operators = guarded.options("operators")
    assert changes(operators) == ([], [])
    taken = next(right for right in rights() if right.role == "agents").binding()
    surplus = Right("board", "topic", POOL_JOURNAL.name, "read").binding()
    apply(operators, type(changes(operators))([surplus], [taken]))
    todo = changes(operators)
    assert (todo.missing, todo.surplus) == ([taken], [surplus])
    apply(operators, todo)
    assert changes(operators) == ([], [])
