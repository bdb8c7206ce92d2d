"""Follows what settlement publishes, as accounting would: what crossed shops, and what netting leaves to pay."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from confluent_kafka import Consumer, Message, TopicPartition

from messaging.client_options import reader_options
from messaging.log_reader import is_record
from schemas.codec import topic_codec
from schemas.partition import partition_of
from schemas.topics import SETTLEMENT_POSTINGS, SETTLEMENT_STATEMENTS
from schemas.types.settlement import LedgerTransaction, SettlementStatement
from streams.settlement.netting import Owed, net

_BATCH = 500
_POLL_S = 0.1
_TIMEOUT_S = 10.0
_NETTED_EACH_S = 1.0
"""Netting takes a while; the figure may be so old."""


@dataclass(slots=True)
class SettlementView:
    """Settlement as seen so far, since the demo began."""

    crossed_minor: int = 0
    """Value that shops owe each other for goods and fees, minor units."""
    debts: int = 0
    """Transactions after which one shop owes another."""
    payments: int = 0
    """What netting leaves of them, each window by itself."""
    windows_closed: int = 0
    _ends_ms: set[int] = field(default_factory=set)
    _owed: dict[int, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))
    """Window → two parties by name → what the second owes the first, minor units."""
    _payments: dict[int, int] = field(default_factory=dict)
    """By window."""
    _changed: set[int] = field(default_factory=set)

    def take_transaction(self, one: LedgerTransaction) -> None:
        """A message of settlement.postings."""
        window = one["window_ms"]
        for posting in one["postings"]:
            party, other, amount = posting["party"], posting["counterparty"], posting["amount_minor"]
            if posting["account"] == "receivable" and other is not None:
                self.crossed_minor += amount
                self.debts += amount > 0
                first, second = sorted((party, other))
                self._owed[window][first, second] += amount if party == first else -amount
                self._changed.add(window)

    def take_statement(self, one: SettlementStatement) -> None:
        """A message of settlement.statements."""
        self._ends_ms.add(one["end_ms"])
        self.windows_closed = len(self._ends_ms)

    def count_payments(self) -> None:
        """Net the windows that have changed."""
        for window in self._changed:
            owed = [Owed(first, second, "", minor, 1) for (first, second), minor in self._owed[window].items()]
            self._payments[window] = sum(len(one.payments) for one in net(owed))
        self._changed.clear()
        self.payments = sum(self._payments.values())


class SettlementWatch:
    """Reads one pool's postings and statements from now on, in a thread of its own.

    `view` is written by that thread only. `check` raises what ended the thread.
    """

    def __init__(self, kafka_options: Mapping[str, str], pool: str, partitions: int) -> None:
        self.view = SettlementView()
        self._pool = pool
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._codecs = {name: topic_codec(name) for name in (SETTLEMENT_POSTINGS.name, SETTLEMENT_STATEMENTS.name)}
        options = reader_options(kafka_options, "commonshelf-demo-settlement") | {"log_level": 2}
        self._consumer = Consumer(options)
        here = [TopicPartition(name, partition_of(pool, partitions)) for name in self._codecs]
        for place in here:
            _, place.offset = self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        self._consumer.assign(here)
        self._thread = threading.Thread(target=self._run, name="settlement-watch", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise what ended the thread, if something did."""
        if self._error is not None:
            raise RuntimeError(f"following the settlement failed: {self._error}") from self._error

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _run(self) -> None:
        try:
            netted_at_s = time.monotonic()
            while not self._stop.is_set():
                for message in self._consumer.consume(_BATCH, _POLL_S):
                    self._take(message)
                if time.monotonic() - netted_at_s > _NETTED_EACH_S:
                    self.view.count_payments()
                    netted_at_s = time.monotonic()
        except Exception as error:  # noqa: BLE001  told by check()
            self._error = error

    def _take(self, message: Message) -> None:
        if not is_record(message):
            return
        row = self._codecs[str(message.topic())].decode(message.value())
        if row["pool"] != self._pool:
            return
        if message.topic() == SETTLEMENT_POSTINGS.name:
            self.view.take_transaction(row)
        else:
            self.view.take_statement(row)
