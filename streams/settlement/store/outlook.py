"""The open ends of each pool's settlement, for the metrics."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, func, select

from messaging.clock import wall_clock_ms
from messaging.journal import JournalEntry
from messaging.metrics import listed
from streams.pool.journal import facts
from streams.settlement.ledger.entries import Step
from streams.settlement.store.tables import ledger_rows, postings, unpriced, windows


class Outlook(Collector):
    """Follows what is posted. `collect` may be called from any thread.

    What a database transaction that failed would have posted counts until `load` reads the pool again.
    """

    def __init__(self, now_ms: Callable[[], int] = wall_clock_ms) -> None:
        self._now_ms = now_ms
        self._closed_until: dict[str, int] = {}
        self._open: dict[str, Counter[tuple[int, str]]] = defaultdict(Counter)
        """Pool → (window, currency) → what is receivable, minor units."""
        self._unpriced: dict[str, dict[tuple[int, int], int]] = defaultdict(dict)
        """Pool → (position, item) → when it happened."""
        self._disputes: dict[str, set[str]] = defaultdict(set)
        self._restated: Counter[str] = Counter()
        self._posted: Counter[str] = Counter()

    def load(self, connection: Connection, pool: str) -> None:
        """What the database has."""
        closed_until = connection.scalar(select(func.max(windows.c.end_ms)).where(windows.c.pool == pool)) or 0
        value = func.sum(postings.c.amount_minor)
        still_open = (
            select(postings.c.window_ms, postings.c.currency, value)
            .where(postings.c.pool == pool, postings.c.account == "receivable", postings.c.window_ms >= closed_until)
            .group_by(postings.c.window_ms, postings.c.currency)
        )
        waiting = select(unpriced.c.position, unpriced.c.item, unpriced.c.occurred_at_ms).where(
            unpriced.c.pool == pool, unpriced.c.priced_position.is_(None)
        )
        disputed = select(ledger_rows.c.name).where(
            ledger_rows.c.pool == pool,
            ledger_rows.c.name.like("disputes/%"),
            ledger_rows.c.content.like('%"status":"open"%'),
        )
        self._closed_until[pool] = closed_until
        self._open[pool] = Counter(
            {(start, currency): int(of) for start, currency, of in connection.execute(still_open)}
        )
        self._unpriced[pool] = {(position, item): at for position, item, at in connection.execute(waiting)}
        self._disputes[pool] = {_dispute_of(name) for name in connection.scalars(disputed)}

    def note(self, entry: JournalEntry, step: Step) -> None:
        """One entry's outcome."""
        pool = entry.pool
        if step.transactions:
            is_open = self._open[pool]
            self._posted[pool] += len(step.transactions)
            for one in step.transactions:
                self._restated[pool] += one.belongs_to_ms < one.window_ms
                for posting in one.postings:
                    if posting.account == "receivable":
                        is_open[one.window_ms, posting.currency] += posting.amount_minor
        for waiting in step.unpriced:
            self._unpriced[pool][waiting.position, waiting.item] = waiting.about.occurred_at_ms
        for name in step.priced:
            self._unpriced[pool].pop(name, None)
        for closed in step.closed:
            self._closed_until[pool] = closed.end_ms
            for window in [each for each in self._open[pool] if each[0] < closed.end_ms]:
                del self._open[pool][window]
        if entry.fact[0] == facts.CONFIG_CHANGE and entry.fact[1]["change"][0] == "commonshelf.Dispute":
            dispute = entry.fact[1]["change"][1]
            if dispute["status"] == "open":
                self._disputes[pool].add(dispute["dispute"])
            else:
                self._disputes[pool].discard(dispute["dispute"])

    def collect(self) -> Iterator[Metric]:
        """The metrics, by pool."""
        value, waiting = listed.SETTLEMENT_UNSETTLED.family(), listed.SETTLEMENT_UNPRICED.family()
        oldest, disputes = listed.SETTLEMENT_OLDEST_UNPOSTED.family(), listed.SETTLEMENT_DISPUTES.family()
        posted, restated = listed.SETTLEMENT_TRANSACTIONS.family(), listed.SETTLEMENT_RESTATEMENTS.family()
        for pool in sorted(self._closed_until):
            sums: Counter[str] = Counter()
            for (_, currency), amount in list(self._open[pool].items()):
                sums[currency] += amount
            for currency, amount in sorted(sums.items()):
                value.add_metric([pool, currency], amount)
            times = list(self._unpriced[pool].values())
            waiting.add_metric([pool], len(times))
            oldest.add_metric([pool], max(self._now_ms() - min(times), 0) / 1000 if times else 0)
            disputes.add_metric([pool], len(self._disputes[pool]))
            posted.add_metric([pool], self._posted[pool])
            restated.add_metric([pool], self._restated[pool])
        yield from (value, waiting, oldest, disputes, posted, restated)


def _dispute_of(name: str) -> str:
    return name.removeprefix('disputes/"').removesuffix('"')
