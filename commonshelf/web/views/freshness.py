"""Up to which position of its pool's journal the tables are surely read: for who wants to read what was written.

A fact, and all that follows from it in the tables' topics, is one Kafka transaction. So once the fact's page can be
read in the journal, what followed from it lies before the present ends of the topics; tables that were read up to there
have it. An open transaction's records count as present: the pages of several topics are committed one by one.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from messaging.client_options import ClientOptions, quiet, reader_options
from messaging.journal import read_page
from messaging.log_reader import is_record
from messaging.offsets import log_ends
from messaging.view import View
from schemas.codec import BadMessage
from schemas.topics import POOL_JOURNAL

_log = logging.getLogger(__name__)
_PAGES = 50
"""Offsets of a journal's end that are read at the start, to know a position before the next fact."""
_BATCH = 1_000
_POLL_S = 0.05
_IDLE_S = 1.0
_ASK_TIMEOUT_S = 10
_PAUSE_S = 0.5


class _Target(NamedTuple):
    """A state of the journals: when the tables have reached `ends`, they have the facts up to `positions`."""

    positions: Mapping[str, int]
    ends: Mapping[tuple[str, int], int]
    """(topic, partition) → the offset behind its last record, committed or not."""


class Freshness:
    """Follows the end of the journals. `position` and `wait_for` may be called from any thread.

    views: by topic; those of the topics that the pools' workers write, or read as settings.
    """

    def __init__(self, kafka_options: ClientOptions, views: Mapping[str, View], partitions: int) -> None:
        self._kafka_options = quiet(kafka_options)
        self._views = views
        self._partitions = range(partitions)
        self._written = [(topic, n) for topic in views for n in self._partitions]
        self._journal: dict[str, int] = {}
        self._sure: dict[str, int] = {}
        self._target: _Target | None = None
        self._waiting = 0
        self._told = ""
        """The last trouble that was logged."""
        self._moved = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="freshness", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def position(self, pool: str) -> int:
        """All facts of `pool` up to this position are in the tables; 0 when nothing is known yet. It may be more."""
        return self._sure.get(pool, 0)

    def wait_for(self, pool: str, position: int, timeout_s: float) -> bool:
        """Wait until the fact at `position` is in the tables; False when it is not in time."""
        with self._moved:
            self._waiting += 1
            try:
                return self._moved.wait_for(lambda: self.position(pool) >= position, timeout_s)
            finally:
                self._waiting -= 1

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except Exception as error:  # noqa: BLE001  whatever it is: who waits is told "not yet", and it is tried again
                if str(error) != self._told:
                    self._told = str(error)
                    _log.warning("the end of the journals is not known for now: %s: %s", type(error).__name__, error)
                self._stop.wait(_PAUSE_S)

    def _follow(self) -> None:
        consumer = Consumer(reader_options(self._kafka_options, "commonshelf-freshness") | {"fetch.wait.max.ms": 20})
        admin = AdminClient(dict(self._kafka_options))
        try:
            consumer.assign([self._start(consumer, n) for n in self._partitions])
            idle_s = 0.0
            while not self._stop.is_set():
                messages = consumer.consume(_BATCH, _POLL_S)
                self._note(messages)
                idle_s += _POLL_S
                if self._target is None and (self._waiting or idle_s >= _IDLE_S):
                    idle_s = 0.0
                    positions = dict(self._journal)
                    self._target = _Target(positions, log_ends(admin, self._written))
                self._check()
        finally:
            consumer.close()

    def _start(self, consumer: Consumer, partition: int) -> TopicPartition:
        part = TopicPartition(POOL_JOURNAL.name, partition)
        first, end = consumer.get_watermark_offsets(part, _ASK_TIMEOUT_S)
        part.offset = max(first, end - _PAGES)
        return part

    def _note(self, messages: Sequence[Message]) -> None:
        for message in filter(is_record, messages):
            try:
                for entry in read_page(message.value()):
                    self._journal[entry.pool] = entry.position
            except BadMessage as error:
                _log.warning("a page of the journal cannot be read: %s", error)

    def _check(self) -> None:
        target = self._target
        if target is None or any(self._views[topic].position(n) < end for (topic, n), end in target.ends.items()):
            return
        self._target = None
        with self._moved:
            self._sure.update(target.positions)
            self._moved.notify_all()
