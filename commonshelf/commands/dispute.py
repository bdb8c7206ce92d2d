"""`settle dispute`: a member does not accept what was posted, and how that ends."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.commands.settle import opened
from commonshelf.options import JsonOption, PoolArgument, StoreArgument, Where, checked, fail, with_groups

if TYPE_CHECKING:
    from streams.settlement.ledger.entries import Transaction

app = typer.Typer(no_args_is_help=True, help="Dispute what was posted, and settle the dispute.")

DisputeArgument = Annotated[str, typer.Argument(metavar="DISPUTE", help="Its name.", show_default=False)]


@app.command("open")
@with_groups
def open_(
    pool: PoolArgument,
    dispute: DisputeArgument,
    store: StoreArgument,
    entry: Annotated[str, typer.Argument(help="Of the statement, such as 1204.0.", show_default=False)],
    because: Annotated[str, typer.Option("--because", help="Why; all members can read it.", show_default=False)],
    where: Where,
) -> None:
    """Dispute an entry of a store's statement. The balance stays until the dispute is resolved.

    Example: ./shelf settle dispute open riverside d-17 corner-shop 1204.0 --because "the crate never came"
    """
    from commonshelf.config.names import check_name
    from commonshelf.desks.settlement.disputes import check_new, publish
    from schemas.models.agreement import Dispute

    position, dot, sequence = entry.partition(".")
    if not (dot and position.isdecimal() and sequence.isdecimal()):
        fail(f"ENTRY is {entry!r}; write it as the statement does, such as 1204.0")
    plain = {
        "dispute": dispute, "store": store, "posted_position": int(position), "sequence": int(sequence),
        "text": because,
    }  # fmt: skip
    record = checked(Dispute, plain, "the dispute", shows_input=True)
    with opened(where, pool) as ledger:
        check_name("store", store, ledger.names, f"pool {pool}")
        check_new(ledger.database, pool, record)
        publish(ledger.connection, pool, record)
    typer.echo(f"dispute {dispute} is open; statements show it once it is posted")


@app.command()
@with_groups
def resolve(
    pool: PoolArgument,
    dispute: DisputeArgument,
    where: Where,
    debtor: Annotated[str | None, typer.Option("--debtor", metavar="STORE", help="Who owes in the end.")] = None,
    creditor: Annotated[str | None, typer.Option("--creditor", metavar="STORE", help="To whom.")] = None,
    amount: Annotated[
        str | None, typer.Option("--amount", help="How much, in the pool's currency, such as 12.50.")
    ] = None,
) -> None:
    """End a dispute: with a posting that corrects, or, without --debtor, with none. Resolving again replaces it.

    Example: ./shelf settle dispute resolve riverside d-17 --debtor mill --creditor corner-shop --amount 12.50
    """
    from commonshelf.config.names import check_name
    from commonshelf.desks.onboarding import currency_of
    from commonshelf.desks.settlement.disputes import known_dispute, publish
    from connectors.contract import Refused
    from connectors.parsing.quantities import price_minor
    from schemas.models.agreement import Dispute

    given = (debtor, creditor, amount)
    if any(one is None for one in given) and any(one is not None for one in given):
        fail("--debtor, --creditor and --amount belong together")
    with opened(where, pool) as ledger:
        known = known_dispute(ledger.database, pool, dispute)
        resolution = None
        if debtor is not None and creditor is not None:
            for name in (debtor, creditor):
                check_name("store", name, ledger.names, f"pool {pool}")
            if debtor == creditor:
                fail("--debtor and --creditor are the same store")
            try:
                minor = price_minor(amount, currency_of(ledger.connection, pool))
            except Refused as refused:
                fail(f"--amount is {amount!r} ({refused})")
            resolution = {"debtor": debtor, "creditor": creditor, "amount_minor": minor}
        plain = known.model_dump() | {"status": "resolved", "resolution": resolution}
        publish(ledger.connection, pool, checked(Dispute, plain, "the resolution", shows_input=True))
    typer.echo(f"dispute {dispute} is resolved; statements show it once it is posted")


@app.command()
@with_groups
def reject(pool: PoolArgument, dispute: DisputeArgument, where: Where) -> None:
    """End a dispute without any change; what it was resolved with before is taken back.

    Example: ./shelf settle dispute reject riverside d-17
    """
    from commonshelf.desks.settlement.disputes import known_dispute, publish

    with opened(where, pool) as ledger:
        known = known_dispute(ledger.database, pool, dispute)
        publish(ledger.connection, pool, known.model_copy(update={"status": "rejected", "resolution": None}))
    typer.echo(f"dispute {dispute} is rejected; statements show it once it is posted")


@app.command("list")
@with_groups
def list_disputes(pool: PoolArgument, where: Where, as_json: JsonOption = False) -> None:
    """List the disputes of a pool, and how each stands.

    Example: ./shelf settle dispute list riverside
    """
    from commonshelf.text import print_table
    from streams.settlement.store.queries import disputes_of

    with opened(where, pool) as ledger:
        found = disputes_of(ledger.database, pool)
    if as_json:
        print(json.dumps(found, indent=1))
    elif not found:
        typer.echo(f"pool {pool} has no disputes")
    else:
        rows = [
            (one["dispute"], one["status"], one["store"], f"{one['posted_position']}.{one['sequence']}", one["text"])
            for one in found
        ]
        print_table(("dispute", "stands", "by", "entry", "why"), rows, ("entry",))


@app.command()
@with_groups
def show(pool: PoolArgument, dispute: DisputeArgument, where: Where, as_json: JsonOption = False) -> None:
    """Print a dispute with its evidence: what was known when the entry was posted, and what came since.

    Example: ./shelf settle dispute show riverside d-17
    """
    from commonshelf.desks.settlement.disputes import evidence_of, known_dispute

    with opened(where, pool) as ledger:
        found = evidence_of(ledger.database, pool, known_dispute(ledger.database, pool, dispute))
    if as_json:
        told = {
            "dispute": found.dispute.model_dump(),
            "known_then": [_plain(one) for one in found.known_then],
            "known_since": [_plain(one) for one in found.known_since],
        }
        print(json.dumps(told, indent=1))
        return
    typer.echo(f"{found.dispute.dispute} of {found.dispute.store} is {found.dispute.status}: {found.dispute.text}")
    typer.echo("\nKnown when it was posted; the last one is disputed:")
    _print(found.known_then)
    typer.echo("\nKnown since:" if found.known_since else "\nNothing about it was posted since.")
    _print(found.known_since)


def _print(found: "list[Transaction]") -> None:
    from commonshelf.desks.settlement.wording import money, quantity
    from commonshelf.text import print_table

    rows = [
        (
            f"{one.posted_position}.{one.sequence}", one.position, one.sentence, quantity(one.about),
            f"{posting.counterparty} owes {posting.party}", money(posting.amount_minor, posting.currency),
        )
        for one in found
        for posting in one.postings
        if posting.account == "receivable"
    ]  # fmt: skip
    if rows:
        print_table(("entry", "journal", "what", "quantity", "who", "amount"), rows, ("quantity", "amount"))


def _plain(one: "Transaction") -> dict[str, object]:
    return one._asdict() | {
        "about": one.about._asdict(), "postings": [posting._asdict() for posting in one.postings],
    }  # fmt: skip
