"""Questions to the settlement database, also about the past: what had happened by then, what was known by then.

Every function takes a connection of `database.reading`, so that the answers of several agree. Raises SQLAlchemyError.
"""

import json
from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, distinct, func, not_, select

from schemas.types.settlement import PublishedUntil
from streams.settlement.ledger.books import OPEN_END, OPEN_START
from streams.settlement.ledger.entries import About, ClosedWindow, Posting, Transaction, Unpriced
from streams.settlement.netting import Owed
from streams.settlement.store.messages import WindowSums, WindowTotal
from streams.settlement.store.tables import heads, ledger_rows, postings, transactions, unpriced, windows


class AsOf(NamedTuple):
    """Bounds of what counts: it happened by a time, and was known by a journal position and by a time. None: all."""

    occurred_until_ms: int | None = None
    known_until_position: int | None = None
    known_until_ms: int | None = None
    """By the time when the broker had what brought the entry about."""


class Head(NamedTuple):
    """The end of what is settled of a pool."""

    pool: str
    position: int
    appended_at_ms: int


class Balance(NamedTuple):
    """The sum of a party's postings on one account with one counterparty."""

    account: str
    counterparty: str | None
    currency: str
    amount_minor: int


class NetPosition(NamedTuple):
    """The sum that others owe a party, less what it owes; below zero it owes."""

    party: str
    currency: str
    amount_minor: int


class Unpublished(NamedTuple):
    """The part of a pool's ledger that waits to be published."""

    transactions: int
    windows: int
    oldest_ms: int | None
    """When the broker had what brought the oldest of them about, ms since 1970 UTC; None when nothing waits."""


NOW = AsOf()
_SEQUENCES = 1_000_000
"""More than an entry posts transactions."""
_OF_POSTING = 4
"""Columns that `transactions_of_party` asks for behind those of the transaction."""
_SAME = and_(
    transactions.c.pool == postings.c.pool,
    transactions.c.posted_position == postings.c.posted_position,
    transactions.c.sequence == postings.c.sequence,
)


def heads_of(connection: Connection) -> list[Head]:
    """How far each pool is settled, by name."""
    return [Head(*row) for row in connection.execute(select(heads).order_by(heads.c.pool))]


def balances_of(
    connection: Connection, pool: str, party: str, as_of: AsOf = NOW, before_window_ms: int | None = None
) -> list[Balance]:
    """A party's balances by account and counterparty, those of zero left out.

    before_window_ms: of windows that start earlier, alone: what it brings into that window.
    """
    amount = func.sum(postings.c.amount_minor)
    by = (postings.c.account, postings.c.counterparty, postings.c.currency)
    wanted = _of_time(select(*by, amount), as_of).where(postings.c.pool == pool, postings.c.party == party)
    if before_window_ms is not None:
        wanted = wanted.where(postings.c.window_ms < before_window_ms)
    found = connection.execute(wanted.group_by(*by).having(amount != 0).order_by(*by))
    return [Balance(account, other, currency, int(total)) for account, other, currency, total in found]


def net_positions_of(
    connection: Connection, pool: str, as_of: AsOf = NOW, window_ms: int | None = None
) -> list[NetPosition]:
    """All parties' net positions, those of zero left out; they sum to zero for each currency.

    window_ms: of the window that starts then, alone.
    """
    amount = func.sum(postings.c.amount_minor)
    by = (postings.c.party, postings.c.currency)
    wanted = _of_time(select(*by, amount), as_of).where(
        postings.c.pool == pool, postings.c.account.in_(("receivable", "payable"))
    )
    if window_ms is not None:
        wanted = wanted.where(postings.c.window_ms == window_ms)
    found = connection.execute(wanted.group_by(*by).having(amount != 0).order_by(*by))
    return [NetPosition(party, currency, int(total)) for party, currency, total in found]


def owed_between(connection: Connection, pool: str, window_ms: int) -> list[Owed]:
    """All that is open between any two parties by the window that starts then, in both parties' books."""
    by = (postings.c.party, postings.c.counterparty, postings.c.currency)
    wanted = select(*by, func.sum(postings.c.amount_minor), func.count()).where(
        postings.c.pool == pool,
        postings.c.window_ms == window_ms,
        postings.c.account.in_(("receivable", "payable")),
        postings.c.counterparty.is_not(None),
    )
    return [
        Owed(party, other, currency, int(amount), count)
        for party, other, currency, amount, count in connection.execute(wanted.group_by(*by).order_by(*by))
    ]


