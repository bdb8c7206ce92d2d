"""`settle`: who owes whom, as balances, statements and payments, from the settlement database."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from commonshelf.commands.named_files import usable
from commonshelf.options import JsonOption, PoolArgument, StoreArgument, Where, fail, with_groups

if TYPE_CHECKING:
    import sqlalchemy

    from commonshelf.stack.connection import Connection
    from streams.settlement.netting import Netted
    from streams.settlement.statements import Statement, Window

app = typer.Typer(no_args_is_help=True, help="Look at who owes whom, and settle it.")

WindowOption = Annotated[
    datetime | None,
    typer.Option("--window", formats=["%Y-%m-%d"], help="The window that has noon of this day; the newest closed one."),
]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there instead of printing it.")]


class Ledger(NamedTuple):
    """The settlement database of a pool, and what its stores are called."""

    connection: "Connection"
    database: "sqlalchemy.Connection"
    names: Mapping[str, str]
    zone: tzinfo
    """Of the settlement windows."""


@contextmanager
def opened(where: Where, pool: str) -> Iterator[Ledger]:
    """The ledger of a pool as it is now. Raises UserError for a pool or a database that is not there."""
    from commonshelf.desks.onboarding import stores_of
    from commonshelf.desks.settlement.database import opened_settlement
    from commonshelf.desks.settlement.posted import zone_of_windows

    connection = where.connect()
    names = {one.store: one.name for one in stores_of(connection, pool)}
    with opened_settlement(connection.settings) as database:
        yield Ledger(connection, database, names, zone_of_windows(database, pool))


@app.command()
@with_groups
def balance(
    pool: PoolArgument,
    where: Where,
    store: Annotated[str | None, typer.Argument(help="One store; all parties if left out.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="Only what had happened by then.")
    ] = None,
    known_at: Annotated[
        str | None,
        typer.Option("--known-at", metavar="TIME|ENTRY", help="Only what was known by then, or by that journal entry."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what each party is owed less what it owes; of one store also with whom and for what.

    A TIME is a day, which counts whole, or a date and time; in the time zone of the settlement windows.

    Example: ./shelf settle balance riverside

    Example: ./shelf settle balance riverside corner-shop --as-of 2026-11-28 --known-at 2026-12-05
    """
    from commonshelf.config.names import check_name
    from commonshelf.desks.settlement.wording import money, party_name
    from commonshelf.text import counted, print_table
    from streams.settlement.store.queries import AsOf, balances_of, heads_of, net_positions_of, unpriced_of

    with opened(where, pool) as ledger:
        position = int(known_at) if known_at is not None and known_at.isdecimal() else None
        then = AsOf(
            None if as_of is None else time_ms(as_of, ledger.zone, "--as-of"),
            position,
            None if known_at is None or position is not None else time_ms(known_at, ledger.zone, "--known-at"),
        )
        every = net_positions_of(ledger.database, pool, then)
        if store is not None:
            check_name("store", store, {*ledger.names, *(one.party for one in every)}, f"pool {pool}")
        net = [one for one in every if store in (None, one.party)]
        accounts = [] if store is None else balances_of(ledger.database, pool, store, then)
        settled = next((one.position for one in heads_of(ledger.database) if one.pool == pool), 0)
        waiting = len(unpriced_of(ledger.database, pool))
    if as_json:
        print(
            json.dumps(
                {
                    "settled_until_entry": settled, "net": [one._asdict() for one in net],
                    "accounts": [one._asdict() for one in accounts],
                },
                indent=1,
            )
        )  # fmt: skip
        return
    if net:
        rows = [(party_name(one.party, ledger.names), money(one.amount_minor, one.currency)) for one in net]
        print_table(("party", "balance"), rows, ("balance",))
    else:
        typer.echo(
            f"nobody owes {store or 'anybody'} anything, nor is owed" if store else "nobody owes anybody anything"
        )
    if accounts:
        typer.echo("")
        details = [
            (
                one.account.replace("_", " "),
                "" if one.counterparty is None else party_name(one.counterparty, ledger.names),
                money(one.amount_minor, one.currency),
            )
            for one in accounts
        ]
        print_table(("account", "with", "debit"), details, ("debit",))
    typer.echo(f"The ledger has the pool's journal up to entry {settled}.")
    if waiting:
        typer.echo(f"{counted(waiting, 'fact')} cannot be priced yet: ./shelf settle unpriced {pool}")


