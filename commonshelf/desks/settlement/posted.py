"""The ledger of a pool, as the settlement database has it: windows, statements, what netting leaves to pay."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from messaging.errors import UserError
from schemas.types.agreement import Dispute
from streams.settlement.ledger.entries import Transaction
from streams.settlement.netting import Netted, net
from streams.settlement.statements import OWED, Before, Statement, Window, statement
from streams.settlement.store.queries import (
    agreements_of,
    balances_of,
    closed_windows_of,
    disputes_of,
    open_window_of,
    owed_between,
    transactions_of,
    transactions_of_party,
)


class NothingPostedError(UserError):
    """The pool's ledger has not what was asked for; the sentence says why."""


def zone_of_windows(connection: Connection, pool: str) -> tzinfo:
    """The time zone of the newest agreement's windows; UTC before there is one."""
    newest = max(
        agreements_of(connection, pool), key=lambda one: (one["effective_from_ms"], one["version"]), default=None
    )
    return UTC if newest is None else ZoneInfo(newest["window"]["time_zone"])


def windows_of(connection: Connection, pool: str) -> list[Window]:
    """Those that closed, oldest first, and the one that is open."""
    found = [Window(pool, one.start_ms, one.end_ms, is_closed=True) for one in closed_windows_of(connection, pool)]
    is_open = open_window_of(connection, pool)
    return found if is_open is None else [*found, Window(pool, *is_open, is_closed=False)]


def choose_window(found: Sequence[Window], pool: str, day: date | None, zone: tzinfo) -> Window:
    """The window that has noon of a day; without a day the newest that closed, else the open one.

    Raises NothingPostedError.
    """
    if not found:
        raise NothingPostedError(
            f"nothing is settled in pool {pool} yet: it has no agreement, or nothing has happened under it"
        )
    if day is None:
        return next((one for one in reversed(found) if one.is_closed), found[-1])
    noon_ms = int(datetime.combine(day, time(12), zone).timestamp() * 1000)
    for one in found:
        if one.start_ms <= noon_ms < one.end_ms:
            return one
    first, last = (datetime.fromtimestamp(at / 1000, zone) for at in (found[0].start_ms, found[-1].end_ms))
    raise NothingPostedError(
        f"no window of pool {pool} has {day:%Y-%m-%d}: they go from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    )


def read_statement(connection: Connection, store: str, window: Window) -> Statement:
    """The statement of a store. Raises SQLAlchemyError."""
    pool = window.pool
    opening: dict[str, int] = {}
    for one in balances_of(connection, pool, store, before_window_ms=window.start_ms):
        if one.account in OWED:
            opening[one.currency] = opening.get(one.currency, 0) + one.amount_minor
    lent = {
        one.currency: one.amount_minor
        for one in balances_of(connection, pool, store, before_window_ms=window.end_ms)
        if one.account == "stock_lent"
    }
    posted = transactions_of_party(connection, pool, store, window.start_ms)
    before = Before({currency: amount for currency, amount in opening.items() if amount}, lent)
    return statement(window, store, before, posted, open_disputes(connection, pool))


def read_net(connection: Connection, window: Window) -> list[Netted]:
    """What a window comes to, by currency. Raises SQLAlchemyError."""
    return net(owed_between(connection, window.pool, window.start_ms))


def open_disputes(connection: Connection, pool: str) -> list[tuple[Dispute, Transaction]]:
    """Disputes that are open, and what they are about; one about nothing that was posted is left out."""
    found: list[tuple[Dispute, Transaction]] = []
    for dispute in disputes_of(connection, pool):
        about = transaction_of(connection, pool, dispute["posted_position"], dispute["sequence"])
        if dispute["status"] == "open" and about is not None:
            found.append((dispute, about))  # type: ignore[arg-type]  # the ledger keeps the record as it came
    return found


def transaction_of(connection: Connection, pool: str, posted_position: int, sequence: int) -> Transaction | None:
    """The transaction of that name."""
    found = transactions_of(connection, pool, after=(posted_position, sequence - 1), limit=1)
    name = (posted_position, sequence)
    return next((one for one in found if (one.posted_position, one.sequence) == name), None)
