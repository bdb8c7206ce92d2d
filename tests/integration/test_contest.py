"""Customers of two pools fight over four items while workers are killed; what they saw is linearizable."""

import random
import time

import pytest

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from messaging.topic_admin import ensure_topics
from schemas.partition import partition_of
from tests.proof.faults.world import pool_names
from tests.proof.torture.contest import Contest
from tests.proof.torture.history import check_history
from tests.support.ledger_process import Crew
from tests.support.waiting import until

PARTITIONS, CUSTOMERS, KILLS, ANSWERS = 2, 12, 5, 60


@pytest.fixture(scope="module")
def bootstrap_servers():
    with EmbeddedKafka() as kafka:
        ensure_topics({"bootstrap.servers": kafka.bootstrap_servers}, PARTITIONS)
        yield kafka.bootstrap_servers


def test_what_customers_of_two_pools_saw_is_linearizable_while_workers_are_killed(bootstrap_servers, tmp_path):
    pools = pool_names(PARTITIONS, 2)
    assert {partition_of(pool, PARTITIONS) for pool in pools} == {0, 1}
    chance, in_flight = random.Random(4), []
    with Crew(bootstrap_servers, tmp_path, PARTITIONS, batch_records=20) as crew, Contest(
        bootstrap_servers, PARTITIONS, pools, tmp_path, customers=CUSTOMERS, seed=4
    ) as contest:  # fmt: skip
        for kill in range(KILLS):
            until(lambda kill=kill: contest.answered > (kill + 1) * ANSWERS, "customers who are served")
            time.sleep(chance.uniform(0, 0.3))
            crew.kill(chance.choice(["one", "two"]))
            in_flight.append(contest.in_flight)
        contest.finish()
    verdict = check_history(contest.history, is_drained=True)
    assert max(in_flight) > 0, "no kill landed while customers waited"
    assert verdict.answered > KILLS * ANSWERS
    assert verdict.is_linearizable, verdict
