"""Follows what the ledger makes of the tills' lines, as any downstream service would: by read_committed consumers."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from confluent_kafka import Consumer, Message, TopicPartition

from commonshelf.dead_letters.desk import REPLAY_HEADER
from messaging.client_options import reader_options
from messaging.journal import JournalEntry, read_page
from messaging.log_reader import is_end, is_record
from schemas.codec import topic_codec
from schemas.partition import partition_of
from schemas.topics import POOL_AVAILABILITY, POOL_JOURNAL, POS_SALES, POS_STOCK
from schemas.types.journal import Fact

_BATCH = 500
_POLL_S = 0.05
_TIMEOUT_S = 10.0
_INPUTS = (POS_SALES.name, POS_STOCK.name)


@dataclass(slots=True)
class PromisedStock:
    """The stock of one item that one store can promise."""

    available_milli: int
    unit: str
    recorded_at_ms: int = 0
    """When the news that changed its books last was recorded; what orders hold does not change it."""


@dataclass(slots=True)
class LedgerView:
    """The ledger as seen so far. Lines count every copy that lies on an input topic."""

    lines_published: int = 0
    lines_replayed: int = 0
    """Of these: published again for a dead letter."""
    lines_applied: int = 0
    duplicates_absorbed: int = 0
    """Repeats and lines of outdated versions."""
    lines_quarantined: int = 0
    quarantined_by_reason: Counter[str] = field(default_factory=Counter)
    first_applied_at_s: float | None = None
    """Seconds since 1970 UTC."""
    shelves: dict[str, dict[str, PromisedStock]] = field(default_factory=dict)
    """Availability by SKU and store."""

    @property
    def lines_decided(self) -> int:
        return self.lines_applied + self.duplicates_absorbed + self.lines_quarantined

    @property
    def availability_rows(self) -> int:
        return sum(len(stores) for stores in self.shelves.values())


OnRow = Callable[[str, int], None]
"""Takes the store and the time (ms) at which the newest cause of an availability row was recorded by a store."""


class LedgerWatch:
    """Reads one pool's input topics, journal and availability from now on, in a thread of its own.

    `view` is written by that thread only; read whole numbers from it at any time. `on_row` is called there for each
    availability row that a store's news changed, the moment that it is in hand. `check` raises what ended the thread.
    """

    def __init__(self, kafka_options: Mapping[str, str], pool: str, partitions: int, on_row: OnRow) -> None:
        self.view = LedgerView()
        self._pool = pool
        self._partition = partition_of(pool, partitions)
        self._on_row = on_row
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._codecs = {name: topic_codec(name) for name in (*_INPUTS, POOL_JOURNAL.name, POOL_AVAILABILITY.name)}
        options = reader_options(kafka_options, "commonshelf-demo-watch") | {"fetch.wait.max.ms": 50, "log_level": 2}
        self._consumer = Consumer(options)
        # One that is being polled in another thread does not answer questions about offsets.
        self._asker = Consumer(options)
        starts = {name: self._watermarks(name) for name in self._codecs}
        self._input_starts = {name: starts[name][1] for name in _INPUTS}
        self._next_input = dict(self._input_starts)
        # Availability from its beginning: a table that an earlier run left is still the table.
        self._consumer.assign(
            [
                TopicPartition(name, self._partition, low if name == POOL_AVAILABILITY.name else high)
                for name, (low, high) in starts.items()
            ]
        )
        self._thread = threading.Thread(target=self._run, name="ledger-watch", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise what ended the thread, if something did."""
        if self._error is not None:
            raise RuntimeError(f"following the ledger failed: {self._error}") from self._error

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()
        self._asker.close()

    def has_read_all_inputs(self) -> bool:
        """Whether `lines_published` counts all that lies on the input topics now. Raises KafkaException."""
        return all(self._next_input[name] >= self._watermarks(name)[1] for name in _INPUTS)

    def _watermarks(self, topic: str) -> tuple[int, int]:
        low, high = self._asker.get_watermark_offsets(TopicPartition(topic, self._partition), timeout=_TIMEOUT_S)
        return low, high

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                # consume() alone would wait for a full batch, which shows as latency.
                first = self._consumer.poll(_POLL_S)
                if first is not None:
                    for message in (first, *self._consumer.consume(_BATCH, 0)):
                        self._take(message)
        except Exception as error:  # noqa: BLE001  told by check()
            self._error = error

    def _take(self, message: Message) -> None:
        topic = str(message.topic())
        if not is_record(message):
            if is_end(message):
                self._reached(topic, int(message.offset() or 0))
            return
        if topic == POOL_AVAILABILITY.name:
            self._take_availability(message)
            return
        if topic == POOL_JOURNAL.name:
            for entry in read_page(message.value()):
                self._take_entry(entry)
            return
        value = self._codecs[topic].decode(message.value())
        if value["pool"] == self._pool:
            self.view.lines_published += len(value["lines"])
            if REPLAY_HEADER in dict(message.headers() or ()):
                self.view.lines_replayed += len(value["lines"])
        self._reached(topic, int(message.offset() or 0) + 1)

    def _reached(self, topic: str, offset: int) -> None:
        """Everything before `offset` was read; at the end of an input that may be the marker of a transaction."""
        if topic in self._next_input:
            self._next_input[topic] = max(self._next_input[topic], offset)

    def _take_entry(self, entry: JournalEntry) -> None:
        start = self._input_starts.get(entry.cause.topic)
        if entry.pool != self._pool or start is None or entry.cause.offset < start:
            return
        applied, absorbed, reasons = fact_lines(entry.fact)
        view = self.view
        if applied and view.first_applied_at_s is None:
            view.first_applied_at_s = time.time()
        view.lines_applied += applied
        view.duplicates_absorbed += absorbed
        view.lines_quarantined += sum(reasons.values())
        view.quarantined_by_reason.update(reasons)

    def _take_availability(self, message: Message) -> None:
        raw = message.value()
        if raw is None:
            pool, sku, store = (message.key() or b"").decode().split("/", 2)
            if pool == self._pool:
                self.view.shelves.get(sku, {}).pop(store, None)
            return
        row = self._codecs[POOL_AVAILABILITY.name].decode(raw)
        if row["pool"] != self._pool:
            return
        stores = self.view.shelves.get(row["sku"])
        if stores is None:
            stores = self.view.shelves[row["sku"]] = {}
        before = stores.get(row["store"])
        stores[row["store"]] = PromisedStock(row["available_milli"], row["unit"], row["recorded_at_ms"])
        if before is None or before.recorded_at_ms != row["recorded_at_ms"]:
            self._on_row(row["store"], row["recorded_at_ms"])


