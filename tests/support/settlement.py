"""A pool on a bench with an agreement, and its ledger read as an accountant would."""

from collections.abc import Iterable
from typing import Any

from messaging.journal import JournalEntry
from schemas.models.agreement import Agreement
from schemas.models.config import StoreSettings
from streams.settlement.ledger.entries import Step, Transaction
from streams.settlement.ledger.ledger import Ledger
from tests.support.pool import BREAD, DAY_MS, MILK, NOON_MS, OTHER_STORE, POOL, PoolBench, furnished, line

THIRD_STORE = "third"
WEEK_MS = 7 * DAY_MS


def agreement(**terms: Any) -> Agreement:
    """Version 1, in force since long ago: goods at cost plus 10 %, settled weekly."""
    plain = {
        "version": 1, "effective_from_ms": 0, "currency": "EUR",
        "transfer_price": {"kind": "cost_plus", "permille": 100},
    }  # fmt: skip
    return Agreement.model_validate(plain | terms)


def members(milk_milli: int = 10_000, terms: Agreement | None = None, **items: Any) -> PoolBench:
    """Three stores; the first has milk (cost 1.00, price 1.50) and bread (2.00, 3.20), the others nothing."""
    bench = furnished()
    bench.configure(StoreSettings(store=THIRD_STORE, name=THIRD_STORE))
    bench.stock_item(MILK, cost_minor=100, price_minor=150, recorded_at_ms=NOON_MS + 1, **items)
    bench.stock_item(BREAD, cost_minor=200, price_minor=320, recorded_at_ms=NOON_MS + 1)
    if terms is not None:
        bench.configure(terms)
    bench.report("received", "r0", line(milk_milli), line(10_000, BREAD), occurred_at_ms=NOON_MS - 60_000)
    return bench


def collected(bench: PoolBench, order: str, *lines: dict[str, Any], **fields: Any) -> None:
    """An order that is placed, confirmed, picked and handed over by STORE."""
    bench.request("placed", order, *lines, **{"preferred_store": OTHER_STORE} | fields)
    bench.request("confirmed", order)
    bench.fulfil("done", bench.task("pick"), report_id=f"{order}/picked")
    bench.fulfil("done", bench.task("hand_over"), report_id=f"{order}/handed")


def fold(journal: Iterable[JournalEntry], known: Iterable[JournalEntry] = ()) -> tuple[Ledger, list[Step]]:
    """The ledger after a journal, and what each entry brought about."""
    entries = list(journal)
    ledger = Ledger(POOL, lambda: entries)
    return ledger, [ledger.post(entry) for entry in entries]


def transactions(bench: PoolBench) -> list[Transaction]:
    """All that the bench's journal posts."""
    return [one for step in fold(bench.journal())[1] for one in step.transactions]


def owed(bench: PoolBench) -> dict[str, int]:
    """Party → net position in minor units; those that are even are left out."""
    return {party: amount for (party, _), amount in fold(bench.journal())[0].net_positions().items()}


def assert_balanced(found: Iterable[Transaction]) -> None:
    """Each transaction sums to zero for each party and currency."""
    for one in found:
        sums: dict[tuple[str, str], int] = {}
        for posting in one.postings:
            key = (posting.party, posting.currency)
            sums[key] = sums.get(key, 0) + posting.amount_minor
        assert not any(sums.values()), one
