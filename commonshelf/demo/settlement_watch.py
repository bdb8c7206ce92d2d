"""Follows what settlement publishes, as accounting would: what crossed shops, and what netting leaves to pay."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from commonshelf.demo.topic_watch import TopicWatch
from schemas.topics import SETTLEMENT_POSTINGS, SETTLEMENT_STATEMENTS
from schemas.types.settlement import LedgerTransaction, SettlementStatement
from streams.settlement.netting import Owed, net

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


class SettlementWatch(TopicWatch):
    """Reads one pool's postings and statements from now on, in a thread of its own.

    `view` is written by that thread only. `check` raises what ended the thread.
    """

    def __init__(self, kafka_options: Mapping[str, str], pool: str, partitions: int) -> None:
        self.view = SettlementView()
        self._netted_at_s = time.monotonic()
        topics = (SETTLEMENT_POSTINGS.name, SETTLEMENT_STATEMENTS.name)
        super().__init__(kafka_options, "settlement", topics, pool, partitions)

    def _take(self, topic: str, row: Any) -> None:
        if topic == SETTLEMENT_POSTINGS.name:
            self.view.take_transaction(row)
        else:
            self.view.take_statement(row)

    def _between(self) -> None:
        if time.monotonic() - self._netted_at_s > _NETTED_EACH_S:
            self.view.count_payments()
            self._netted_at_s = time.monotonic()
