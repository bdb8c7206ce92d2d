"""RocksDB as both stores of rows use it: options that bound its memory, and a scan in key order."""

from collections.abc import Iterator

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, ReadOptions, WriteBufferManager

_BEHIND_ALL = b"\xff" * 16
"""Sorts behind whatever follows a prefix: keys are text and numbers, which do not begin so."""


def rocks_options(cache_mib: int) -> Options:
    """Options for all stores of a process, which share one block cache, and write buffers of the same size."""
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    table = BlockBasedOptions()
    table.set_block_cache(Cache(cache_mib * 1024 * 1024))
    # Filters and indexes stay in memory (some 2 bytes a row): in the cache, random reads push them out, and every
    # look-up then reads a whole filter from disk.
    table.set_cache_index_and_filter_blocks(False)
    table.set_bloom_filter(10, False)
    table.set_format_version(5)
    options.set_block_based_table_factory(table)
    options.set_write_buffer_manager(WriteBufferManager(cache_mib * 1024 * 1024, allow_stall=False))
    options.set_write_buffer_size(8 * 1024 * 1024)
    options.set_max_write_buffer_number(2)
    options.set_max_background_jobs(2)
    options.set_max_open_files(256)
    options.set_keep_log_file_num(2)
    return options


def scan_prefix(db: Rdict, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
    """Keys that start with `prefix`, and their values, in key order; from behind the key `after`, if that is given.

    Raises what RocksDB raises for damage.
    """
    cursor = db.iter(ReadOptions())
    try:
        cursor.seek(after + b"\0" if after else prefix)
        while cursor.valid():
            key = cursor.key()
            if not key.startswith(prefix):
                return
            yield key, cursor.value()
            cursor.next()
        cursor.status()  # raises when it was damage, not the last row, that ended the scan
    finally:
        del cursor  # an exception that is kept keeps this frame: the cursor in it would keep the files locked


def scan_prefix_back(db: Rdict, prefix: bytes, before: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
    """The same from the last key to the first; from before the key `before`, if that is given."""
    cursor = db.iter(ReadOptions())
    try:
        cursor.seek_for_prev(before or prefix + _BEHIND_ALL)
        while cursor.valid():
            key = cursor.key()
            if not key.startswith(prefix):
                return
            if key != before:
                yield key, cursor.value()
            cursor.prev()
        cursor.status()
    finally:
        del cursor
