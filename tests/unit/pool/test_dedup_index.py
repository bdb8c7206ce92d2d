"""The filter in front of the index may be wrong about strangers and never about acquaintances."""

from streams.pool.state import dedup_index
from streams.pool.state.dedup_index import PLACE, FilteredIndex


class Entries:
    """Stored index entries, counting who asks."""

    def __init__(self):
        self.stored = {}
        self.asked = 0

    def find(self, key):
        self.asked += 1
        return self.stored.get(key)

    def index(self):
        return FilteredIndex(self.find, lambda: list(self.stored))


def test_an_event_that_was_stored_before_the_start_is_found():
    entries = Entries()
    entries.stored[b"north" + b"k" * 12] = PLACE.pack(7, 99)
    assert entries.index().find(b"north" + b"k" * 12) == (7, 99)


def test_an_event_that_was_added_and_then_stored_is_found():
    entries = Entries()
    index = entries.index()
    index.add([b"north" + b"k" * 12])
    before = index.find(b"north" + b"k" * 12)
    entries.stored[b"north" + b"k" * 12] = PLACE.pack(2**40, 2**31)
    index.committed()
    assert (before, index.find(b"north" + b"k" * 12)) == (None, (2**40, 2**31))


def test_pools_do_not_share_events():
    entries = Entries()
    entries.stored[b"north" + b"k" * 12] = PLACE.pack(1, 1)
    index = entries.index()
    assert (index.find(b"nort" + b"h" + b"k" * 11), index.find(b"south" + b"k" * 12)) == (None, None)


def test_strangers_are_turned_away_without_asking_the_store():
    entries = Entries()
    index = entries.index()
    for n in range(1_000):
        index.add([b"north" + n.to_bytes(12, "big")])
    found = {index.find(b"north" + n.to_bytes(12, "big")) for n in range(1_000, 3_000)}
    assert found == {None}
    assert entries.asked < 40


def test_a_full_filter_is_made_anew_at_a_commit_and_forgets_nobody(monkeypatch):
    monkeypatch.setattr(dedup_index, "_FIRST_SIZE", 10)
    entries = Entries()
    index = entries.index()
    keys = [n.to_bytes(12, "big") for n in range(500)]
    for page, key in enumerate(keys):
        index.add([b"north" + key])
        entries.stored[b"north" + key] = PLACE.pack(page, 0)
        index.committed()
    assert [index.find(b"north" + key) for key in keys] == [(page, 0) for page in range(500)]
