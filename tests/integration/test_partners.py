"""Partners through a real Kafka: appointments are followed, calls stored and dropped, an older caller is refused."""

import threading

import pytest
from confluent_kafka import Producer

from commonshelf.desks.connector_positions import stored_partner_calls
from connectors.arrival.source import Appointments
from connectors.outbound.driver import Driver
from connectors.outbound.teller import Teller, partner_log
from connectors.writers import Superseded, Writers
from messaging.client_options import producer_options
from messaging.followed import FollowedEvents, FollowedTables
from messaging.publisher import PublishFailed
from schemas.codec import topic_codec
from schemas.partition import partition_of
from schemas.registry import registry
from schemas.topics import ORDERS_EVENTS, PICKUP_APPOINTMENTS
from tests.support.arrival import appointment_row
from tests.support.waiting import PATIENCE_S, until

APPOINTMENTS = PICKUP_APPOINTMENTS.name
LATER = b"\0" + (max(registry().by_id) + 1).to_bytes(4, "big") + b"in words that this release does not know"


class Pool:
    """A pool's topics, an app, and callers of it."""

    def __init__(self, kafka, partitions, name):
        self.options, self.partitions, self.name = kafka.options, partitions, name
        self.got = []
        self._producer = Producer(producer_options(kafka.options))

    def put(self, topic, key, value):
        self.put_bytes(topic, key, None if value is None else topic_codec(topic).encode(value))

    def tell(self, key):
        event = {
            "pool": self.name, "order": "o1", "position": 1, "kind": "report_refused", "reason": "bad_eta",
            "detail": "", "key": key, "store": None, "task": None, "at_ms": 1, "is_plain": False, "status": "",
            "outcome": "", "lines": [], "holds": [], "decision": None, "transfer": None, "slots": [],
        }  # fmt: skip
        self.put(ORDERS_EVENTS.name, "o1", event)

    def put_bytes(self, topic, key, value):
        self._producer.produce(topic, value, f"{self.name}/{key}", partition_of(self.name, self.partitions))
        self._producer.flush(PATIENCE_S)

    def book(self, order, status="booked"):
        self.put(APPOINTMENTS, f"{order}/mill", appointment_row(self.name, order, status=status))

    def forget(self, order):
        self.put(APPOINTMENTS, f"{order}/mill", None)

    def follow(self, topics):
        return FollowedTables(self.options, topics, self.name, self.partitions)

    def caller(self):
        writers = Writers(self.options, self.partitions)

        def stored():
            writers.claim([(self.name, "app")])
            return stored_partner_calls(self.options)

        teller = Teller(self.name, "app", Appointments(self.name, self.follow), lambda _, body: self.got.append(body))
        return Driver(teller, partner_log(stored, writers), 0, lambda _: None, at_once=8)

    def settled(self):
        """How many messages came, when the outcomes of all calls are stored."""
        return len(self.got) if all(pending is None for _, pending in self.calls().values()) else None

    def calls(self):
        found = [row for row in stored_partner_calls(self.options) if row["pool"] == self.name]
        return {row["item"]: (row["sequence"], row["pending"]) for row in found}


@pytest.fixture
def pool(kafka, topics, pool_name):
    return Pool(kafka, topics, pool_name)


def test_an_app_is_told_each_change_once_by_callers_one_after_the_other(pool):
    for number in range(20):
        pool.book(f"o{number}")
    first = pool.caller()
    until(lambda: first.round(threading.Event()) is not None and pool.settled() == 20, "the bookings")
    for number in range(20):
        pool.book(f"o{number}", "handed_over")
    second = pool.caller()
    until(lambda: second.round(threading.Event()) is not None and pool.settled() == 40, "the ends")
    assert len(set(pool.got)) == 40
    assert set(pool.calls().values()) == {(2, None)}
    pool.book("later")
    with pytest.raises(Superseded):
        until(lambda: first.round(threading.Event()) and False, "the refusal")
    for number in range(20):
        pool.forget(f"o{number}")
    until(lambda: second.round(threading.Event()) is not None and set(pool.calls()) == {"later/mill"}, "the end of all")
    assert len(pool.got) == 41


def test_what_changed_while_kafka_was_not_asked_is_found_when_it_is_asked_again(pool):
    tables = pool.follow([APPOINTMENTS])
    pool.book("a")
    pool.book("b")
    keys = [f"{pool.name}/{order}/mill" for order in "abc"]
    assert tables.changes(0) == {(APPOINTMENTS, key) for key in keys[:2]}
    tables.close()
    pool.forget("a")
    pool.book("c")
    assert tables.changes(0) == {(APPOINTMENTS, keys[0]), (APPOINTMENTS, keys[2])}
    assert set(tables.table(APPOINTMENTS)) == set(keys[1:])
    pool.book("b", "ready")
    until(lambda: tables.changes(0.05) == {(APPOINTMENTS, keys[1])}, "the change")
    tables.close()


def test_a_row_of_a_later_release_is_waited_for_and_changes_nothing_that_is_known(pool):
    tables = pool.follow([APPOINTMENTS])
    pool.book("a")
    assert tables.changes(0) == {(APPOINTMENTS, f"{pool.name}/a/mill")}
    pool.put_bytes(APPOINTMENTS, "b/mill", LATER)
    pool.book("a", "ready")
    for _ in range(2):
        with pytest.raises(PublishFailed, match="later release"):
            until(lambda: tables.changes(0.05) and False, "the refusal")
        assert {row["status"] for row in tables.table(APPOINTMENTS).values()} == {"booked"}
    tables.close()


def test_an_event_of_a_later_release_is_waited_for_and_none_behind_it_is_told(pool, kafka, topics):
    events = FollowedEvents(kafka.options, ORDERS_EVENTS.name, pool.name, topics)
    assert events.next(0) == []
    pool.tell("app/1")
    pool.put_bytes(ORDERS_EVENTS.name, "o1", LATER)
    pool.tell("app/2")
    assert [one["key"] for one in until(lambda: events.next(0.05), "the event")] == ["app/1"]
    for _ in range(2):
        with pytest.raises(PublishFailed, match="later release"):
            until(lambda: events.next(0.05) and False, "the refusal")
    events.close()


def test_answers_are_those_of_the_pool_from_now_on(pool, kafka, topics):
    events = FollowedEvents(kafka.options, ORDERS_EVENTS.name, pool.name, topics)
    assert events.next(0) == []
    pool.tell("app/1")
    assert [one["key"] for one in until(lambda: events.next(0.05), "the event")] == ["app/1"]
    events.close()