def fact_lines(fact: Fact) -> tuple[int, int, Counter[str]]:
    """(lines applied, lines absorbed, lines quarantined by reason) of a journal entry's fact."""
    if fact[0] == "commonshelf.Rejected":
        return 0, 0, Counter({fact[1]["reason"]: fact[1]["lines"]})
    counted = 0
    if fact[0] == "commonshelf.StockReportRecorded":
        counted = len(fact[1]["counted"])
    elif fact[0] != "commonshelf.SaleRecorded":
        return 0, 0, Counter()
    said = fact[1]
    reasons = Counter[str](line["reason"] for line in said["quarantined"])
    applied = len({line["line"] for line in said["applied"] if not line.get("kept")})
    return applied + counted, said["duplicate_lines"] + said["stale_lines"], reasons


def totals(
    shelves: Mapping[str, Mapping[str, PromisedStock]], skus: Iterable[str]
) -> Iterator[tuple[str, int, str, int]]:
    """(SKU, available in the pool, unit, stores that have some) of `skus`."""
    for sku in skus:
        stores = list(shelves.get(sku, {}).values())
        available_milli = sum(shelf.available_milli for shelf in stores)
        unit = stores[0].unit if stores else ""
        yield sku, available_milli, unit, sum(shelf.available_milli > 0 for shelf in stores)
