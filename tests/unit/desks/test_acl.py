"""The rights in Kafka follow from the topics: each role may what its topics say, and nobody writes another's."""

import pytest
from typer.testing import CliRunner

from commonshelf.cli import app
from commonshelf.desks.acl import rights, roles
from schemas.topics import PARTNER_CALLS, POOL_JOURNAL, POOL_TICKS, POS_SALES, POS_STOCK, TOPICS, WEBHOOKS_PROGRESS

RIGHTS = rights()
READERS = ("accounting", "api")


def topics_of(role, operation):
    return {
        right.name for right in RIGHTS if (right.role, right.resource, right.operation) == (role, "topic", operation)
    }


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_a_topic_is_open_to_its_writer_and_its_readers(topic):
    assert topic.name in topics_of(topic.writer, "write")
    assert all(topic.name in topics_of(role, "read") for role in topic.readers)


def test_the_journal_has_one_writer():
    assert [role for role in roles() if POOL_JOURNAL.name in topics_of(role, "write")] == ["pool"]


def test_connectors_write_inputs_what_partners_report_and_their_own_topics_alone():
    assert topics_of("connectors", "write") == {
        POS_SALES.name, POS_STOCK.name,
        "fulfilment.reports.v1", "connectors.positions.v1", "connectors.writebacks.v1", "connectors.refusals.v1",
    }  # fmt: skip


def test_agents_write_ticks_and_their_calls_alone():
    assert topics_of("agents", "write") == {POOL_TICKS.name, PARTNER_CALLS.name, WEBHOOKS_PROGRESS.name}


@pytest.mark.parametrize("role", READERS)
def test_who_shows_or_accounts_reads_no_state_and_no_dead_letters(role):
    read = topics_of(role, "read")
    assert read
    assert not [name for name in read if "changelog" in name or ".dlq." in name]
    assert (POOL_JOURNAL.name in read) == (role == "api")  # which must know how far it has come


def test_the_api_writes_requests_reports_answers_and_subscriptions_alone():
    assert topics_of("api", "write") == {
        "orders.requests.v1", "fulfilment.reports.v1", "restock.answers.v1", "webhooks.subscriptions.v1",
    }  # fmt: skip


def test_partners_read_what_everybody_may_know_and_nothing_else():
    assert topics_of("partners", "read") == {"public.stores.v1", "public.bands.v1", "public.aggregates.v1"}
    assert topics_of("partners", "write") == set()
    assert {right.operation for right in RIGHTS if right.role == "partners"} == {"read", "describe"}


def test_nobody_but_operators_may_all():
    assert {right.role for right in RIGHTS if right.operation == "all"} == {"operators"}
    assert {right.role for right in RIGHTS if right.resource == "cluster"} == {"operators"}


def test_every_right_is_one_that_kafka_s_client_knows():
    assert len({repr(right.binding()) for right in RIGHTS}) == len(RIGHTS)


def test_a_role_that_nobody_has_is_told():
    told = CliRunner().invoke(app, ["acl", "list", "till"])
    assert told.exit_code == 1
    assert "there is no role 'till'; the topics name accounting, agents" in told.stderr


def test_the_list_names_logins():
    told = CliRunner().invoke(app, ["acl", "list", "agents"])
    assert told.exit_code == 0
    assert ["commonshelf-agents", "write", "topic", "pool.ticks.v1"] in map(str.split, told.stdout.splitlines())
