"""Follows what the pool tells about orders and tasks, as any downstream service would."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition

from messaging.client_options import reader_options
from messaging.log_reader import is_record
from schemas.codec import topic_codec
from schemas.partition import partition_of
from schemas.topics import ORDERS_EVENTS, POOL_TASKS

_BATCH = 500
_POLL_S = 0.05
_TIMEOUT_S = 10.0
_RATE_OVER_S = 60.0
_ANSWERS = frozenset({"allocated", "unfilled", "refused"})
_KEPT = frozenset({"tentative", "confirmed", "picked"})
Row = Mapping[str, Any]


@dataclass(slots=True)
class OrdersView:
    """The orders as seen so far. Lines are lines of orders."""

    answered: int = 0
    """Orders that were allocated, or refused with a reason."""
    lines_answered: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """Ended orders by outcome."""
    reroutes: int = 0
    late_tasks: int = 0
    """Tasks that nobody claimed or ended in time."""
    orders: dict[str, tuple[int, int]] = field(default_factory=dict)
    """(lines that the pool fills or has filled, holds that go on), by order."""
    reroutes_at_s: deque[float] = field(default_factory=deque)

    @property
    def lines_filled(self) -> int:
        return sum(filled for filled, _ in list(self.orders.values()))

    @property
    def holds(self) -> int:
        """Goods kept for orders now: one hold for each line and store."""
        return sum(holds for _, holds in list(self.orders.values()))

    @property
    def reroutes_per_min(self) -> int:
        """In the last minute."""
        since_s = time.monotonic() - _RATE_OVER_S
        return sum(at_s > since_s for at_s in list(self.reroutes_at_s))

    def take_event(self, event: Row) -> None:
        """A message of orders.events."""
        kind = event["kind"]
        if kind in _ANSWERS and event["order"] not in self.orders:
            self.answered += 1
            self.lines_answered += len(event["lines"])
        if kind == "rerouted":
            self.reroutes += 1
            self.reroutes_at_s.append(time.monotonic())
            while self.reroutes_at_s[0] < time.monotonic() - _RATE_OVER_S:
                self.reroutes_at_s.popleft()
        if event["status"] == "ended" and event["outcome"]:
            self.outcomes[event["outcome"]] += 1
        if event["status"]:
            filled = sum(not line["unfilled_milli"] for line in event["lines"])
            holds = sum(hold["state"] in _KEPT for hold in event["holds"])
            self.orders[event["order"]] = (0 if event["outcome"] == "expired" else filled, holds)


class OrdersWatch:
    """Reads one pool's reroutes and tasks from now on, in a thread of its own, in which `on_event` and `on_task` run.

    `view` is written by that thread only. `check` raises what ended the thread.
    """

    def __init__(
        self,
        kafka_options: Mapping[str, str],
        pool: str,
        partitions: int,
        on_event: Callable[[Row], None],
        on_task: Callable[[Row], None],
    ) -> None:
        self.view = OrdersView()
        self._pool = pool
        self._on_event = on_event
        self._on_task = on_task
        self._late: set[str] = set()
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._codecs = {name: topic_codec(name) for name in (ORDERS_EVENTS.name, POOL_TASKS.name)}
        self._consumer = Consumer(
            reader_options(kafka_options, "commonshelf-demo-orders") | {"fetch.wait.max.ms": 50, "log_level": 2}
        )
        here = [TopicPartition(name, partition_of(pool, partitions)) for name in self._codecs]
        for place in here:
            _, place.offset = self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        self._consumer.assign(here)
        self._thread = threading.Thread(target=self._run, name="orders-watch", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise what ended the thread, if something did."""
        if self._error is not None:
            raise RuntimeError(f"following the orders failed: {self._error}") from self._error

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                for message in self._consumer.consume(_BATCH, _POLL_S):
                    self._take(message)
        except Exception as error:  # noqa: BLE001  told by check()
            self._error = error

    def _take(self, message: Message) -> None:
        if not is_record(message):
            return
        raw = message.value()
        if raw is None:
            return
        row = self._codecs[str(message.topic())].decode(raw)
        if row["pool"] != self._pool:
            return
        if message.topic() == ORDERS_EVENTS.name:
            self.view.take_event(row)
            self._on_event(row)
            return
        if (row["status"] == "late" or row["escalations"]) and row["task"] not in self._late:
            self._late.add(row["task"])
            self.view.late_tasks += 1
        self._on_task(row)
