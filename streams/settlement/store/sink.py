"""The ledger as a sink: each pool's entries are posted, and what follows is written with the position."""

from collections.abc import Callable, Iterable

from sqlalchemy import Connection, Table, select

from messaging.errors import UserError
from messaging.journal import JournalEntry
from streams.runtime.sink import SinkStopped
from streams.settlement.ledger.ledger import History, Ledger
from streams.settlement.store.batch import Batch
from streams.settlement.store.outlook import Outlook
from streams.settlement.store.tables import heads, ledger_rows

NAME = "settlement"


class SettlementSink:
    """Posts every pool's journal. A database transaction that fails leaves this ahead of it: make another."""

    name = NAME
    tables: tuple[Table, ...] = ()

    def __init__(self, history: Callable[[str], History], outlook: Outlook) -> None:
        """`history` reads a pool's journal from its first entry on; `outlook` is told of all that is posted."""
        self._history = history
        self._outlook = outlook
        self._ledgers: dict[str, Ledger] = {}
        self._heads: dict[str, int] = {}

    def apply(self, connection: Connection, entries: Iterable[JournalEntry]) -> None:
        """See Sink. Raises SinkStopped for an entry that is not the pool's next one, or that cannot be posted."""
        batch = Batch()
        touched: set[str] = set()
        for entry in entries:
            pool = entry.pool
            if pool not in self._ledgers:
                self._load(connection, pool)
            touched.add(pool)
            self._post(entry, batch)
        for pool in sorted(touched):
            batch.keep(pool, self._ledgers[pool].take_changes())
        batch.write(connection)

    def _post(self, entry: JournalEntry, batch: Batch) -> None:
        pool, position, head = entry.pool, entry.position, self._heads[entry.pool]
        if position != head + 1:
            raise SinkStopped(
                f"settlement: the journal of pool {pool} is posted up to position {head}, and {position} comes next; "
                "entries between are missing, or come twice. Restore the journal, or fill an empty database from it"
            )
        try:
            step = self._ledgers[pool].post(entry)
        except UserError:
            raise
        except Exception as error:
            raise SinkStopped(
                f"settlement: the entry of pool {pool} at position {position} ({entry.fact[0]}) cannot be posted "
                f"({type(error).__name__}: {error}); nothing after it is. This is a fault of ours: report the entry, "
                f"which ./shelf history shows, and start the release that mends it"
            ) from error
        self._heads[pool] = position
        self._outlook.note(entry, step)
        batch.add(pool, entry, step)

    def _load(self, connection: Connection, pool: str) -> None:
        """What the database has of a pool, read in the transaction that moves its partition's position."""
        stored = select(ledger_rows.c.name, ledger_rows.c.content).where(ledger_rows.c.pool == pool)
        rows = [(row.name, row.content) for row in connection.execute(stored)]
        self._ledgers[pool] = Ledger.load(pool, self._history(pool), rows)
        head = connection.scalar(select(heads.c.position).where(heads.c.pool == pool))
        self._heads[pool] = head or 0
        self._outlook.load(connection, pool)
