"""Brings local stores up to the end of their changelog partitions.

The end is the high watermark that a read_uncommitted reader reports, not the last stable offset: the transaction
of an owner that just died may be about to commit, and its rows must be seen before its inputs are read again.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from messaging.client_options import Isolation, reader_options
from streams.runtime.failpoints import failpoint
from streams.runtime.local_store import LocalStore
from streams.runtime.settings import WorkerSettings, WorkerStopped

_REQUEST_TIMEOUT_S = 15.0
_READ_MESSAGES = 500
"""A page of remembered events takes some 50 kB: more of them at once would be the worker's largest need of memory."""
_READ_WAIT_S = 0.05
"""A read waits so long for its messages to be complete: each restart pays it once or twice."""
_WRITE_MESSAGES = 5 * _READ_MESSAGES
_WRITE_BYTES = 16 * 1024 * 1024
"""Several reads are written at once, in which many rows come more than once: the last counts."""


def _reader(settings: WorkerSettings, isolation: Isolation) -> Consumer:
    return Consumer(
        reader_options(settings.client_options(), f"{settings.group}-restore", isolation)
        | {
            "queued.max.messages.kbytes": 32_768,
            "fetch.wait.max.ms": 50,
        }
    )


def changelog_ends(settings: WorkerSettings, topic: str, partitions: list[int]) -> dict[int, tuple[int, int]]:
    """(log start, high watermark) of each changelog partition, open transactions included."""
    reader = _reader(settings, "read_uncommitted")
    try:
        return {
            n: reader.get_watermark_offsets(TopicPartition(topic, n), timeout=_REQUEST_TIMEOUT_S) for n in partitions
        }
    finally:
        reader.close()


def restore(
    settings: WorkerSettings,
    changelog: str,
    stores: Mapping[int, LocalStore],
    reopen: Callable[[int], LocalStore],
    stopping: Callable[[], bool],
    remaining: Callable[[int], None] = lambda _: None,
) -> dict[int, LocalStore]:
    """Catch every store up and return them; `reopen` gives an empty store for one that is ahead of its changelog.

    `remaining` is told after each read how many offsets are left.

    Raises WorkerStopped when rows of the changelog were deleted, or when the worker is asked to stop meanwhile;
    KafkaException when Kafka does.
    """
    ends = changelog_ends(settings, changelog, list(stores))
    caught_up = dict(stores)
    behind: dict[int, int] = {}
    for n, store in stores.items():
        low, high = ends[n]
        if store.position < low:  # compaction never moves a log's start
            raise WorkerStopped(
                f"{changelog}[{n}] begins at offset {low}: its oldest rows were deleted, so state is missing. Restore "
                "the changelog topic, or rebuild it from the journal, before starting again."
            )
        if store.position > high:
            caught_up[n] = reopen(n)
        if caught_up[n].position < high:
            behind[n] = high
    if behind:
        _read_changelog(settings, changelog, caught_up, behind, stopping, remaining)
    return caught_up


def _read_changelog(
    settings: WorkerSettings,
    changelog: str,
    stores: Mapping[int, LocalStore],
    behind: dict[int, int],
    stopping: Callable[[], bool],
    remaining: Callable[[int], None],
) -> None:
    reader = _reader(settings, "read_committed")
    try:
        reader.assign([TopicPartition(changelog, n, stores[n].position or OFFSET_BEGINNING) for n in behind])
        last_progress = time.monotonic()
        while behind:
            if stopping():
                raise WorkerStopped("asked to stop while restoring")
            messages = _read(reader)
            if messages:
                last_progress = time.monotonic()
            elif time.monotonic() - last_progress > 60:
                raise WorkerStopped(f"no word from {changelog} for 60 s while restoring partitions {sorted(behind)}")
            _store(stores, behind, messages)
            remaining(sum(high - stores[n].position for n, high in behind.items()))
            if messages:
                failpoint("mid_restore", len(messages))
    finally:
        reader.close()


def _read(reader: Consumer) -> list[Any]:
    """What has come, as much as one write may take."""
    messages: list[Any] = []
    size = 0
    while len(messages) < _WRITE_MESSAGES and size < _WRITE_BYTES:
        read = reader.consume(_READ_MESSAGES, timeout=_READ_WAIT_S)
        messages += read
        size += sum(map(len, read))
        if len(read) < _READ_MESSAGES:
            break
    return messages


def _store(stores: Mapping[int, LocalStore], behind: dict[int, int], messages: list[Any]) -> None:
    rows: dict[int, list[tuple[str, bytes | None]]] = {}
    positions: dict[int, int] = {}
    reached: set[int] = set()
    for message in messages:
        error = message.error()
        n = message.partition()
        if error is None:
            rows.setdefault(n, []).append((message.key().decode(), message.value()))
            positions[n] = message.offset() + 1
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the constant's only name
            positions[n] = message.offset()
            if message.offset() >= behind.get(n, 0):
                reached.add(n)
        else:
            raise KafkaException(error)
    for n, position in positions.items():
        stores[n].restore(rows.get(n, ()), max(position, stores[n].position))
    for n in reached & behind.keys():
        stores[n].restored()
        del behind[n]