@app.command()
@with_groups
def unpriced(pool: PoolArgument, where: Where, as_json: JsonOption = False) -> None:
    """List the facts that wait for a price or an agreement, and why: they are posted once it is known.

    Example: ./shelf settle unpriced riverside
    """
    from commonshelf.desks.settlement.wording import WAITS_FOR, moment, quantity, reference
    from commonshelf.text import print_table
    from streams.settlement.statements import TITLES
    from streams.settlement.store.queries import unpriced_of

    with opened(where, pool) as ledger:
        found = unpriced_of(ledger.database, pool)
    if as_json:
        print(json.dumps([one._asdict() | {"about": one.about._asdict()} for one in found], indent=1))
    elif not found:
        typer.echo(f"nothing in pool {pool} waits for a price")
    else:
        rows = [
            (
                one.position, moment(one.about.occurred_at_ms, ledger.zone), TITLES[one.about.kind], one.about.store,
                reference(one.about), quantity(one.about), WAITS_FOR[one.reason],
            )
            for one in found
        ]  # fmt: skip
        print_table(("entry", "when", "kind", "store", "about", "quantity", "waits for"), rows, ("entry", "quantity"))


@app.command()
@with_groups
def statement(
    pool: PoolArgument,
    store: StoreArgument,
    where: Where,
    window: WindowOption = None,
    out: OutOption = None,
) -> None:
    """Print a store's statement of a window, or write it as .html, .pdf, .csv or .xlsx.

    Example: ./shelf settle statement riverside corner-shop

    Example: ./shelf settle statement riverside corner-shop --window 2026-11-28 --out corner-shop.pdf
    """
    from commonshelf.desks.onboarding import check_store
    from commonshelf.desks.settlement.posted import read_statement

    if out is not None and out.suffix not in (".html", ".pdf", ".csv", ".xlsx"):
        fail(f"--out {out} must end in .html, .pdf, .csv or .xlsx")
    with opened(where, pool) as ledger:
        check_store(ledger.connection, pool, store)
        found = read_statement(ledger.database, store, chosen_window(ledger, pool, window))
    if out is None:
        _print_statement(found, ledger)
    else:
        write(out, _content(found, ledger, out.suffix))


