"""While Kafka commits a batch, the next one is read and folded, and nothing of it leaves the worker's memory."""

import json
import threading
import time
from itertools import count
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from prometheus_client import CollectorRegistry

from messaging.rocks import rocks_options
from streams.runtime import session as session_module
from streams.runtime.assigned_partition import AssignedPartition
from streams.runtime.contract import Batch, OutputRecord, StoppedAt
from streams.runtime.failures import Halted
from streams.runtime.local_store import LocalStore
from streams.runtime.lookups import Lookups
from streams.runtime.merge import Inbox
from streams.runtime.metrics import WorkerMetrics
from streams.runtime.pace import Pace
from streams.runtime.session import Session
from streams.runtime.settings import Rejoin, WorkerSettings
from tests.support.kafka_message import kafka_message
from tests.support.waiting import PATIENCE_S, until


def metrics():
    return WorkerMetrics(CollectorRegistry())


class Ledger:
    """A processor whose only partition writes down what comes."""

    name, priority_inputs, inputs, expendable_inputs, changelog = "ledger", (), ("in",), (), "rows"

    def __init__(self):
        self.applied, self.done, self._closed, self._open = [], [], [], []
        self.runs, self.taken_together = {}, []
        self.is_stepped_over = self.is_closed = False

    def apply(self, record):
        if record.value == b"bad" and not self.is_stepped_over:
            raise ZeroDivisionError
        self.applied.append(record.value)
        self._open.append(record.value)

    def apply_run(self, records):
        self.taken_together.append(len(records))
        for record in records:
            try:
                self.apply(record)
            except ZeroDivisionError as error:
                raise StoppedAt(record) from error

    def is_parked(self, record):
        return self.is_stepped_over

    def changed_rows(self):
        return len(self._open)

    def close_batch(self):
        self._closed, self._open = self._open, []
        return Batch([OutputRecord("out", None, value) for value in self._closed], [("last", self._closed[-1])])

    def committed(self):
        self.done += self._closed

    def closed(self):
        self.is_closed = True

    def look_up(self, query):
        return list(self.done)

    def is_gap_accepted(self, gap):
        return gap in self.accepted

    def encode_offsets(self, reached):
        return json.dumps(reached).encode()


class Producer:
    """Kafka's producer, which commits when it is let."""

    def __init__(self):
        self.did = []
        self.may_commit = threading.Event()
        self.error = None
        self.room = 1 << 40
        self._reports = []

    def __len__(self):
        return 0

    def begin_transaction(self):
        self.did.append("begin")

    def produce(self, topic, value, key, partition, on_delivery=None):
        if not self.room:
            raise BufferError
        self.room -= 1
        if topic == "out":
            self.did.append(value)
        if on_delivery is not None:
            self._reports.append(on_delivery)

    def flush(self, timeout_s):
        self.room = 1 << 40
        for report in self._reports:
            report(None, SimpleNamespace(offset=lambda: 7))
        self._reports.clear()
        return 0

    def send_offsets_to_transaction(self, offsets, member, timeout_s):
        self.did.append(member)

    def commit_transaction(self, timeout_s):
        assert self.may_commit.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error
        self.did.append("commit")


class Consumer:
    """Kafka's consumer, with what it has to give: a value for each call."""

    def __init__(self, *values):
        self.member = "member 1"
        self._messages = [[kafka_message("in", offset, value)] for offset, value in enumerate(values)]

    def values(self, *values):
        """What it has is these, all in one call."""
        self._messages = [[kafka_message("in", offset, value) for offset, value in enumerate(values)]]

    def consume(self, number, timeout):
        return self._messages.pop(0) if self._messages else []

    def consumer_group_metadata(self):
        return self.member

    def committed(self, partitions, timeout):
        return []

    def get_watermark_offsets(self, partition, cached):
        return 0, 1 << 40

    def assign(self, partitions):
        """Taken note of by nobody."""

    def close(self):
        """Nothing is open."""


