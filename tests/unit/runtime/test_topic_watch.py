"""A topic that is made anew while it is read is noticed within a minute, and nobody waits for Kafka's answer."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.runtime import topic_watch
from streams.runtime.assigned_partition import AssignedPartition
from streams.runtime.merge import Inbox
from streams.runtime.settings import Rejoin
from streams.runtime.topic_watch import EVERY_S, TopicWatch

TOPICS = ("sales", "ticks")


class Kafka:
    """Answers what topics there are, once `answer` is called."""

    def __init__(self):
        self.asked, self.now_s = [], 0.0

    def describe_topics(self, topics, request_timeout):
        self.asked.append({topic: Future() for topic in TOPICS})
        return self.asked[-1]

    def answer(self, **ids):
        for topic, answer in self.asked[-1].items():
            if ids.get(topic) is None:
                answer.set_exception(KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)))
            else:
                answer.set_result(SimpleNamespace(topic_id=ids[topic]))


@pytest.fixture
def kafka(monkeypatch):
    made = Kafka()
    monkeypatch.setattr(topic_watch, "AdminClient", lambda _: made)
    return made


@pytest.fixture
def held():
    inbox = Inbox((), TOPICS)
    return {0: AssignedPartition(0, None, None, inbox, {}, {}, {}, {"sales": "cluster/A", "ticks": "cluster/B"})}


@pytest.fixture
def asking(kafka, held):
    """A watch whose question is under way."""
    watch = TopicWatch({}, TOPICS, lambda: kafka.now_s)
    kafka.now_s = EVERY_S
    watch.mind(held)
    return watch


def test_it_asks_once_a_minute_and_not_again_before_the_answer(kafka, held):
    watch = TopicWatch({}, TOPICS, lambda: kafka.now_s)
    counts = []
    for kafka.now_s in (0, EVERY_S - 1, EVERY_S, 2 * EVERY_S, 3 * EVERY_S):
        watch.mind(held)
        counts.append(len(kafka.asked))
    assert counts == [0, 0, 1, 1, 1]

    kafka.answer(sales="A", ticks="B")
    watch.mind(held)
    watch.mind(held)
    assert len(kafka.asked) == 2


def test_a_topic_of_the_name_that_is_another_means_joining_anew(kafka, held, asking):
    kafka.answer(sales="C", ticks="B")
    with pytest.raises(Rejoin, match="sales was deleted and made anew"):
        asking.mind(held)


def test_one_whose_gap_is_open_is_known(kafka, held, asking):
    held[0].inbox.broken.add("sales")
    kafka.answer(sales="C", ticks="B")
    asking.mind(held)


def test_one_that_is_away_is_the_consumers_to_tell_and_the_others_are_still_looked_at(kafka, held, asking):
    kafka.answer(sales=None, ticks="C")
    with pytest.raises(Rejoin, match="ticks"):
        asking.mind(held)