@app.command()
@with_groups
def net(
    pool: PoolArgument,
    where: Where,
    window: WindowOption = None,
    accounts: Annotated[
        Path | None,
        typer.Option("--accounts", metavar="FILE.csv", help="Bank accounts: columns party, holder, iban, bic."),
    ] = None,
    sepa: Annotated[
        Path | None, typer.Option("--sepa", metavar="FOLDER", help="Write a pain.001 file there for each payer.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the payments as CSV.")] = None,
    pay_on: Annotated[
        datetime | None, typer.Option("--pay-on", formats=["%Y-%m-%d"], help="When banks are to pay; tomorrow.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the fewest payments that settle a window, each with the debts that it comes from.

    Example: ./shelf settle net riverside

    Example: ./shelf settle net riverside --window 2026-11-28 --accounts accounts.csv --sepa payments
    """
    from commonshelf.desks.settlement.payment_files import payments_csv, read_accounts, sepa_files
    from commonshelf.desks.settlement.posted import read_net

    if sepa is not None and accounts is None:
        fail("--sepa needs --accounts FILE.csv: the parties' bank accounts")
    with opened(where, pool) as ledger:
        chosen = chosen_window(ledger, pool, window)
        found = read_net(ledger.database, chosen)
    if not chosen.is_closed and (sepa is not None or out is not None):
        fail("this window is still open, and what is to be paid may change; payment files are of windows that closed")
    named = window_name(chosen, ledger.zone)
    known = {} if accounts is None else read_accounts(accounts)
    if out is not None:
        write(out, payments_csv(named, found, known).encode())
    if sepa is not None:
        made_at = datetime.now(UTC)
        when = made_at.date() + timedelta(days=1) if pay_on is None else pay_on.date()
        files = {
            name: content
            for one in found
            for name, content in sepa_files(pool, named, one, known, made_at, when).items()
        }
        for name, content in files.items():
            write(sepa / name, content)
    if as_json:
        print(
            json.dumps(
                {"window": named, "is_closed": chosen.is_closed, "net": [_plain(one) for one in found]}, indent=1
            )
        )
    else:
        _print_net(found, chosen, ledger)


@app.command()
@with_groups
def export(
    pool: PoolArgument,
    form: Annotated[Literal["hledger", "beancount"], typer.Argument(help="Whose file.", show_default=False)],
    where: Where,
    out: OutOption = None,
) -> None:
    """Print the whole ledger for a program of plain-text accounting, which then checks our balances.

    Example: ./shelf settle export riverside hledger --out riverside.journal
    """
    from streams.settlement.exports import beancount_journal, hledger_journal
    from streams.settlement.store.queries import transactions_of

    with opened(where, pool) as ledger:
        found = transactions_of(ledger.database, pool)
    if not found:
        typer.echo(f"nothing is settled in pool {pool} yet, so that the file is empty", err=True)
    lines = (hledger_journal if form == "hledger" else beancount_journal)(found, ledger.zone)
    content = "".join(f"{line}\n" for line in lines)
    if out is None:
        typer.echo(content, nl=False)
    else:
        write(out, content.encode())


# --- what several of them need ----------------------------------------------------------------------------------


def time_ms(text: str, zone: tzinfo, name: str) -> int:
    """A day, up to its end, or a date and time, in `zone`; ms since 1970 UTC. What is neither ends the command."""
    try:
        day = date.fromisoformat(text)
        at = datetime.combine(day + timedelta(days=1), time(), zone) - timedelta(milliseconds=1)
    except ValueError:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            fail(f"{name} is {text!r}; write a day or a time such as 2026-11-28 or 2026-11-28T18:00")
    return int((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000)


def chosen_window(ledger: Ledger, pool: str, day: datetime | None) -> "Window":
    """Raises NothingPostedError."""
    from commonshelf.desks.settlement.posted import choose_window, windows_of

    windows = windows_of(ledger.database, pool)
    return choose_window(windows, pool, None if day is None else day.date(), ledger.zone)


def window_name(window: "Window", zone: tzinfo) -> str:
    """The day on which it starts."""
    return f"{datetime.fromtimestamp(window.start_ms / 1000, zone):%Y-%m-%d}"


def write(file: Path, content: bytes) -> None:
    """Write a file that its owner alone may read, and say so; one that cannot be written ends the command."""
    from commonshelf.embedded_kafka.private_files import write_private

    with usable(file, "written"):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_private(file, content)
    typer.echo(f"wrote {file}", err=True)


def _content(found: "Statement", ledger: Ledger, suffix: str) -> bytes:
    from commonshelf.desks.printing import page_pdf
    from commonshelf.desks.settlement.statement_page import statement_html
    from commonshelf.desks.settlement.statement_tables import statement_csv, statement_workbook

    if suffix == ".csv":
        return statement_csv(found, ledger.names, ledger.zone).encode()
    if suffix == ".xlsx":
        return statement_workbook(found, ledger.names, ledger.zone)
    page = statement_html(found, ledger.names, ledger.zone)
    return page_pdf(page) if suffix == ".pdf" else page.encode()


def _print_statement(found: "Statement", ledger: Ledger) -> None:
    from commonshelf.desks.settlement.wording import moment, money, party_name
    from commonshelf.text import print_table
    from streams.settlement.statements import TITLES

    state = "" if found.is_closed else " (preliminary: the window is still open)"
    period = f"{moment(found.start_ms, ledger.zone)} to {moment(found.end_ms, ledger.zone)}{state}"
    typer.echo(f"{party_name(found.store, ledger.names)}, {period}")
    for part in found.parts:
        rows: list[tuple[str, ...]] = [("opening balance", "", "", money(part.opening_minor, part.currency))]
        for section in part.sections:
            for line in section.lines:
                one = line.transaction
                told = "restated: " if section.is_restated else ""
                disputed = f" (disputed: {', '.join(line.disputes)})" if line.disputes else ""
                rows.append(
                    (
                        f"{told}{TITLES[section.kind]}", f"{one.sentence}{disputed}",
                        f"{one.posted_position}.{one.sequence}", money(line.amount_minor, part.currency),
                    )
                )  # fmt: skip
        rows.append(("closing balance", "", "", money(part.closing_minor, part.currency)))
        typer.echo("")
        print_table(("kind", "what", "entry", "amount"), rows, ("entry", "amount"))
        if part.disputed:
            typer.echo(f"Disputed of it: {money(part.disputed_minor, part.currency)}")
    if not found.parts:
        typer.echo("nothing was posted for this store")


def _print_net(found: "list[Netted]", window: "Window", ledger: Ledger) -> None:
    from commonshelf.desks.settlement.wording import money, party_name
    from commonshelf.text import counted, print_table

    state = "" if window.is_closed else ", which is still open"
    typer.echo(f"Window of {window_name(window, ledger.zone)}{state}")
    for one in found:
        debts = counted(len(one.bilateral), "debt")
        typer.echo(f"\n{one.currency}: {debts} between parties, settled by {counted(len(one.payments), 'payment')}")
        rows: list[tuple[str, ...]] = []
        for payment in one.payments:
            payer, payee = (party_name(party, ledger.names) for party in (payment.payer, payment.payee))
            rows.append((payer, "pays", payee, money(payment.amount_minor, one.currency)))
            for debt in one.trail(payment):
                debtor, creditor = (party_name(party, ledger.names) for party in (debt.debtor, debt.creditor))
                rows.append((f"  {debtor}", "owes", creditor, money(debt.amount_minor, one.currency)))
        if rows:
            print_table(("from", "", "to", "amount"), rows, ("amount",))
    if not found:
        typer.echo("nobody owes anybody anything for this window")


def _plain(one: "Netted") -> dict[str, object]:
    return {
        "currency": one.currency,
        "positions": one.positions,
        "payments": [
            payment._asdict() | {"trail": [debt._asdict() for debt in one.trail(payment)]} for payment in one.payments
        ],
        "bilateral": [debt._asdict() for debt in one.bilateral],
    }
