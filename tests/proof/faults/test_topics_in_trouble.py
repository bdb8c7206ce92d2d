"""Topics that refuse, lose or no longer fit what a worker writes: nothing is committed half, and the log says why."""

import pytest
from confluent_kafka import OFFSET_END
from confluent_kafka.admin import (
    NewPartitions,
    NewTopic,
)

from commonshelf.embedded_kafka import broker
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from schemas.topics import (
    POOL_CHANGELOG,
    POOL_JOURNAL,
    POS_SALES,
)
from tests.proof.faults.stage import wait_until
from tests.proof.faults.till_and_worker import OPENING, TillAndWorker
from tests.support.waiting import PATIENCE_S

_AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """On a Kafka that asks who may write; everybody may, until a test says otherwise. Each test mends what it broke."""
    with pytest.MonkeyPatch.context() as patch:
        properties = broker.server_properties
        patch.setattr(broker, "server_properties", lambda *given: properties(*given) | _AUTHORIZER)
        with EmbeddedKafka() as kafka, TillAndWorker(kafka.bootstrap_servers, tmp_path_factory.mktemp("shop")) as shop:
            yield shop


@pytest.fixture(scope="module")
def wrecked(tmp_path_factory):
    """A stopped worker's topics, which no test mends: each breaks more of them, and a worker must refuse them all."""
    with EmbeddedKafka() as kafka, TillAndWorker(kafka.bootstrap_servers, tmp_path_factory.mktemp("wrecked")) as shop:
        shop.stop()
        yield shop


def commits_nothing_of(shop, sales, entries):
    assert shop.behind() == sales
    assert shop.entries() == entries


def goes_on_as_if_nothing_had_been(shop):
    if not shop.is_running():
        assert shop.exit_status() == 1
        shop.start()
    shop.wait_served()
    assert shop.on_hand() == OPENING - shop.sold


@pytest.mark.parametrize("topic", [POOL_CHANGELOG.name, POOL_JOURNAL.name])
def test_when_the_right_to_write_is_taken_away_nothing_is_committed_until_it_is_back(shop, topic):
    entries, said = shop.entries(), len(shop.said())
    with shop.forbidden(topic):
        shop.sell(20)
        wait_until("the worker says so", lambda: "authorization failed" in shop.said()[said:], PATIENCE_S)
        commits_nothing_of(shop, 20, entries)
    goes_on_as_if_nothing_had_been(shop)


def test_a_record_that_the_broker_finds_too_large_is_not_left_out_and_written_once_it_may_be(shop):
    entries, said = shop.entries(), len(shop.said())
    shop.set_topic(POOL_JOURNAL.name, "max.message.bytes", "150")
    shop.sell(20)
    wait_until("the worker says so", lambda: "too large" in shop.said()[said:].lower(), PATIENCE_S)
    commits_nothing_of(shop, 20, entries)
    shop.set_topic(POOL_JOURNAL.name, "max.message.bytes", None)
    goes_on_as_if_nothing_had_been(shop)


def is_refused(shop, why):
    said = len(shop.said())
    shop.start()
    assert shop.exit_status() == 1
    assert why in shop.said()[said:]


def test_a_changelog_that_lost_its_oldest_rows_is_refused(wrecked):
    wrecked.drop_state()
    wrecked.delete_changelog_until(3)
    is_refused(wrecked, "its oldest rows were deleted")


def test_a_changelog_that_lost_all_its_rows_is_refused(wrecked):
    wrecked.drop_state()
    wrecked.delete_changelog_until(OFFSET_END)
    is_refused(wrecked, "its oldest rows were deleted")


def test_a_changelog_that_was_made_anew_is_refused_with_a_local_store_and_without(wrecked):
    for done in wrecked.admin.delete_topics([POOL_CHANGELOG.name]).values():
        done.result()
    wait_until(
        "it is gone", lambda: POOL_CHANGELOG.name not in wrecked.admin.list_topics(timeout=15).topics, PATIENCE_S
    )
    for done in wrecked.admin.create_topics([NewTopic(POOL_CHANGELOG.name, 1, 1)]).values():
        done.result()
    is_refused(wrecked, "state is missing")
    wrecked.drop_state()
    is_refused(wrecked, "state is missing")


def test_an_input_with_more_partitions_than_the_others_is_refused(wrecked):
    for done in wrecked.admin.create_partitions([NewPartitions(POS_SALES.name, 2)]).values():
        done.result()
    wait_until("the group gives the old worker up", lambda: wrecked.members() == 0, PATIENCE_S)
    is_refused(wrecked, "inputs must be held together")
