"""The settlement database of a bench's journal, and what an independent fold of the journal says it must hold."""

from typing import Any

from schemas.models.agreement import Dispute
from streams.settlement.ledger.entries import ClosedWindow, Transaction, Unpriced
from streams.settlement.ledger.ledger import Ledger
from streams.settlement.store.database import reading
from streams.settlement.store.outlook import Outlook
from streams.settlement.store.queries import closed_windows_of, transactions_of, unpriced_of
from streams.settlement.store.sink import SettlementSink
from streams.settlement.store.tables import ledger_rows, metadata
from tests.support.pool import BREAD, DAY_MS, FLOUR, NOON_MS, OTHER_STORE, STORE, line, wanted
from tests.support.settlement import THIRD_STORE, agreement, collected, members
from tests.support.transfers import came, place, tell


def sink(journal, outlook=None) -> SettlementSink:
    """A sink whose pools have this journal as their history."""
    return SettlementSink(lambda pool: lambda: (one for one in journal if one.pool == pool), outlook or Outlook())


def folded(journal, pool) -> dict[str, Any]:
    """All that the database must hold of a pool."""
    entries = [entry for entry in journal if entry.pool == pool]
    ledger, posted, closed = Ledger(pool, lambda: entries), [], []
    waiting: dict[tuple[int, int], Unpriced] = {}
    for entry in entries:
        step = ledger.post(entry)
        posted += step.transactions
        closed += step.closed
        waiting |= {(one.position, one.item): one for one in step.unpriced}
        for name in step.priced:
            waiting.pop(name)
    return {
        "transactions": posted, "closed": closed, "unpriced": [waiting[name] for name in sorted(waiting)],
        "rows": {name: row for name, row in ledger.take_changes().items() if row is not None},
    }  # fmt: skip


def stored(engine, pool) -> dict[str, list[Transaction] | list[ClosedWindow] | list[Unpriced] | dict[str, str]]:
    """The same as the database has it."""
    with reading(engine) as connection:
        rows = connection.execute(ledger_rows.select().where(ledger_rows.c.pool == pool))
        return {
            "transactions": transactions_of(connection, pool), "closed": closed_windows_of(connection, pool),
            "unpriced": unpriced_of(connection, pool), "rows": {row.name: row.content for row in rows},
        }  # fmt: skip


def drop_all(engine) -> None:
    """Leave nothing for the next test."""
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE IF EXISTS sink_positions")
        connection.exec_driver_sql("DROP TABLE IF EXISTS settlement_version")


def busy(rounds=3, *, is_priced=True):
    """A pool with everything that the ledger posts: orders, transfers, lots, losses, returns, prices that come late
    (or never), a window that closes, an agreement dated back, a dispute, a sale that is told too late."""
    terms = {
        "ownership": "owner", "tax": "added", "handling_fee_minor": 7, "shrink": {"bearer": "fund", "covers": "all"},
        "transit_loss": "half", "insurance": {"premium_ppm_per_day": 900}, "window": {"every": "daily"},
    }  # fmt: skip
    bench = members(1_000_000, agreement(**terms), tax_permille=190)
    bench.stock_item(FLOUR, unit="kg", price_minor=90, recorded_at_ms=NOON_MS + 1)
    bench.report("received", "flour", line(9_000_000, FLOUR), occurred_at_ms=NOON_MS - 60_000)
    bench.tick(NOON_MS)
    for number in range(rounds):
        at = NOON_MS + number * 60_000
        then = {"occurred_at_ms": at + 2_000, "recorded_at_ms": at + 2_000}
        place(bench, transfer=f"t{number}")
        tell(bench, "shipped", came(6_000), transfer=f"t{number}", occurred_at_ms=at)
        tell(bench, "received", came(5_000), transfer=f"t{number}", occurred_at_ms=at + 1_000)
        collected(bench, f"o{number}", wanted(2_000, BREAD), wanted(1_000, FLOUR))
        bench.sell(
            f"back{number}", line(1_000, BREAD, kind="return", price_minor=-149), order_ref=f"o{number}",
            store=THIRD_STORE, **then,
        )  # fmt: skip
        bench.sell(f"s{number}", line(3_000), store=OTHER_STORE, **then)
        bench.sell(f"s{number}", line(1_000), store=OTHER_STORE, version=2, **then)
        counted = {"occurred_at_ms": at + 5_000, "recorded_at_ms": at + 5_000}
        bench.report("counted", f"c{number}", line(1_000), store=OTHER_STORE, **counted)
    bench.configure(Dispute(dispute="d1", store=STORE, posted_position=1, sequence=0, text="Not ours", status="open"))
    bench.commit()
    if is_priced:
        bench.stock_item(FLOUR, unit="kg", price_minor=90, cost_minor=60, recorded_at_ms=NOON_MS + 2)
    bench.configure(agreement(version=2, effective_from_ms=5, **terms | {"handling_fee_minor": 9}))
    bench.pass_time(NOON_MS + 3 * DAY_MS)
    late = {"occurred_at_ms": NOON_MS + 3_600_000, "recorded_at_ms": NOON_MS + 3_600_000}
    bench.sell("late", line(1_000), store=OTHER_STORE, appended_at_ms=NOON_MS + 3 * DAY_MS, **late)
    bench.commit()
    return bench
