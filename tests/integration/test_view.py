"""A view is what was committed last, however it was stopped, damaged or left behind."""

import uuid

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from rocksdict import Rdict

from messaging.client_options import producer_options
from messaging.clock import Uptime, uptime
from messaging.rocks import rocks_options
from messaging.view import View, ViewDamaged
from tests.support.waiting import PATIENCE_S, until

PARTITIONS = 2
MARK = b"mark"
HOUR_MS = 3_600_000


class Table:
    """A compacted topic of one test, and who writes to it."""

    def __init__(self, options):
        self.options = options
        self.name = f"view-{uuid.uuid4().hex[:12]}"
        self.admin = AdminClient(options)
        self.create()
        self.producer = Producer(producer_options(options))

    def create(self):
        topic = NewTopic(self.name, PARTITIONS, 1, config={"cleanup.policy": "compact"})
        self.admin.create_topics([topic])[self.name].result(PATIENCE_S)

    def delete(self):
        self.admin.delete_topics([self.name])[self.name].result(PATIENCE_S)
        until(lambda: self.name not in self.admin.list_topics(timeout=10).topics)

    def put(self, key, value, partition=0):
        """Returns the record's offset."""
        offsets = []
        self.producer.produce(
            self.name, value, key, partition, on_delivery=lambda error, sent: offsets.append((error, sent.offset()))
        )
        self.producer.flush(PATIENCE_S)
        [(error, offset)] = offsets
        assert error is None
        return offset


@pytest.fixture
def table(kafka):
    return Table(kafka.options)


@pytest.fixture
def view(table, tmp_path):
    """Opens a view on the test's folder, ready."""

    def open_it(**options):
        return Opened(View(table.options, table.name, tmp_path / "view", **options))

    return open_it


class Opened:
    """A view from when it is ready until it is stopped."""

    def __init__(self, view):
        self._view = view

    def __enter__(self):
        self._view.__enter__()
        assert self._view.wait_ready(PATIENCE_S)
        return self._view

    def __exit__(self, *told):
        self._view.__exit__(*told)


def mark(tmp_path):
    """Put a row into the stopped view's files that Kafka never had: it stays unless the table is read anew."""
    db = Rdict(str(tmp_path / "view"), options=rocks_options(8))
    db[b"r" + MARK] = b"1"
    db.close()


def rows(view):
    return dict(view.scan())


def test_what_was_written_is_read_once_it_is_waited_for(table, view):
    table.put(b"a", b"1")
    with view() as opened:
        offset = table.put(b"b", b"2", partition=1)
        assert opened.wait_for(1, offset, PATIENCE_S)
        assert (opened.get(b"a"), opened.get(b"b"), opened.get(b"c")) == (b"1", b"2", None)
        assert not opened.wait_for(1, offset + 1, 0.05)


def test_the_newest_value_counts_and_a_tombstone_deletes(table, view):
    for value in (b"1", b"2"):
        table.put(b"a", value)
    table.put(b"b", b"1")
    with view() as opened:
        assert rows(opened) == {b"a": b"2", b"b": b"1"}
        opened.wait_for(0, table.put(b"b", None), PATIENCE_S)
        assert rows(opened) == {b"a": b"2"}


def test_a_scan_gives_the_keys_of_a_prefix_in_order(table, view):
    for key in (b"north/b", b"south/a", b"north/a", b"north0"):
        table.put(key, key.upper())
    with view() as opened:
        assert list(opened.scan(b"north/")) == [(b"north/a", b"NORTH/A"), (b"north/b", b"NORTH/B")]


def test_a_restart_goes_on_from_where_it_stopped(table, view, tmp_path):
    table.put(b"a", b"1")
    with view():
        pass
    mark(tmp_path)
    table.put(b"a", b"2")
    with view() as opened:
        assert rows(opened) == {b"a": b"2", MARK: b"1"}


def test_a_copy_that_is_damaged_is_read_anew(table, view, tmp_path):
    table.put(b"a", b"1")
    with view():
        pass
    mark(tmp_path)
    (tmp_path / "view" / "CURRENT").write_bytes(b"no such manifest\n")
    with view() as opened:
        assert rows(opened) == {b"a": b"1"}


def test_a_copy_that_breaks_while_it_is_used_is_read_anew(table, view):
    table.put(b"a", b"1")
    with view() as opened:
        opened._db.close()
        with pytest.raises(ViewDamaged):
            opened.get(b"a")
        until(lambda: opened._db is not None and not opened._is_damaged and opened.ready().ok)
        assert opened.get(b"a") == b"1"


def test_a_topic_that_was_made_again_is_another_table(table, view, tmp_path):
    table.put(b"a", b"1")
    table.put(b"b", b"1")
    with view():
        pass
    mark(tmp_path)
    table.delete()
    table.create()
    table.put(b"b", b"2")
    with view() as opened:
        assert rows(opened) == {b"b": b"2"}


def test_a_copy_that_may_have_missed_deletes_is_read_anew(table, view, tmp_path):
    table.put(b"a", b"1")
    with view():
        pass
    mark(tmp_path)
    later = Uptime(uptime().boot, uptime().ms + 13 * HOUR_MS)
    for now in (later, Uptime("another boot", 0)):
        with view(now=lambda now=now: now) as opened:
            assert rows(opened) == {b"a": b"1"}
        mark(tmp_path)


def test_what_was_not_committed_is_not_there(kafka, table, view):
    producer = Producer(producer_options(kafka.options) | {"transactional.id": table.name})
    producer.init_transactions(PATIENCE_S)
    for value, ends in ((b"1", producer.commit_transaction), (b"2", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(table.name, value, b"a", 0)
        ends(PATIENCE_S)
    with view() as opened:
        assert rows(opened) == {b"a": b"1"}


def test_only_the_partitions_that_are_named_are_followed(table, view):
    table.put(b"a", b"1", partition=0)
    table.put(b"b", b"1", partition=1)
    with view(partitions=[1]) as opened:
        assert rows(opened) == {b"b": b"1"}
    with view() as opened:
        assert rows(opened) == {b"a": b"1", b"b": b"1"}


def test_it_is_not_ready_before_it_has_read_the_table(table, tmp_path):
    status = View(table.options, table.name, tmp_path / "view").ready()
    assert (status.ok, status.facts) == (False, {"reason": f"Kafka is asked for {table.name}"})