def window_sums_of(connection: Connection, pool: str, window: ClosedWindow) -> WindowSums:
    """The sums of a window, of each party and currency: what it brings, what is added, and what it has lent.

    What is added is told by kind and by the window that it belongs to.
    """
    by = (postings.c.party, postings.c.currency)
    amount = func.sum(postings.c.amount_minor)
    owed = postings.c.account.in_(("receivable", "payable"))

    def sums(*bounds: ColumnElement[bool]) -> dict[tuple[str, str], int]:
        wanted = select(*by, amount).where(postings.c.pool == pool, *bounds).group_by(*by).having(amount != 0)
        return {(party, currency): int(total) for party, currency, total in connection.execute(wanted)}

    kinds = (*by, transactions.c.kind, transactions.c.belongs_to_ms)
    count = func.count(distinct(postings.c.posted_position * _SEQUENCES + postings.c.sequence))
    added = (
        select(*kinds, amount, count)
        .join(transactions, _SAME)
        .where(postings.c.pool == pool, postings.c.window_ms == window.start_ms, owed)
        .group_by(*kinds)
        .having(amount != 0)
        .order_by(*kinds)
    )
    return WindowSums(
        sums(owed, postings.c.window_ms < window.start_ms),
        sums(postings.c.account == "stock_lent", postings.c.window_ms < window.end_ms),
        [
            WindowTotal(party, currency, kind, belongs_to_ms, int(total), number)
            for party, currency, kind, belongs_to_ms, total, number in connection.execute(added)
        ],
    )


def transactions_of(
    connection: Connection,
    pool: str,
    *,
    order: str | None = None,
    transfer: str | None = None,
    dispute: str | None = None,
    store: str | None = None,
    sku: str | None = None,
    after: tuple[int, int] | None = None,
    limit: int | None = None,
    as_of: AsOf = NOW,
) -> list[Transaction]:
    """Transactions in the order in which they were posted, whole: with all parties' postings.

    order, transfer, dispute, store, sku: those about it, or about all that are given.
    after: those behind that (posted position, sequence); limit: so many at most.
    """
    wanted = select(transactions).where(transactions.c.pool == pool, *_bounds(as_of))
    subjects = (
        (transactions.c.order_id, order),
        (transactions.c.transfer, transfer),
        (transactions.c.dispute, dispute),
        (transactions.c.store, store),
        (transactions.c.sku, sku),
    )
    wanted = wanted.where(*(column == subject for column, subject in subjects if subject is not None))
    if after is not None:
        wanted = wanted.where(_behind(after))
    wanted = wanted.order_by(transactions.c.posted_position, transactions.c.sequence)
    if limit is not None:
        wanted = wanted.limit(limit)
    named = wanted.with_only_columns(
        transactions.c.pool, transactions.c.posted_position, transactions.c.sequence
    ).subquery()
    columns = postings.c
    parts = select(
        columns.posted_position,
        columns.sequence,
        columns.party,
        columns.account,
        columns.counterparty,
        columns.amount_minor,
        columns.currency,
    ).join(
        named,
        and_(
            named.c.pool == postings.c.pool,
            named.c.posted_position == postings.c.posted_position,
            named.c.sequence == postings.c.sequence,
        ),
    )
    found: dict[tuple[int, int], list[Posting]] = {}
    in_order = parts.order_by(postings.c.posted_position, postings.c.sequence, postings.c.number)
    for at_position, at_sequence, *posting in connection.execute(in_order):
        found.setdefault((at_position, at_sequence), []).append(Posting(*posting))
    return [_transaction(row, tuple(found[row.posted_position, row.sequence])) for row in connection.execute(wanted)]


def transactions_of_party(connection: Connection, pool: str, party: str, window_ms: int) -> list[Transaction]:
    """What a party has with others in the window that starts then, in the order in which it was posted.

    Each transaction has the party's own postings alone.
    """
    own = postings.c
    wanted = (
        select(transactions, own.account, own.counterparty, own.amount_minor, own.currency)
        .join(postings, _SAME)
        .where(own.pool == pool, own.party == party, own.window_ms == window_ms, own.counterparty.is_not(None))
        .order_by(own.posted_position, own.sequence, own.number)
    )
    in_order = connection.execute(wanted)
    return [
        _transaction(rows[0], tuple(Posting(party, *row[-_OF_POSTING:]) for row in rows))
        for rows in (list(same) for _, same in groupby(in_order, lambda row: (row.posted_position, row.sequence)))
    ]


def count_transactions(connection: Connection, pool: str, until: tuple[int, int]) -> int:
    """How many there are up to that (posted position, sequence)."""
    wanted = select(func.count()).select_from(transactions).where(transactions.c.pool == pool, not_(_behind(until)))
    return int(connection.scalar(wanted) or 0)


def unpublished(connection: Connection, pool: str, until: PublishedUntil | None) -> Unpublished:
    """What there is of a pool behind what is published; None: nothing is."""
    at, until_ms = ((0, -1), 0) if until is None else (
        (until["posted_position"], until["sequence"]), until["windows_until_ms"]
    )  # fmt: skip
    posted = select(func.count(), func.min(transactions.c.posted_at_ms)).where(transactions.c.pool == pool, _behind(at))
    closed = select(func.count(), func.min(windows.c.closed_at_ms)).where(
        windows.c.pool == pool, windows.c.end_ms > until_ms
    )
    (count, posted_at_ms), (number, closed_at_ms) = (connection.execute(one).one() for one in (posted, closed))
    times = [one for one in (posted_at_ms, closed_at_ms) if one is not None]
    return Unpublished(count, number, min(times, default=None))


