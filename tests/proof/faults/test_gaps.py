"""Records that are gone from an input before they were read: ticks are no loss; of all else an operator must say so."""

import os
import re
import signal
import subprocess
import sys

import pytest
from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import NewTopic

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from schemas.codec import topic_codec
from schemas.topics import POOL_TICKS, POS_SALES, TOPICS
from tests.proof.faults.stage import wait_until
from tests.proof.faults.till_and_worker import OPENING, TillAndWorker, now_ms
from tests.support.pool import POOL
from tests.support.waiting import PATIENCE_S

ACCEPT = re.compile(r"park POOL (\S+) (\d+) (\d+) --until (\d+)")


class Shop(TillAndWorker):
    """With the clock, and whatever takes records away."""

    def tick(self):
        tick = {"pool": POOL, "at_ms": now_ms(), "origin": "test"}
        self._say(POOL_TICKS.name, topic_codec(POOL_TICKS.name).encode(tick))

    def forget(self, topic):
        """As retention does."""
        for done in self.admin.delete_records([TopicPartition(topic, 0, OFFSET_END)]).values():
            done.result()

    def make_anew(self, topic):
        for done in self.admin.delete_topics([topic]).values():
            done.result()
        wait_until("it is gone", lambda: topic not in self.admin.list_topics(timeout=15).topics, PATIENCE_S)
        for done in self.admin.create_topics([NewTopic(topic, 1, 1, config=TOPICS[topic].kafka_config())]).values():
            done.result()
        wait_until("it is there", lambda: topic in self.admin.list_topics(timeout=15).topics, PATIENCE_S)
        self._producer = self._new_producer()  # the old one may remember that the topic was gone

    def freeze(self):
        self._worker.send_signal(signal.SIGSTOP)

    def go_on(self):
        self._worker.send_signal(signal.SIGCONT)

    def stops_at_a_gap(self, said):
        """The command that the log names for it."""
        wait_until("the worker says so", lambda: ACCEPT.search(self.said()[said:]), PATIENCE_S)
        assert self.is_running()
        return ACCEPT.search(self.said()[said:]).groups()

    def accept(self, topic, partition, offset, until):
        command = (
            "park", POOL, topic, partition, offset, "--until", until, "--reason", "away for a month",
            "--bootstrap", self.servers,
        )  # fmt: skip
        environment = {**os.environ, "COMMONSHELF_PARTITIONS": "1"}
        subprocess.run([sys.executable, "-m", "commonshelf", *command], env=environment, check=True, cwd=self._folder)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with EmbeddedKafka() as kafka, Shop(kafka.bootstrap_servers, tmp_path_factory.mktemp("gaps")) as shop:
        shop.tick()
        shop.wait_served()
        yield shop


@pytest.fixture
def stopped(shop):
    """The worker was killed, and the others go on."""
    shop.stop()
    for _ in range(3):
        shop.tick()
    shop.sell(7)
    yield shop
    assert shop.is_running()


def test_ticks_that_retention_took_unread_are_no_loss(stopped):
    stopped.forget(POOL_TICKS.name)
    stopped.start()
    stopped.wait_served()
    assert stopped.on_hand() == OPENING - stopped.sold
    stopped.tick()
    stopped.wait_served()


def test_sales_that_retention_took_unread_stop_the_partition_until_an_operator_gives_them_up(stopped):
    said, on_hand = len(stopped.said()), stopped.on_hand()
    stopped.forget(POS_SALES.name)
    stopped.sell(2)
    stopped.start()
    topic, partition, offset, until = stopped.stops_at_a_gap(said)
    assert (topic, int(until) - int(offset)) == (POS_SALES.name, 7)
    assert stopped.on_hand() == on_hand

    stopped.accept(topic, partition, offset, until)
    wait_until("the two are taken", lambda: stopped.on_hand() == on_hand - 2, PATIENCE_S)
    stopped.stop()
    stopped.start()  # nothing is asked again
    stopped.sell(1)
    wait_until("it goes on", lambda: stopped.on_hand() == on_hand - 3, PATIENCE_S)


def test_a_topic_that_was_made_anew_is_noticed_although_it_has_the_next_offset(stopped):
    said, on_hand = len(stopped.said()), stopped.on_hand()
    stopped.make_anew(POS_SALES.name)
    stopped.sell(60)
    stopped.start()
    gap = stopped.stops_at_a_gap(said)
    assert gap[3] == "0"
    assert "was deleted and made anew" in stopped.said()[said:]
    assert stopped.on_hand() == on_hand

    stopped.accept(*gap)
    wait_until("all of the new one are taken", lambda: stopped.on_hand() == on_hand - 60, PATIENCE_S)


def test_a_topic_that_is_made_anew_while_it_is_read_is_noticed_although_it_has_the_next_offset(shop):
    """The worker hears nothing of it: it is frozen meanwhile, for less than it takes to lose its place."""
    shop.wait_served()
    said, on_hand = len(shop.said()), shop.on_hand()
    shop.freeze()
    shop.make_anew(POS_SALES.name)
    shop.sell(200)
    shop.go_on()
    gap = shop.stops_at_a_gap(said)
    assert gap[3] == "0"
    assert "was deleted and made anew" in shop.said()[said:]

    shop.accept(*gap)
    wait_until("each of the new one is taken, once", lambda: shop.on_hand() == on_hand - 200, PATIENCE_S)
