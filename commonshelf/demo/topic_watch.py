"""Follows topics of one pool from now on, in a thread of its own."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition

from messaging.client_options import reader_options
from messaging.log_reader import is_record
from schemas.codec import topic_codec
from schemas.partition import partition_of

_BATCH = 500
_POLL_S = 0.05
_TIMEOUT_S = 10.0


class TopicWatch(ABC):
    """Whoever extends it says what to do with a row; the thread starts with the base's `__init__`, so call that last.

    name: of what is followed, as in "following the orders failed".
    """

    def __init__(
        self,
        kafka_options: Mapping[str, str],
        name: str,
        topics: Sequence[str],
        pool: str,
        partitions: int,
    ) -> None:
        self._name = name
        self._pool = pool
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._codecs = {topic: topic_codec(topic) for topic in topics}
        self._consumer = Consumer(
            reader_options(kafka_options, f"commonshelf-demo-{name}") | {"fetch.wait.max.ms": 50, "log_level": 2}
        )
        here = [TopicPartition(topic, partition_of(pool, partitions)) for topic in topics]
        for place in here:
            _, place.offset = self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        self._consumer.assign(here)
        self._thread = threading.Thread(target=self._run, name=f"{name}-watch", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise what ended the thread, if something did."""
        if self._error is not None:
            raise RuntimeError(f"following the {self._name} failed: {self._error}") from self._error

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    @abstractmethod
    def _take(self, topic: str, row: Any) -> None:
        """A row of the pool, in the thread."""

    def _between(self) -> None:  # noqa: B027  most have nothing to do then
        """After each look for rows, in the thread."""

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                for message in self._consumer.consume(_BATCH, _POLL_S):
                    self._read(message)
                self._between()
        except Exception as error:  # noqa: BLE001  told by check()
            self._error = error

    def _read(self, message: Message) -> None:
        value = message.value() if is_record(message) else None
        if value is None:
            return
        topic = str(message.topic())
        row = self._codecs[topic].decode(value)
        if row["pool"] == self._pool:
            self._take(topic, row)