def unpriced_of(connection: Connection, pool: str, as_of: AsOf = NOW) -> list[Unpriced]:
    """Facts that wait for a price or an agreement, as of a position too; `known_until_ms` bounds nothing here."""
    wanted = select(unpriced).where(unpriced.c.pool == pool)
    if as_of.occurred_until_ms is not None:
        wanted = wanted.where(unpriced.c.occurred_at_ms <= as_of.occurred_until_ms)
    if as_of.known_until_position is None:
        wanted = wanted.where(unpriced.c.priced_position.is_(None))
    else:
        position = as_of.known_until_position
        wanted = wanted.where(
            unpriced.c.known_position <= position,
            unpriced.c.priced_position.is_(None) | (unpriced.c.priced_position > position),
        )
    rows = connection.execute(wanted.order_by(unpriced.c.position, unpriced.c.item))
    return [Unpriced(row.pool, row.position, row.item, row.reason, _about(row)) for row in rows]


def closed_windows_of(connection: Connection, pool: str) -> list[ClosedWindow]:
    """Windows that closed, oldest first."""
    wanted = select(windows).where(windows.c.pool == pool).order_by(windows.c.start_ms)
    return [
        ClosedWindow(row.pool, row.start_ms, row.end_ms, row.position, row.agreement)
        for row in connection.execute(wanted)
    ]


def open_window_of(connection: Connection, pool: str) -> tuple[int, int] | None:
    """(Start, end) of the window that is open; None before anything was posted under an agreement."""
    names = [f"times/{json.dumps(name)}" for name in (OPEN_START, OPEN_END)]
    wanted = select(ledger_rows.c.name, ledger_rows.c.content).where(
        ledger_rows.c.pool == pool, ledger_rows.c.name.in_(names)
    )
    found = {row.name: int(row.content) for row in connection.execute(wanted)}
    return None if len(found) < len(names) else (found[names[0]], found[names[1]])


def disputes_of(connection: Connection, pool: str) -> list[dict[str, Any]]:
    """Disputes as they stand, by name: the fields of `schemas.models.agreement.Dispute`."""
    wanted = select(ledger_rows.c.content).where(ledger_rows.c.pool == pool, ledger_rows.c.name.like("disputes/%"))
    return [json.loads(content)["dispute"] for content in connection.scalars(wanted.order_by(ledger_rows.c.name))]


def agreements_of(connection: Connection, pool: str) -> list[dict[str, Any]]:
    """The agreement's versions, lowest first: the fields of `schemas.models.agreement.Agreement`."""
    wanted = select(ledger_rows.c.content).where(ledger_rows.c.pool == pool, ledger_rows.c.name.like("agreements/%"))
    found: Iterable[dict[str, Any]] = map(json.loads, connection.scalars(wanted))
    return sorted(found, key=lambda one: int(one["version"]))


def _of_time(wanted: Select[Any], as_of: AsOf) -> Select[Any]:
    if as_of.occurred_until_ms is None and as_of.known_until_ms is None:
        bounds = () if as_of.known_until_position is None else (
            postings.c.posted_position <= as_of.known_until_position,
        )  # fmt: skip
        return wanted.where(*bounds)
    return wanted.join(transactions, _SAME).where(*_bounds(as_of))


def _behind(name: tuple[int, int]) -> ColumnElement[bool]:
    """Behind that (posted position, sequence), in a form that an index serves."""
    position, sequence = name
    at, number = transactions.c.posted_position, transactions.c.sequence
    return and_(at >= position, (at > position) | (number > sequence))


def _bounds(as_of: AsOf) -> list[ColumnElement[bool]]:
    bounds = (
        (transactions.c.occurred_at_ms, as_of.occurred_until_ms),
        (transactions.c.posted_position, as_of.known_until_position),
        (transactions.c.posted_at_ms, as_of.known_until_ms),
    )
    return [column <= most for column, most in bounds if most is not None]


def _transaction(row: Row[Any], parts: tuple[Posting, ...]) -> Transaction:
    corrects = None if row.corrects_position is None else (row.corrects_position, row.corrects_sequence)
    return Transaction(
        row.pool, row.position, row.posted_position, row.sequence, _about(row), row.window_ms, row.belongs_to_ms,
        row.agreement, corrects, row.sentence, parts,
    )  # fmt: skip


def _about(row: Row[Any]) -> About:
    return About(
        row.kind, row.occurred_at_ms, row.store, row.order_id, row.transfer, row.sku, row.quantity_milli, row.dispute
    )