class Worker:
    """A session on these clients, which holds one partition."""

    def __init__(self, folder, monkeypatch):
        self.producer, self.consumer = Producer(), Consumer(b"a", b"b")
        self.lookups, self._folder = Lookups(), folder
        monkeypatch.setattr(session_module, "make_producer", lambda *_: self.producer)
        monkeypatch.setattr(session_module, "make_consumer", lambda _: self.consumer)
        self.batch_rows = 2
        self.pace = Pace(20_000, 5_000)
        self.join(set())

    def join(self, halted):
        """Begin, or begin again when the place was lost. `halted`: where records are at which the fold raised."""
        self.ledger = Ledger()
        settings = WorkerSettings("nowhere:1", "group", "one", self._folder, 1, batch_rows=self.batch_rows)
        self.session = Session(self.ledger, settings, metrics(), self.lookups, halted, threading.Event(), self.pace)
        held = AssignedPartition(0, self._store(), self.ledger, Inbox((), ("in",)), {}, {}, {})
        self.session._assignment = SimpleNamespace(open=lambda *_: {0: held}, starts=lambda _: [])
        self.session._on_assign(self.consumer, [TopicPartition("in", 0)])

    def _store(self):
        return LocalStore(self._folder / "store", 0, rocks_options(1), lambda *_: [])

    def turn(self):
        """One turn of the worker's loop, on its own thread."""
        thread = threading.Thread(target=self.session._step)
        thread.start()
        return thread

    def stored(self):
        """What another process would find on the disk."""
        store = self._store()
        try:
            return store.fetch("last")
        finally:
            store.close()

    def close(self):
        self.producer.may_commit.set()
        self.session._release()


@pytest.fixture
def worker(tmp_path, monkeypatch):
    worker = Worker(tmp_path, monkeypatch)
    yield worker
    worker.close()


def test_a_batch_is_folded_while_the_one_before_is_committed_and_produced_when_that_has_succeeded(worker):
    worker.session._step()
    turn = worker.turn()
    until(lambda: worker.ledger.applied == [b"a", b"b"])
    assert worker.producer.did[:2] == ["begin", b"a"]
    assert b"b" not in worker.producer.did
    assert worker.ledger.done == []

    worker.producer.may_commit.set()
    turn.join(PATIENCE_S)
    worker.session._settle()
    assert worker.producer.did == ["begin", b"a", "member 1", "commit", "begin", b"b", "member 1", "commit"]
    assert worker.ledger.done == [b"a", b"b"]


def test_a_batch_ends_when_it_has_changed_as_many_rows_as_it_may_and_the_rest_waits(worker):
    worker.producer.may_commit.set()
    worker.consumer.values(*[b"%d" % n for n in range(5)])
    worker.session._step()
    assert worker.ledger.applied == [b"0", b"1"]
    worker.session._step()
    worker.session._step()
    worker.session._settle()
    assert worker.ledger.done == [b"0", b"1", b"2", b"3", b"4"]
    assert worker.producer.did.count("commit") == 3


def test_a_batch_ends_when_it_was_folded_for_as_long_as_it_may_and_the_rest_waits(worker, monkeypatch):
    """Here each look at the clock takes a second, as long as a batch may: it has one record, as any batch may."""
    worker.producer.may_commit.set()
    worker.consumer.values(b"a", b"b", b"c")
    seconds = count(1)
    monkeypatch.setattr(session_module, "time", SimpleNamespace(monotonic=lambda: next(seconds), time=time.time))
    worker.session._step()
    assert worker.ledger.applied == [b"a"]
    worker.session._step()
    worker.session._step()
    worker.session._settle()
    assert worker.ledger.done == [b"a", b"b", b"c"]


def test_a_batch_that_failed_is_halved_until_one_is_committed_and_then_grows_again(worker):
    worker.session._release()
    worker.batch_rows = 1_000
    worker.join(set())
    worker.producer.may_commit.set()
    sizes = []
    for _ in range(4):
        worker.producer.error = KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT))
        worker.consumer.values(*[b"%d" % n for n in range(8)])
        worker.session._step()
        sizes.append(len(worker.ledger.applied))
        with pytest.raises(KafkaException):
            worker.session._settle()
        worker.session._release()
        worker.join(set())
    assert sizes == [8, 4, 2, 1]
    assert worker.pace.transaction_timeout_ms == 60_000

    worker.producer.error = None
    worker.consumer.values(*[b"%d" % n for n in range(8)])
    for _ in range(4):
        worker.session._step()
    worker.session._settle()
    assert worker.ledger.applied == [b"%d" % n for n in range(8)]
    assert worker.producer.did.count("commit") == 4  # of one, one, two and four


def test_when_the_client_s_queue_is_full_the_batch_waits_for_room_and_nothing_is_left_out(worker):
    worker.producer.may_commit.set()
    worker.producer.room = 1
    worker.session._step()
    worker.session._step()
    worker.session._settle()
    assert worker.producer.did == ["begin", b"a", "member 1", "commit", "begin", b"b", "member 1", "commit"]
    assert worker.ledger.done == [b"a", b"b"]


