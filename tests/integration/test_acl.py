"""On a Kafka that asks who may do what: each role writes what it may, and every other act that is tried is refused."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    NewTopic,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from commonshelf.desks.acl import PREFIX, Right, apply, changes, rights, roles
from commonshelf.embedded_kafka import broker
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.embedded_kafka.server_config import HOST, pick_ports
from messaging.topic_admin import ensure_topics
from schemas.topics import POOL_JOURNAL, TOPICS
from tests.support.waiting import until

PASSWORD = "canary-of-acl-0123456789"
OTHERS = [role for role in roles() if role != "operators"]
NO_TOPIC = KafkaError.TOPIC_AUTHORIZATION_FAILED


class Guarded(NamedTuple):
    """A cluster with the rights of the list; `till` is a login that the list does not name."""

    admin: dict[str, str]
    listener: str

    def options(self, role: str) -> dict[str, str]:
        return {
            "bootstrap.servers": self.listener, "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": f"{PREFIX}{role}", "sasl.password": PASSWORD,
            "log_level": 0,
        }  # fmt: skip


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    port = pick_ports(1, None, with_proxy=False)[0].client
    plain = broker.server_properties

    def with_rights(*arguments: object) -> dict[str, str | int]:
        more = {
            "listeners": f",SASL_PLAINTEXT://{HOST}:{port}",
            "advertised.listeners": f",SASL_PLAINTEXT://{HOST}:{port}",
            "listener.security.protocol.map": ",SASL_PLAINTEXT:SASL_PLAINTEXT",
        }
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        return {name: f"{value}{more.get(name, '')}" for name, value in plain(*arguments).items()} | {
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": scram,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",  # whoever comes by the other listeners
        }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broker, "server_properties", with_rights)
        with EmbeddedKafka() as kafka:
            admin = {"bootstrap.servers": kafka.bootstrap_servers}
            scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
            users = [
                UserScramCredentialUpsertion(f"{PREFIX}{role}", scram, PASSWORD.encode()) for role in (*roles(), "till")
            ]
            client = AdminClient(admin)  # what is asked dies with it
            for done in client.alter_user_scram_credentials(users).values():
                done.result(30)
            ensure_topics(admin, partitions=1)
            apply(admin, changes(admin))
            yield Guarded(admin, f"{HOST}:{port}")


def may(role: str, operation: str) -> set[str]:
    found = [right for right in rights() if (right.role, right.resource) == (role, "topic")]
    return {right.name for right in found if right.operation in (operation, "all")}


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
