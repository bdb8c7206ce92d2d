"""Restock on a real Kafka: killed anywhere it repeats nothing and loses nothing; and its desk."""

import csv
import json

import pytest

from messaging.log_reader import read_log
from schemas.partition import partition_of
from schemas.topics import (
    ORDERS_REQUESTS,
    RESTOCK_PROPOSALS,
    RESTOCK_PURCHASES,
)
from tests.conftest import PARTITIONS
from tests.support.pool import MILK, POOL, STORE
from tests.support.restock_bench import RestockBench, milk_pool, pages, publish
from tests.support.shop import write_settings
from tests.support.started_worker import start_worker
from tests.support.terminal import call
from tests.support.waiting import until


@pytest.fixture(scope="module")
def pool():
    """Milk sells in the corner shop, and the mill has plenty."""
    return milk_pool()


@pytest.fixture(scope="module")
def folder(kafka_alone, pool, tmp_path_factory):
    """With settings for that Kafka, on which the pool lies."""
    publish(pool, kafka_alone.options, PARTITIONS)
    made = tmp_path_factory.mktemp("restock")
    write_settings(made, kafka_alone.bootstrap_servers, PARTITIONS)
    return made


def told(kafka, topic):
    """The values of the pool on a topic, in order."""
    records = read_log(kafka.options, [topic.name], [partition_of(POOL, PARTITIONS)])
    return [record.value() for record in records if (record.key() or b"").split(b"/")[0] == POOL.encode()]


def test_a_worker_that_is_killed_proposes_orders_and_asks_each_thing_once(kafka_alone, pool, folder):
    expected = RestockBench()
    expected.follow(pages(pool))
    proposed = [one.value for one in expected.outputs if one.topic == RESTOCK_PROPOSALS.name]
    for failpoint in ("after_produce=kill:1", "before_commit=kill:1", "after_commit=kill:1"):
        start_worker("restock", folder, failpoint).wait()
    worker = start_worker("restock", folder)
    try:
        until(lambda: told(kafka_alone, RESTOCK_PROPOSALS) == proposed, (folder / "log.txt").read_text)
        settings = ("--config", str(folder / "shelf.toml"))
        shown = call(folder, {}, "restock", "plan", POOL, "--store", STORE, *settings)
        assert "that mill can spare" in shown.out
        assert "1 proposal, planned" in shown.out
        shown = call(folder, {}, "restock", "plan", POOL, "--store", STORE, "--now", "--json", *settings)
        assert [(one["sku"], one["cause"], one["version"]) for one in json.loads(shown.out)] == [(MILK, "requested", 0)]
        asked = ("--late", "dairy=2", "--close", STORE, "--csv", "scenarios.csv", "--xlsx", "scenarios.xlsx", "--json")
        shown = call(folder, {}, "restock", "scenario", POOL, *asked, *settings)
        names = [one["name"] for one in json.loads(shown.out)["scenarios"]]
        assert names == ["base", "low, 80 %", "high, 125 %", "dairy 2 days late", f"{STORE} closed"]
        assert (folder / "scenarios.csv").read_text(encoding="utf-8-sig").startswith(',base,"low, 80 %"')
        assert (folder / "scenarios.xlsx").read_bytes().startswith(b"PK")
        said = call(folder, {}, "restock", "scenario", POOL, "--cancel", "fair", *settings)
        assert "has no event 'fair'" in said.err
        said = call(folder, {}, "restock", "answer", POOL, STORE, MILK, "7", *settings)
        assert "comes in packs of 6" in said.err
        said = call(
            folder, {}, "restock", "answer", POOL, STORE, MILK, "approved", "--by", "Anna", "--wait-s", "600", *settings
        )
        assert "is approved: 6 ordered, 1 asked of neighbours" in said.out
    finally:
        worker.kill()
        worker.communicate()
    assert len(told(kafka_alone, RESTOCK_PROPOSALS)) == len(proposed) + 1
    assert len(told(kafka_alone, RESTOCK_PURCHASES)) == len(told(kafka_alone, ORDERS_REQUESTS)) == 1
    mail = call(folder, {}, "restock", "orders", POOL, *settings)
    assert "1 x MILK, pack of 6, MILK" in mail.out
    assert "By our list this comes to 4.80 EUR." in mail.out
    assert call(folder, {}, "restock", "orders", POOL, "--csv", "orders.csv", *settings).exit_code == 0
    with (folder / "orders.csv").open() as file:
        assert [(row["store"], row["packs"]) for row in csv.DictReader(file)] == [(STORE, "1")]
    assert "nothing is proposed to corner" in call(folder, {}, "restock", "plan", POOL, "--store", STORE, *settings).out
