"""The local store is a cache of the changelog: what it says is what was written, or it says that it is broken."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rocksdict import Rdict

from messaging import clock
from messaging.rocks import rocks_options
from streams.runtime.local_store import LocalStore, open_store
from streams.runtime.settings import LocalStoreBroken
from tests.support.waiting import PATIENCE_S

HOUR_MS = 3_600_000


def entries(row_key, row):
    """As in a processor: some rows stand in the index under each of their bytes."""
    return [(row[at : at + 1], row_key.encode()) for at in range(len(row))] if row_key.startswith("page/") else []


@pytest.fixture
def path(tmp_path):
    return tmp_path / "partition-3"


def opened(path):
    return open_store(path, 3, rocks_options(8), entries)


def rewritten(path, key, value):
    """Change one raw key of a closed store."""
    db = Rdict(str(path), options=rocks_options(8))
    db[key] = value
    db.close()


def test_a_new_store_is_empty_at_position_zero(path):
    store = opened(path)
    assert (store.position, store.fetch("a"), list(store.scan(""))) == (0, None, [])


def test_rows_index_and_position_are_there_after_reopening(path):
    store = opened(path)
    store.write([("a", b"1"), ("page/0", b"xy")], 7)
    store.close()
    store = opened(path)
    assert (store.position, store.fetch("a"), store.find_index(b"x"), store.find_index(b"z")) == (
        7, b"1", b"page/0", None,
    )  # fmt: skip


def test_a_scan_gives_the_rows_of_a_prefix_in_key_order(path):
    store = opened(path)
    store.write([("b/2", b""), ("a", b""), ("b/1", b"1"), ("b", b""), ("b0", b""), ("b/ü", b"")], 1)
    assert [key for key, _ in store.scan("b/")] == ["b/1", "b/2", "b/ü"]
    assert [key for key, _ in store.scan("")] == ["a", "b", "b/1", "b/2", "b/ü", "b0"]


def test_a_scan_that_is_left_early_does_no_harm(path):
    store = opened(path)
    store.write([("a", b"1"), ("b", b"2")], 1)
    assert next(iter(store.scan(""))) == ("a", b"1")
    store.write([("a", None)], 2)
    assert list(store.scan("")) == [("b", b"2")]


def test_a_deleted_row_takes_its_index_entries_along(path):
    store = opened(path)
    store.write([("page/0", b"xy")], 1)
    store.write([("page/0", None)], 2)
    assert (store.fetch("page/0"), store.find_index(b"x"), store.find_index(b"y")) == (None, None, None)


def test_an_index_entry_that_points_elsewhere_by_now_stays(path):
    store = opened(path)
    store.write([("page/0", b"xy")], 1)
    store.write([("page/1", b"x")], 2)
    store.write([("page/0", None)], 3)
    assert (store.find_index(b"x"), store.find_index(b"y")) == (b"page/1", None)


@pytest.mark.parametrize("delete_first", [True, False])
def test_an_index_entry_that_moves_in_the_batch_that_deletes_its_row_stays(path, delete_first):
    store = opened(path)
    store.write([("page/0", b"xy")], 1)
    batch = [("page/0", None), ("page/1", b"x")]
    store.write(batch if delete_first else batch[::-1], 2)
    assert (store.find_index(b"x"), store.find_index(b"y")) == (b"page/1", None)


def test_a_row_written_and_deleted_in_one_batch_leaves_nothing(path):
    """A restore hands over a stretch of the changelog, with every state of a row in it."""
    store = opened(path)
    store.write([("page/0", b"x"), ("page/0", b"xy"), ("page/0", None), ("a", b"1"), ("a", b"2")], 5)
    assert (list(store.scan("")), store.find_index(b"x")) == ([("a", b"2")], None)


GROW, NEXT, DROP = "the newest page grows", "a new page begins", "the oldest page goes"


@given(
    batches=st.lists(
        st.lists(st.tuples(st.sampled_from([GROW, NEXT, DROP]), st.binary(min_size=1, max_size=3)), max_size=6),
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_the_store_is_a_dict_whatever_the_batches(batches, tmp_path_factory):
    """Pages grow one after another, and the oldest go first: an entry is on the newest page that has it."""
    store = opened(tmp_path_factory.mktemp("store"))
    model, newest, oldest = {}, 0, 0
    for position, batch in enumerate(batches, start=1):
        rows = []
        for what, added in batch:
            if what == DROP and oldest < newest:
                rows.append((f"page/{oldest}", None))
                oldest += 1
            else:
                newest += what == NEXT
                rows.append((f"page/{newest}", (model.get(f"page/{newest}") or b"") + added))
            model.update(rows[-1:])
        store.write(rows, position)
    model = {key: value for key, value in model.items() if value is not None}
    assert (list(store.scan("")), store.position) == (sorted(model.items()), len(batches))
    places = {
        index_key: row for key, value in sorted(model.items(), key=number) for index_key, row in entries(key, value)
    }
    assert {index_key: store.find_index(index_key) for index_key in places} == places
    store.close()


def number(row):
    return int(row[0].removeprefix("page/"))


@pytest.mark.parametrize("file", ["CURRENT", "MANIFEST"])
def test_a_store_whose_files_are_damaged_is_dropped_and_starts_anew(path, file):
    store = opened(path)
    store.write([("a", b"1")], 7)
    store.close()
    (damaged,) = path.glob(f"{file}*")
    damaged.write_bytes(b"\xff" * damaged.stat().st_size)
    with pytest.raises(LocalStoreBroken, match="partition 3"):
        LocalStore(path, 3, rocks_options(8), entries)
    store = opened(path)
    assert (store.position, store.fetch("a")) == (0, None)


@pytest.mark.parametrize("raw", [b"", b"\xff", b"{}", b"[]", b'{"position": "x", "boot": "", "uptime_ms": 0}', b"7"])
def test_a_store_with_a_position_that_makes_no_sense_is_dropped_and_starts_anew(path, raw):
    store = opened(path)
    store.write([("a", b"1")], 7)
    store.close()
    rewritten(path, b"p", raw)
    store = opened(path)
    assert (store.position, store.fetch("a")) == (0, None)


@pytest.mark.parametrize(("age_ms", "position"), [(0, 7), (11 * HOUR_MS, 7), (13 * HOUR_MS, 0)])
def test_a_copy_that_is_older_than_deletes_are_kept_is_dropped(path, monkeypatch, age_ms, position):
    store = opened(path)
    store.write([("a", b"1")], 7)
    store.close()
    now = clock.uptime()
    monkeypatch.setattr(clock, "uptime", lambda: now._replace(ms=now.ms + 1 + age_ms))
    store = opened(path)
    assert (store.position, store.fetch("a") is None) == (position, position == 0)


def test_a_copy_from_before_the_machine_was_booted_is_dropped_whatever_its_clock_says(path, monkeypatch):
    store = opened(path)
    store.write([("a", b"1")], 7)
    store.close()
    now = clock.uptime()
    monkeypatch.setattr(clock, "uptime", lambda: now._replace(boot="another"))
    monkeypatch.setattr(clock.time, "time_ns", lambda: 0)
    store = opened(path)
    assert (store.position, store.fetch("a")) == (0, None)


def test_the_position_is_kept_with_the_time_of_its_writing(path):
    store = opened(path)
    store.write([], 7)
    store.close()
    db = Rdict(str(path), options=rocks_options(8))
    saved = json.loads(db[b"p"])
    db.close()
    assert (saved["position"], sorted(saved)) == (7, ["boot", "position", "uptime_ms"])


def test_a_store_that_was_closed_under_our_feet_is_broken(path):
    store = opened(path)
    store.write([("a", b"1")], 1)
    store.close()
    for use in (
        lambda: store.fetch("a"),
        lambda: store.find_index(b"x"),
        lambda: list(store.scan("")),
        lambda: store.write([("a", b"2")], 2),
    ):
        with pytest.raises(LocalStoreBroken):
            use()
    assert store.position == 1


def test_dropping_deletes_the_files(path):
    store = opened(path)
    store.write([("a", b"1")], 7)
    store.drop()
    assert not path.exists()


KILLED = """
import os, sys
from pathlib import Path
from messaging.rocks import rocks_options
from streams.runtime.local_store import open_store

store = open_store(Path(sys.argv[1]), 3, rocks_options(8), lambda key, row: [])
for n in range(200):
    store.restore([(f"row/{n}", bytes(1_000))], n + 1)
if sys.argv[2] == "restored":
    store.restored()
    store.write([("row/after", b"1")], 201)
os._exit(9)
"""


@pytest.mark.parametrize(("until", "least"), [("restoring", 0), ("restored", 201)])
def test_a_kill_while_restoring_leaves_what_its_position_says_and_a_later_write_loses_nothing_before_it(
    path, until, least
):
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), until], check=False, timeout=PATIENCE_S)
    assert done.returncode == 9
    store = opened(path)
    assert store.position >= least
    expected = {f"row/{n}" for n in range(min(store.position, 200))} | (
        {"row/after"} if store.position == 201 else set()
    )
    assert {key for key, _ in store.scan("")} == expected
    store.close()
