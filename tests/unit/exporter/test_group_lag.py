"""A group's lag is what lies between its committed offsets and the logs' ends, whatever was deleted before."""

import threading

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from streams.exporter import group_lag
from streams.exporter.group_lag import GroupLag

SALES, TICKS, JOURNAL = "pos.sales.v1", "pool.ticks.v1", "pool.journal.v1"


class Asker:
    """A client of brokers that answer so."""

    def __init__(self, *_):
        self.offsets = {(SALES, 0): 90, (TICKS, 0): 5}
        self.logs = {(SALES, 0): (0, 100), (SALES, 1): (20, 50), (TICKS, 0): (40, 44), (TICKS, 1): (7, 7)}

    def committed(self, places, _):
        return [
            TopicPartition(at.topic, at.partition, self.offsets.get((at.topic, at.partition), OFFSET_INVALID))
            for at in places
        ]

    def get_watermark_offsets(self, place, _):
        return self.logs[place.topic, place.partition]

    def close(self):
        """Nothing."""


def test_what_is_not_committed_counts_from_the_logs_start_on():
    lag = GroupLag({}, {"pool": [SALES, TICKS]}, 2)
    assert lag.ask({"pool": Asker()}) == {("pool", SALES): 10 + 30, ("pool", TICKS): 4}


def test_a_group_that_is_ahead_of_a_look_has_no_lag():
    asker = Asker()
    asker.offsets |= {(SALES, 0): 101, (SALES, 1): 50}
    assert GroupLag({}, {"pool": [SALES]}, 2).ask({"pool": asker}) == {("pool", SALES): 0}


def test_of_a_group_that_has_committed_nothing_no_lag_is_told():
    asker = Asker()
    asker.offsets = {}
    assert GroupLag({}, {"directory": [SALES], "pool": [TICKS]}, 2).ask({"directory": asker, "pool": Asker()}) == {
        ("pool", TICKS): 4
    }


def test_the_marker_behind_the_last_transaction_is_no_lag():
    asker = Asker()
    asker.offsets = {(JOURNAL, 0): 9, (JOURNAL, 1): 4}
    asker.logs = {(JOURNAL, 0): (0, 10), (JOURNAL, 1): (0, 6)}
    lag = GroupLag({}, {"restock": [JOURNAL]}, 2)
    assert lag.ask({"restock": asker}) == {("restock", JOURNAL): 1}
    asker.offsets[JOURNAL, 1] = 5
    assert lag.ask({"restock": asker}) == {("restock", JOURNAL): 0}
    asker.offsets[JOURNAL, 1] = 6
    assert lag.ask({"restock": asker}) == {("restock", JOURNAL): 0}


@pytest.mark.parametrize("answers", [True, False])
def test_nothing_is_shown_while_the_brokers_do_not_answer(answers, monkeypatch):
    lag, stop = GroupLag({}, {"pool": [SALES], "restock": [TICKS]}, 2), threading.Event()
    lag.now = {("pool", SALES): 3}
    stop.set()

    def fail(*_):
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    monkeypatch.setattr(group_lag, "Consumer", Asker)
    if not answers:
        monkeypatch.setattr(Asker, "committed", fail)
    lag.run(stop)
    assert lag.now == ({("pool", SALES): 40, ("restock", TICKS): 4} if answers else {})
