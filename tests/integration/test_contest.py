"""Customers of two pools fight over four items while workers are killed; what they saw is linearizable."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.stack.parent_watch import WATCH_STDIN_VARIABLE
from messaging.topic_admin import ensure_topics
from schemas.partition import partition_of
from tests.proof.faults.stage import wait_until
from tests.proof.faults.world import pool_names
from tests.proof.torture.contest import Contest
from tests.proof.torture.history import check_history

PARTITIONS, CUSTOMERS, KILLS, ANSWERS = 2, 12, 5, 60
ROOT = Path(__file__).resolve().parents[2]


class Crew:
    """Two workers, each started again under its name when it is killed."""

    def __init__(self, bootstrap_servers, folder):
        self._servers, self._folder = bootstrap_servers, folder

    def start(self, name):
        command = [
            sys.executable, "-m", "tests.proof.faults.worker", "--bootstrap-servers", self._servers, "--instance", name,
            "--state-dir", str(self._folder / name), "--partitions", str(PARTITIONS), "--batch-records", "20",
        ]  # fmt: skip
        with (self._folder / f"{name}.txt").open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env={WATCH_STDIN_VARIABLE: "1"}, stdin=subprocess.PIPE, stdout=log, stderr=log
            )

    def __enter__(self):
        self._workers = {name: self.start(name) for name in ("one", "two")}
        return self

    def kill(self, name):
        self._workers[name].kill()
        self._workers[name].communicate()
        self._workers[name] = self.start(name)

    def __exit__(self, *_):
        for worker in self._workers.values():
            worker.kill()
            worker.communicate()


@pytest.fixture(scope="module")
def bootstrap_servers():
    with EmbeddedKafka() as kafka:
        ensure_topics({"bootstrap.servers": kafka.bootstrap_servers}, PARTITIONS)
        yield kafka.bootstrap_servers


def test_what_customers_of_two_pools_saw_is_linearizable_while_workers_are_killed(bootstrap_servers, tmp_path):
    pools = pool_names(PARTITIONS, 2)
    assert {partition_of(pool, PARTITIONS) for pool in pools} == {0, 1}
    chance, in_flight = random.Random(4), []
    with Crew(bootstrap_servers, tmp_path) as crew, Contest(
        bootstrap_servers, PARTITIONS, pools, tmp_path, customers=CUSTOMERS, seed=4
    ) as contest:  # fmt: skip
        for kill in range(KILLS):
            wait_until("customers are served", lambda kill=kill: contest.answered > (kill + 1) * ANSWERS, 90)
            time.sleep(chance.uniform(0, 0.3))
            crew.kill(chance.choice(["one", "two"]))
            in_flight.append(contest.in_flight)
        contest.finish()
    verdict = check_history(contest.history, is_drained=True)
    assert max(in_flight) > 0, "no kill landed while customers waited"
    assert verdict.answered > KILLS * ANSWERS
    assert verdict.is_linearizable, verdict
