"""A damaged local store must say so: what it cannot read, it must not pass over."""

import os

import pytest

from streams.runtime.local_store import LocalStore, shared_options
from streams.runtime.settings import LocalStoreBroken

ROWS = 10_000


def no_index(row_key, row):
    return []


def test_a_scan_that_meets_a_damaged_block_raises_and_does_not_end_early(tmp_path):
    folder = tmp_path / "partition-0"
    store = LocalStore(folder, 0, shared_options(8), no_index)
    store.write([(f"pool/{n:05d}", os.urandom(200)) for n in range(ROWS)], position=1)
    store._db.flush()
    store.close()
    [table_file] = folder.glob("*.sst")
    damaged = bytearray(table_file.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    table_file.write_bytes(damaged)

    store = LocalStore(folder, 0, shared_options(8), no_index)
    with pytest.raises(LocalStoreBroken):
        list(store.scan("pool/"))
    store.close()
