"""What a stretch of the changelog leaves in the stores: rows, positions, and who has caught up."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from messaging.rocks import rocks_options
from streams.runtime.local_store import LocalStore
from streams.runtime.restore import _store


class Message:
    """A changelog record, or what librdkafka says instead of one."""

    def __init__(self, partition, offset, key=None, value=None, error=None):
        self._fields = partition, offset, key, value, error

    def partition(self):
        return self._fields[0]

    def offset(self):
        return self._fields[1]

    def key(self):
        return self._fields[2]

    def value(self):
        return self._fields[3]

    def error(self):
        return self._fields[4]


def end(partition, offset):
    return Message(partition, offset, error=KafkaError(KafkaError._PARTITION_EOF))


@pytest.fixture
def stores(tmp_path):
    stores = {n: LocalStore(tmp_path / str(n), n, rocks_options(8), lambda *_: []) for n in (0, 1)}
    yield stores
    for store in stores.values():
        store.close()


def test_rows_go_to_their_partition_and_positions_follow(stores):
    behind = {0: 10, 1: 10}
    _store(stores, behind, [Message(0, 3, b"a", b"1"), Message(1, 7, b"b", b"2"), Message(0, 5, b"a", b"3")])
    assert [list(store.scan("")) for store in stores.values()] == [[("a", b"3")], [("b", b"2")]]
    assert ([store.position for store in stores.values()], behind) == ([6, 8], {0: 10, 1: 10})


def test_a_tombstone_removes_its_row(stores):
    _store(stores, {0: 10}, [Message(0, 0, b"a", b"1")])
    _store(stores, {0: 10}, [Message(0, 1, b"a", None)])
    assert list(stores[0].scan("")) == []


def test_a_partition_has_caught_up_at_the_end_that_was_seen_at_the_start_and_not_before(stores):
    """An end below it is the last stable offset: a transaction is open, and its rows may be about to commit."""
    behind = {0: 10, 1: 4}
    _store(stores, behind, [Message(0, 6, b"a", b"1"), end(0, 7), end(1, 4)])
    assert (behind, stores[0].position, stores[1].position) == ({0: 10}, 7, 4)
    _store(stores, behind, [end(0, 12)])
    assert (behind, stores[0].position) == ({}, 12)


def test_a_position_never_goes_back(stores):
    stores[0].write([], 20)
    _store(stores, {0: 30}, [end(0, 7)])
    assert stores[0].position == 20


def test_any_other_error_is_raised(stores):
    with pytest.raises(KafkaException):
        _store(stores, {0: 10}, [Message(0, 0, error=KafkaError(KafkaError._ALL_BROKERS_DOWN))])
