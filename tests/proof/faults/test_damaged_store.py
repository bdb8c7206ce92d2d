"""A damaged local store must say so: what it cannot read, it must not pass over."""

import os
from contextlib import suppress

import pytest

from messaging.rocks import rocks_options
from streams.runtime.local_store import LocalStore, open_store
from streams.runtime.settings import LocalStoreBroken

ROWS = 10_000


def no_index(row_key, row):
    return []


def test_a_scan_that_meets_a_damaged_block_raises_and_does_not_end_early(tmp_path):
    folder = tmp_path / "partition-0"
    store = LocalStore(folder, 0, rocks_options(8), no_index)
    store.write([(f"pool/{n:05d}", os.urandom(200)) for n in range(ROWS)], position=1)
    store._db.flush()
    store.close()
    [table_file] = folder.glob("*.sst")
    damaged = bytearray(table_file.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    table_file.write_bytes(damaged)

    store = LocalStore(folder, 0, rocks_options(8), no_index)
    with pytest.raises(LocalStoreBroken):
        list(store.scan("pool/"))
    store.close()


def test_a_store_that_damage_keeps_from_flushing_can_be_dropped_and_made_anew(tmp_path):
    folder = tmp_path / "partition-0"
    store = LocalStore(folder, 0, rocks_options(8), no_index)
    for generation in range(3):
        store.write([(f"pool/{n:05d}", os.urandom(200)) for n in range(1_500)], position=generation + 1)
        store._db.flush()
    store.close()
    damage(min(folder.glob("*.sst")))
    store = LocalStore(folder, 0, rocks_options(8), no_index)
    for _ in range(5):
        with suppress(Exception):  # RocksDB compacts in the background and remembers what went wrong there
            store._db.put(b"rpool/00000", b"row")
            store._db.flush()
    with pytest.raises(LocalStoreBroken):
        store.write([("pool/00000", b"row")], position=4)

    store.close()
    store.close()

    store.drop()
    assert open_store(folder, 0, rocks_options(8), no_index).position == 0


def test_a_store_whose_position_cannot_be_read_is_made_anew(tmp_path):
    folder = tmp_path / "partition-0"
    store = LocalStore(folder, 0, rocks_options(8), no_index)
    store.write([(f"pool/{n:05d}", os.urandom(200)) for n in range(100)], position=7)
    store._db.flush()
    store.close()
    for table_file in folder.glob("*.sst"):
        damage(table_file)

    assert open_store(folder, 0, rocks_options(8), no_index).position == 0


def damage(table_file):
    """Change bytes all over its first half."""
    content = bytearray(table_file.read_bytes())
    for at in range(50, len(content) // 2, 2_000):
        content[at] ^= 0xFF
    table_file.write_bytes(content)
