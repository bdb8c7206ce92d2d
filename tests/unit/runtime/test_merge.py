"""Inputs of one partition are merged by the broker's time: settings first, and nobody overtakes a backlog."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.runtime.contract import InputRecord
from streams.runtime.merge import Inbox, RunMost

PRIORITY, INPUTS = ("config", "items"), ("sales", "stock", "ticks")
TOPICS = PRIORITY + INPUTS


def record(topic, offset, appended_at_ms):
    return InputRecord(topic, 0, offset, appended_at_ms, None, None)


def filled(*records, ended=TOPICS):
    inbox = Inbox(PRIORITY, INPUTS)
    for one in records:
        inbox.add(one)
    for topic in ended:
        inbox.reached_end(topic)
    return inbox


def places(records):
    return [(one.topic, one.offset) for one in records]


def test_a_new_inbox_waits_for_every_input():
    assert Inbox(PRIORITY, INPUTS).starving() == list(TOPICS)


def test_an_inbox_whose_inputs_are_all_at_their_end_has_nothing():
    assert list(filled().ready()) == []


def test_records_come_in_the_broker_s_order_across_inputs():
    inbox = filled(record("ticks", 0, 30), record("sales", 0, 10), record("sales", 1, 40), record("stock", 0, 20))
    assert places(inbox.ready()) == [("sales", 0), ("stock", 0), ("ticks", 0), ("sales", 1)]


def test_settings_come_first_whatever_their_time_and_in_the_declared_order_of_their_topics():
    inbox = filled(record("sales", 0, 1), record("items", 0, 50), record("config", 0, 90), record("config", 1, 99))
    assert places(inbox.ready()) == [("config", 0), ("config", 1), ("items", 0), ("sales", 0)]


def test_records_of_one_millisecond_come_by_topic_name_and_offset():
    inbox = filled(record("stock", 0, 5), record("sales", 0, 5), record("sales", 1, 5), record("ticks", 0, 5))
    assert places(inbox.ready()) == [("sales", 0), ("sales", 1), ("stock", 0), ("ticks", 0)]


def test_of_one_input_as_many_come_together_as_may_go_before_the_next_record_of_another():
    inbox = filled(*[record("sales", at, at) for at in range(6)], record("ticks", 0, 3), record("stock", 0, 9))
    runs = list(inbox.runs(None, lambda topic: RunMost(3 if topic == "sales" else 1, 1)))
    assert [places(run) for run in runs] == [
        [("sales", 0), ("sales", 1), ("sales", 2)], [("sales", 3)], [("ticks", 0)], [("sales", 4), ("sales", 5)],
        [("stock", 0)],
    ]  # fmt: skip


def test_what_comes_together_ends_with_the_record_that_reaches_its_size():
    inbox = Inbox((), ("sales",))
    for at in range(5):
        inbox.add(InputRecord("sales", 0, at, 1, None, b"four"))
    assert [len(run) for run in inbox.runs(None, lambda _: RunMost(9, 8))] == [2, 2, 1]
    assert inbox.waiting_bytes == 0


def test_while_a_record_may_be_blocked_each_comes_alone():
    inbox = filled(record("sales", 0, 1), record("sales", 1, 2), record("sales", 2, 3))
    runs = inbox.runs(lambda one: one.offset == 2, lambda _: RunMost(9, 9))
    assert [places(run) for run in runs] == [[("sales", 0)], [("sales", 1)]]


def test_an_input_that_may_have_more_holds_all_others_back():
    inbox = filled(record("ticks", 0, 1), ended=("config", "items", "stock"))
    assert (inbox.starving(), list(inbox.ready())) == (["sales"], [])
    inbox.add(record("sales", 0, 0))
    assert places(inbox.ready()) == [("sales", 0)]
    inbox.reached_end("sales")
    assert places(inbox.ready()) == [("ticks", 0)]


def test_settings_that_may_have_more_hold_all_others_back():
    assert list(filled(record("sales", 0, 1), ended=("items", *INPUTS)).ready()) == []


def test_a_new_record_ends_the_end():
    inbox = filled(ended=TOPICS)
    inbox.add(record("sales", 0, 1))
    assert places(inbox.ready()) == [("sales", 0)]
    assert inbox.starving() == ["sales"]


def test_a_blocked_setting_stops_all_but_the_settings_before_it_and_stays():
    inbox = filled(record("items", 0, 5), record("items", 1, 6), record("config", 0, 9), record("sales", 0, 1))
    handed = inbox.ready(lambda one: one.topic == "items")
    assert places(handed) == [("config", 0)]
    assert (inbox.backlog("items"), inbox.backlog("sales")) == (2, 1)


def test_a_blocked_record_stops_all_but_settings_and_stays():
    inbox = filled(record("sales", 0, 1), record("stock", 0, 2), record("config", 0, 3))
    assert places(inbox.ready(lambda one: one.topic == "sales")) == [("config", 0)]
    assert (inbox.backlog("sales"), inbox.backlog("stock")) == (1, 1)
    assert places(inbox.ready()) == [("sales", 0), ("stock", 0)]


def test_a_broken_input_holds_all_but_settings_back_also_when_it_seems_to_be_at_its_end():
    inbox = filled(record("sales", 0, 1), record("stock", 0, 2), record("config", 0, 3), ended=())
    inbox.broken.add("ticks")
    for topic in TOPICS:
        inbox.reached_end(topic)
    assert places(inbox.ready()) == [("config", 0)]
    inbox.broken.clear()
    inbox.reached_end("ticks")
    assert places(inbox.ready()) == [("sales", 0), ("stock", 0)]


def test_a_record_behind_others_of_its_input_blocks_only_when_it_is_next():
    inbox = filled(record("sales", 0, 1), record("sales", 1, 1), record("sales", 2, 1))
    assert places(inbox.ready(lambda one: one.offset == 1)) == [("sales", 0)]


def test_what_was_handed_out_is_gone_when_the_reader_stops_half_way():
    inbox = filled(record("sales", 0, 1), record("sales", 1, 2))
    assert next(iter(inbox.ready())).offset == 0
    assert places(inbox.ready()) == [("sales", 1)]


def test_the_backlog_counts_what_was_not_handed_out():
    inbox = filled(record("sales", 0, 1), record("sales", 1, 2))
    assert (inbox.backlog("sales"), inbox.backlog("stock")) == (2, 0)


times = st.lists(st.integers(0, 6), max_size=8).map(sorted)
logs = st.fixed_dictionaries(dict.fromkeys(TOPICS, times))


def as_records(log):
    return {topic: [record(topic, at, time) for at, time in enumerate(times)] for topic, times in log.items()}


@given(log=logs, seed=st.integers(0, 2**32))
@settings(max_examples=300)
def test_however_the_fetches_fall_the_order_of_the_inputs_is_the_same(log, seed):
    """Fetched in any portions, the records that are not settings come out as one sort by (time, topic, offset).

    Ends are reported only at the true end, as the broker does. Settings keep the order of their own topic; where
    they fall between the others depends on when they arrive.
    """
    chance, logs = random.Random(seed), as_records(log)
    inbox, out = Inbox(PRIORITY, INPUTS), []
    left = {topic: list(records) for topic, records in logs.items()}
    while any(left.values()) or inbox.starving():
        topic = chance.choice(TOPICS)
        for _ in range(chance.randint(0, 3)):
            if left[topic]:
                inbox.add(left[topic].pop(0))
        if not left[topic]:
            inbox.reached_end(topic)
        out += inbox.ready()
    out += inbox.ready()
    merged = [one for one in out if one.topic in INPUTS]
    assert merged == sorted(merged, key=lambda one: (one.appended_at_ms, one.topic, one.offset))
    for topic in TOPICS:
        assert [one for one in out if one.topic == topic] == logs[topic]


@given(log=logs)
def test_settings_that_are_there_are_handed_out_before_anything_else(log):
    inbox = filled(*(one for records in as_records(log).values() for one in records))
    kinds = [one.topic in INPUTS for one in inbox.ready()]
    assert kinds == sorted(kinds)
