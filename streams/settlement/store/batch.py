"""The rows that a batch of journal entries leaves in the settlement database, written in few large statements."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg.sql import SQL, Identifier
from sqlalchemy import Column, Connection, Table

from streams.settlement.ledger.entries import Entry, Step, Transaction
from streams.settlement.store.tables import heads, ledger_rows, postings, transactions, unpriced, windows

Row = tuple[Any, ...]


class Batch:
    """Rows to be written; `write` adds them to the caller's transaction."""

    def __init__(self) -> None:
        self._heads: dict[str, Row] = {}
        self._transactions: list[Row] = []
        self._postings: list[Row] = []
        self._unpriced: dict[tuple[str, int, int], Row] = {}
        self._priced: list[Row] = []
        self._windows: list[Row] = []
        self._rows: dict[tuple[str, str], str | None] = {}

    def add(self, pool: str, entry: Entry, step: Step) -> None:
        """All that follows from one entry."""
        self._heads[pool] = (pool, entry.position, entry.appended_at_ms)
        for one in step.transactions:
            self._add_transaction(one, entry.appended_at_ms)
        for waiting in step.unpriced:
            name = (pool, waiting.position, waiting.item)
            kind, occurred_at_ms, *about = waiting.about
            self._unpriced[name] = (*name, waiting.reason, kind, occurred_at_ms, *about, entry.position, None)
        for position, item in step.priced:
            name = (pool, position, item)
            if name in self._unpriced:
                self._unpriced[name] = (*self._unpriced[name][:-1], entry.position)
            else:
                self._priced.append((entry.position, *name))
        for window in step.closed:
            self._windows.append(
                (pool, window.start_ms, window.end_ms, window.position, entry.appended_at_ms, window.agreement)
            )

    def keep(self, pool: str, changes: Mapping[str, str | None]) -> None:
        """Changed rows of a ledger's memory."""
        self._rows.update(((pool, name), row) for name, row in changes.items())

    def write(self, connection: Connection) -> None:
        """Raises SQLAlchemyError, and what the database's driver raises."""
        is_sqlite = connection.dialect.name == "sqlite"
        add, put = (_sqlite_insert, _sqlite_put) if is_sqlite else (_copy, _postgresql_put)
        add(connection, transactions, self._transactions)
        add(connection, postings, self._postings)
        add(connection, windows, self._windows)
        put(connection, unpriced, list(self._unpriced.values()))
        mark = "?" if is_sqlite else "%s"
        _run_all(
            connection,
            f"UPDATE {unpriced.name} SET priced_position = {mark} "  # noqa: S608  our own names
            f"WHERE pool = {mark} AND position = {mark} AND item = {mark}",
            self._priced,
        )
        put(connection, ledger_rows, [(*name, row) for name, row in self._rows.items() if row is not None])
        _run_all(
            connection,
            f"DELETE FROM {ledger_rows.name} WHERE pool = {mark} AND name = {mark}",  # noqa: S608
            [name for name, row in self._rows.items() if row is None],
        )
        put(connection, heads, list(self._heads.values()))

    def _add_transaction(self, one: Transaction, posted_at_ms: int) -> None:
        kind, occurred_at_ms, store, order, transfer, sku, quantity_milli, dispute = one.about
        pool, posted_position, sequence, window_ms = one.pool, one.posted_position, one.sequence, one.window_ms
        corrects = one.corrects or (None, None)
        self._transactions.append(
            (
                pool, posted_position, sequence, one.position, posted_at_ms, kind, occurred_at_ms, store, order,
                transfer, sku, quantity_milli, dispute, window_ms, one.belongs_to_ms, one.agreement, *corrects,
                one.sentence,
            )
        )  # fmt: skip
        for number, (party, account, counterparty, amount_minor, currency) in enumerate(one.postings):
            self._postings.append(
                (
                    pool, posted_position, sequence, number, party, account, counterparty, amount_minor, currency,
                    window_ms,
                )
            )  # fmt: skip


def _names(table: Table) -> str:
    return ", ".join(column.name for column in table.columns)


def _on_conflict(table: Table) -> str:
    keys = ", ".join(column.name for column in table.primary_key)
    others = ", ".join(f"{each.name} = excluded.{each.name}" for each in table.columns if not each.primary_key)
    return f"ON CONFLICT ({keys}) DO UPDATE SET {others}"


def _run_all(connection: Connection, statement: str, rows: Sequence[Row]) -> None:
    if rows:
        connection.exec_driver_sql(statement, list(rows))


def _sqlite_insert(connection: Connection, table: Table, rows: Sequence[Row], more: str = "") -> None:
    marks = ", ".join("?" * len(table.columns))
    _run_all(connection, f"INSERT INTO {table.name} ({_names(table)}) VALUES ({marks}) {more}", rows)  # noqa: S608


def _sqlite_put(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    _sqlite_insert(connection, table, rows, _on_conflict(table))


def _copy(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """COPY is several times as fast as INSERT."""
    rows = list(rows)
    if not rows:
        return
    driver: Any = connection.connection.driver_connection
    columns = SQL(", ").join(Identifier(column.name) for column in table.columns)
    statement = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table.name), columns)
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _postgresql_put(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """One statement for all rows, a column's values in an array."""
    if not rows:
        return
    arrays = ", ".join(f"%s::{_type(column)}[]" for column in table.columns)
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({_names(table)}) SELECT * FROM unnest({arrays}) {_on_conflict(table)}",  # noqa: S608
        tuple(list(values) for values in zip(*rows, strict=True)),
    )


def _type(column: Column[Any]) -> str:
    return {"TEXT": "text", "BIGINT": "bigint", "INTEGER": "integer"}[str(column.type)]
