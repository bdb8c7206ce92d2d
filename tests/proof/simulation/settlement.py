"""The settlement of a simulated pool: terms drawn from the seed, and the sink on a database, stopped and killed."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import StaticPool

from messaging.journal import JournalEntry, read_page
from schemas.models.agreement import Agreement
from schemas.models.catalog import CatalogItem
from streams.runtime.sink import SinkFenced, SinkSettings, SinkStopped, SinkWorker
from streams.settlement.store.database import migrate
from streams.settlement.store.outlook import Outlook
from streams.settlement.store.sink import SettlementSink
from tests.proof.settlement.judge import problems_of
from tests.proof.simulation.order_checks import require
from tests.support.pool import POOL
from tests.support.settlement_store import stored

Row = dict[str, Any]
ROUND_COST, ODD_COST = 5_000, 123
"""Even for each thousandth of a unit, with a tax of 20 %; and as uneven as any."""


class SettlementTerms:
    """What the members agreed on, and when they tell it: from the start, or after days, dated back."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(f"terms of {seed}")
        self.is_owners = chance.random() < 0.5
        self.told_on_day = chance.choice((0, 0, 2))
        self.is_price_late = not self.is_owners and chance.random() < 0.5
        """Whether some items have no price at first."""
        common = {
            "version": 1, "effective_from_ms": 1, "currency": "EUR", "window": {"every": "daily"}, "tax": "added",
            "handling_fee_minor": 7, "pickup_fee_minor": 3, "no_show_fee_minor": 11,
        }  # fmt: skip
        if self.is_owners:
            own = {
                "ownership": "owner", "transit_loss": "half",
                "shrink": {"bearer": chance.choice(("keeper", "owner", "fund"))},
            }  # fmt: skip
        else:
            own = {
                "transfer_price": {"kind": "cost_plus", "permille": 95}, "referral_permille": 33,
                "customer_pays": chance.choice(("selling", "selling", "fulfilling")),
            }  # fmt: skip
        self.agreement = Agreement.model_validate(common | own)

    def item(self, item: CatalogItem, *, is_priced: bool) -> CatalogItem:
        """The item with what settlement wants to know of it."""
        cost = ROUND_COST if self.is_owners else ODD_COST
        money = {
            "cost_minor": cost if is_priced else None,
            "tax_permille": 200,
            "price_minor": 2 * cost - 1 if is_priced else None,
        }
        return item.model_copy(update=money)


class _KilledError(Exception):
    """The process ends here."""


class _Sink(SettlementSink):
    is_dying = False

    def apply(self, connection: Connection, entries: Iterable[JournalEntry]) -> None:
        super().apply(connection, entries)
        if self.is_dying:
            raise _KilledError


class SettledLife:
    """Follows the journal of one pool into a database in memory, in transactions of any size."""

    def __init__(self, seed: int) -> None:
        self.faults: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        """Transactions by kind, at the end."""
        self._chance = random.Random(f"settlement of {seed}")
        self._pages: list[bytes] = []
        self._engine = create_engine("sqlite://", poolclass=StaticPool)
        migrate(self._engine)
        self._worker, self._sink = self._start()
        self._thought_dead: tuple[SinkWorker, int] | None = None
        """A process that nobody waits for any more, and how far it had come."""
        self._stored = 0

    def _start(self) -> tuple[SinkWorker, _Sink]:
        sink = _Sink(lambda _: self._history, Outlook())
        return SinkWorker(sink, self._engine, SinkSettings({}, 1)), sink

    def _history(self) -> Iterator[JournalEntry]:
        for page in self._pages:
            yield from read_page(page)

    def take(self, pages: Iterable[bytes]) -> None:
        """Pages that the pool wrote; some of them are posted now, and the process may end meanwhile."""
        self._pages += pages
        if self._chance.random() > 0.2:
            return
        draw = self._chance.random()
        if draw < 0.1 and self._stored < len(self._pages):
            self.faults["settlement killed"] += 1
            self._sink.is_dying = True
            try:
                self._store(self._worker, self._stored, len(self._pages))
            except _KilledError:
                self._worker, self._sink = self._start()
        elif draw < 0.2:
            self.faults["settlement thought dead"] += 1
            self._thought_dead = self._worker, self._stored
            self._worker, self._sink = self._start()
        elif draw < 0.3 and self._thought_dead is not None:
            self._let_the_dead_write(*self._thought_dead)
            self._thought_dead = None
        self._post(self._chance.randint(self._stored, len(self._pages)))

    def _post(self, until: int) -> None:
        if until > self._stored:
            try:
                self._store(self._worker, self._stored, until)
            except (SinkStopped, SinkFenced, IntegrityError) as error:
                require(False, "settlement does not go on", error)
            self._stored = until

    def _let_the_dead_write(self, worker: SinkWorker, stored: int) -> None:
        """It goes on where it had come, and must be told that another has."""
        if stored == self._stored:
            return
        try:
            self._store(worker, stored, self._stored)
        except SinkFenced:
            self.faults["settlement fenced"] += 1
            return
        except (SinkStopped, IntegrityError) as error:
            require(False, "a second settlement process wrote", error)
        require(False, "a second settlement process wrote", stored, self._stored)

    def _store(self, worker: SinkWorker, start: int, end: int) -> None:
        worker._store(self._pages[start:end], {0: end})

    def check_end(self, entries: list[JournalEntry]) -> None:
        """All is posted, and each cent is where an independent fold of the journal has it."""
        self._post(len(self._pages))
        found = stored(self._engine, POOL)
        problems = problems_of(entries, found["transactions"], found["closed"])
        require(not problems, "what is posted", *problems)
        self.seen.update(f"posted {one.about.kind}" for one in found["transactions"])
