"""A sink for tests: counts the lines that each pool has sold. Runs as a process that may be killed anywhere."""

import sys
import threading
from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table, create_engine, insert, select, update

from commonshelf.stack.parent_watch import end_with_parent
from messaging.journal import JournalEntry
from streams.runtime.sink import SinkSettings, SinkWorker

counts = Table(
    "sold_lines",
    MetaData(),
    Column("pool", String(64), primary_key=True),
    Column("lines", BigInteger, nullable=False),
)


class SaleCounter:
    """Adds, so that an entry that is applied twice shows."""

    name = "sale-counter"
    tables = (counts,)

    def apply(self, connection: Connection, entries: Iterable[JournalEntry]) -> None:
        for entry in entries:
            if entry.fact[0] != "commonshelf.SaleRecorded":
                continue
            lines = len({line["line"] for line in entry.fact[1]["applied"]})
            here = counts.c.pool == entry.pool
            if connection.execute(update(counts).where(here).values(lines=counts.c.lines + lines)).rowcount == 0:
                connection.execute(insert(counts).values(pool=entry.pool, lines=lines))


def counted(engine) -> dict[str, int]:
    """Pool → lines."""
    with engine.connect() as connection:
        return {row.pool: row.lines for row in connection.execute(select(counts))}


def main() -> None:
    end_with_parent()
    bootstrap_servers, topic, database = sys.argv[1:]
    settings = SinkSettings({"bootstrap.servers": bootstrap_servers}, 1, topic)
    SinkWorker(SaleCounter(), create_engine(database), settings).run(threading.Event())


if __name__ == "__main__":
    main()
