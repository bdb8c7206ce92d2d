"""Facts per second into the settlement database, the close of a month, a store's statement; checked against a fold.

The journal is the pool's own: its processor takes transfers and sales in this process. Timed is all that the
settlement process does with the journal's records: decode, post, write, commit. Kafka's fetch is not in it.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, inspect
from sqlalchemy.exc import SQLAlchemyError

from bench.errors import BenchError
from bench.settlement_world import journal_of_a_month
from commonshelf.desks.settlement.posted import read_net, read_statement, windows_of
from messaging.journal import JournalEntry, read_page
from streams.runtime.garbage import collect_rarely
from streams.runtime.sink import BATCH_BYTES
from streams.settlement.ledger.ledger import Ledger
from streams.settlement.store.database import migrate, postgresql_engine, reading, sqlite_engine
from streams.settlement.store.outlook import Outlook
from streams.settlement.store.queries import net_positions_of
from streams.settlement.store.sink import SettlementSink
from world.uniform import POOL, store_id

Tell = Callable[[str], None]


def measure_settlement(facts: int, stores: int, postgresql_url: str | None, tell: Tell) -> dict[str, Any]:
    """Settle a month of so many sales. Raises BenchError when a database differs from a fold of the journal.

    postgresql_url: of an empty database, without its password (PGPASSWORD has it); None leaves PostgreSQL out.
    """
    collect_rarely()
    with tempfile.TemporaryDirectory(prefix="shelf-bench-") as folder:
        engines = {"sqlite": sqlite_engine(Path(folder) / "settlement.sqlite3")}
        if postgresql_url is not None:
            engines["postgresql"] = postgresql_engine(postgresql_url, os.environ.get("PGPASSWORD"))
        with ExitStack() as opened:
            for name, engine in engines.items():
                opened.callback(engine.dispose)
                _check_empty(name, engine)
            return _measure_all(facts, stores, engines, tell)


def _measure_all(facts: int, stores: int, engines: Mapping[str, Engine], tell: Tell) -> dict[str, Any]:
    tell(f"making a journal of {facts:,} sales in {stores} stores")
    begun, sales, ended = journal_of_a_month(facts, stores)
    tell("folding it, for the check")
    ledger, crossing, posted = Ledger(POOL, lambda: iter(())), 0, 0
    for pages in (begun, sales, ended):
        found = [ledger.post(entry).transactions for entry in _entries(pages)]
        posted += sum(map(len, found))
        crossing = sum(map(bool, found)) if pages is sales else crossing
    expected = ledger.net_positions()
    figures: dict[str, Any] = {
        "facts": facts, "stores": stores, "crossing_permille": crossing * 1000 // facts, "transactions": posted,
        "cpus": os.cpu_count(),
    }  # fmt: skip
    for name, engine in engines.items():
        try:
            figures |= _measure(name, engine, begun, sales, ended, stores)
            _check(name, engine, posted, expected)
        except SQLAlchemyError as error:
            raise BenchError(f"{name} does not serve: {error}") from error
        tell(f"{name}: {figures[f'facts_per_s_{name}']:,} facts/s; its balances are those of a fold")
    return figures


def _measure(
    name: str, engine: Engine, begun: Sequence[bytes], sales: Sequence[bytes], ended: Sequence[bytes], stores: int
) -> dict[str, Any]:
    migrate(engine)
    sink = SettlementSink(lambda _: lambda: iter(()), Outlook())
    _settle(engine, sink, begun)
    started_cpu_s = time.process_time()
    took_s = _settle(engine, sink, sales)
    cpu_s = time.process_time() - started_cpu_s
    facts = sum(1 for _ in _entries(sales))
    figures: dict[str, Any] = {
        f"facts_per_s_{name}": round(facts / took_s),
        f"cpu_s_per_million_facts_{name}": round(cpu_s * 1_000_000 / facts, 1),
    }
    if name == "sqlite":
        started_s = time.perf_counter()
        _settle(engine, sink, ended)
        with reading(engine) as connection:
            read_net(connection, windows_of(connection, POOL)[0])
        figures["close_month_s"] = round(time.perf_counter() - started_s, 3)
        figures["statement_s"] = round(max(_statement_s(engine, store_id(store)) for store in range(stores)), 3)
    else:
        _settle(engine, sink, ended)
    return figures


def _settle(engine: Engine, sink: SettlementSink, pages: Sequence[bytes]) -> float:
    """Seconds from the first record to the last commit."""
    started_s = time.perf_counter()
    for batch in _batches(pages):
        with engine.begin() as connection:
            sink.apply(connection, _entries(batch))
    return time.perf_counter() - started_s


def _statement_s(engine: Engine, store: str) -> float:
    """Seconds to make a store's statement of the month."""
    started_s = time.perf_counter()
    with reading(engine) as connection:
        read_statement(connection, store, windows_of(connection, POOL)[0])
    return time.perf_counter() - started_s


def _check_empty(name: str, engine: Engine) -> None:
    """Before anything is made for it, a database must be there and empty. Raises BenchError."""
    try:
        tables = inspect(engine).get_table_names()
    except SQLAlchemyError as error:
        raise BenchError(f"{name} does not serve: {error}") from error
    if tables:
        raise BenchError(f"the database of {name} has tables already; name an empty one, for what is there would count")


def _check(name: str, engine: Engine, posted: int, expected: dict[tuple[str, str], int]) -> None:
    with reading(engine) as connection:
        stored = {(one.party, one.currency): one.amount_minor for one in net_positions_of(connection, POOL)}
        count = connection.exec_driver_sql("SELECT count(*) FROM settlement_transactions").scalar()
    if stored != expected or count != posted:
        raise BenchError(f"{name} has {count} transactions and {stored}; a fold has {posted} and {expected}")


def _entries(pages: Sequence[bytes]) -> Iterator[JournalEntry]:
    for page in pages:
        yield from read_page(page)


def _batches(pages: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for page in pages:
        if batch and size + len(page) > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(page)
        size += len(page)
    yield batch