def test_a_record_on_which_the_fold_raises_stops_its_partition_before_it_until_it_is_stepped_over(worker):
    worker.producer.may_commit.set()
    worker.consumer.values(b"a", b"bad", b"c")
    with pytest.raises(Halted) as halted:
        worker.session._step()
    worker.session._release()
    assert worker.producer.did == []

    worker.consumer.values(b"a", b"bad", b"c")
    worker.join({halted.value.at})
    worker.session._step()
    worker.session._step()
    worker.session._settle()
    assert worker.ledger.done == [b"a"]

    worker.ledger.is_stepped_over = True
    worker.session._step()
    worker.session._settle()
    assert worker.ledger.done == [b"a", b"bad", b"c"]


def take_together(worker, records_max):
    worker.session._release()
    worker.batch_rows, worker.pace = 1_000, Pace(records_max, 5_000)
    worker.join(set())
    worker.ledger.runs = {"in": worker.ledger.apply_run}
    worker.producer.may_commit.set()


def test_records_that_may_be_taken_together_are_as_many_as_the_batch_has_room_for(worker):
    take_together(worker, 3)
    worker.consumer.values(*[b"%d" % n for n in range(5)])
    worker.session._step()
    worker.session._step()
    assert (worker.ledger.taken_together, worker.ledger.done) == ([3, 2], [b"0", b"1", b"2"])


def test_of_records_that_are_taken_together_the_one_on_which_the_fold_raises_stops_the_partition(worker):
    take_together(worker, 9)
    worker.consumer.values(b"a", b"b", b"bad", b"c")
    with pytest.raises(Halted) as halted:
        worker.session._step()
    assert halted.value.at == ("in", 0, 2)


def test_when_the_commit_fails_nothing_of_the_next_batch_was_produced_and_nothing_is_stored(worker):
    worker.session._step()
    worker.producer.error = KafkaException(KafkaError(KafkaError.PRODUCER_FENCED))
    worker.producer.may_commit.set()
    with pytest.raises(KafkaException):
        worker.session._step()
    worker.session._on_revoke(worker.consumer, [])
    assert (worker.producer.did, worker.ledger.done) == (["begin", b"a", "member 1"], [])
    assert worker.stored() is None


def test_partitions_are_given_back_when_the_commit_in_flight_is_over_and_stored(worker):
    worker.session._step()
    back = threading.Thread(target=worker.session._on_revoke, args=(worker.consumer, []))
    back.start()
    until(lambda: "member 1" in worker.producer.did)
    assert back.is_alive()
    worker.producer.may_commit.set()
    back.join(PATIENCE_S)
    assert worker.stored() == b"a"


def test_a_question_is_answered_from_what_is_committed_and_waits_for_what_is_being_committed(worker):
    answers = []
    asker = threading.Thread(target=lambda: answers.append(worker.lookups.ask({}, timeout_s=PATIENCE_S)))
    asker.start()
    until(worker.lookups.waiting)
    turn = worker.turn()
    until(lambda: "member 1" in worker.producer.did)
    assert answers == []
    worker.producer.may_commit.set()
    turn.join(PATIENCE_S)
    asker.join(PATIENCE_S)
    assert answers == [[b"a"]]


def test_offsets_are_sent_as_the_member_that_was_given_the_partitions_not_as_one_whom_the_group_forgot(worker):
    worker.consumer.member = "nobody"
    worker.producer.may_commit.set()
    worker.session._step()
    worker.session._settle()
    assert worker.producer.did == ["begin", b"a", "member 1", "commit"]


def test_what_the_group_hands_to_a_worker_that_leaves_it_is_not_begun(worker):
    """Kafka's client calls back while it closes, and answers nothing more: that must not end the process."""

    def answer(*_, **__):
        raise KafkaException(KafkaError(KafkaError._DESTROY))

    worker.consumer.committed = answer
    worker.consumer.close = lambda: worker.session._on_assign(worker.consumer, [TopicPartition("in", 1)])
    worker.session._release()
    assert worker.session._held == {}


def test_a_leader_that_moves_while_partitions_are_restored_is_a_reason_to_join_again(worker):
    def given(*_, on_assign, **__):
        def not_led(*_):
            raise KafkaException(KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION))

        worker.session._assignment.open = not_led
        worker.consumer.consume = lambda *_, **__: on_assign(worker.consumer, [TopicPartition("in", 0)])

    worker.producer.init_transactions = worker.producer.abort_transaction = lambda _: None
    worker.consumer.subscribe = given
    with pytest.raises(Rejoin):
        worker.session.run()


def test_a_partition_that_is_given_away_is_told(worker):
    worker.session._on_revoke(worker.consumer, [TopicPartition("in", 0)])
    assert worker.ledger.is_closed
