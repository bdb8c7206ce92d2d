"""`agreement`: what the members of a pool agree on about goods that pass between them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.commands.named_files import write_file
from commonshelf.options import PoolArgument, Where, fail, with_groups

if TYPE_CHECKING:
    from schemas.models.agreement import Agreement

app = typer.Typer(
    no_args_is_help=True, help="What members agree on: start one, check it, compare two, publish it, sign it."
)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE.toml", help="The agreement.", show_default=False)]

_START = """# What the members agreed on. docs/agreements.md has every key; `./shelf agreement check FILE` explains it.
version = 1
effective_from = {effective_from}
currency = "{currency}"
ownership = "{ownership}"          # on_transfer: goods pass with a transfer; owner: they are paid when they are sold
handling_fee = "{handling_fee}"             # to a store that hands over another's order, once for each order
transit_loss = "{transit_loss}"          # sender, receiver, half, fund
returns_to = "selling"          # whose goods are again what comes back: selling, fulfilling
tax = "{tax}"                  # of the transfer price: none, added, included

[transfer_price]
kind = "cost_plus"              # cost_plus, share_of_retail, list
percent = {percent}

[shrink]                        # of goods that one store keeps for another
bearer = "{bearer}"             # owner, keeper, fund

[window]
every = "{every}"               # daily, weekly, monthly
starts_on = 1                   # Monday, or the first of the month
cut_off = "00:00"
time_zone = "{time_zone}"
"""


@app.command()
def new(file: FileArgument) -> None:
    """Start an agreement: a few questions, and a file to go on from. Enter takes what stands in brackets.

    Example: ./shelf agreement new agreement.toml
    """
    if file.exists():
        fail(f"{file} is there already; name another file")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    answers = {name: typer.prompt(question, default=usual) for name, question, usual in _QUESTIONS}
    text = _START.format(**answers, effective_from=typer.prompt("From which day on does it hold?", default=tomorrow))
    write_file(file, text)
    typer.echo(f"wrote {file}\n")
    check(file)


_QUESTIONS = (
    ("currency", "Which currency?", "EUR"),
    ("percent", "How much is added to an item's cost when it passes to another store, in percent?", "10"),
    ("handling_fee", "What does a store get that hands over another's order?", "0.50"),
    ("tax", "Is the item's tax added to the price (added), in it (included), or not told apart (none)?", "added"),
    ("ownership", "Do transferred goods pass at once (on_transfer), or when they are sold (owner)?", "on_transfer"),
    ("bearer", "Who bears goods that are missing at another store: owner, keeper, or the members' fund?", "keeper"),
    ("transit_loss", "Who bears what is lost on its way: sender, receiver, half, fund?", "half"),
    ("every", "How often do you settle: daily, weekly, monthly?", "weekly"),
    ("time_zone", "In which time zone?", "Europe/Berlin"),
)


@app.command()
def check(file: FileArgument) -> None:
    """Explain an agreement in plain words, and work an example with its numbers. Exit code 1 when it is none.

    Example: ./shelf agreement check agreement.toml
    """
    from streams.settlement.agreements.file import read_agreement
    from streams.settlement.agreements.words import explained, worked_example

    agreement = read_agreement(file)
    for number, sentence in enumerate(explained(agreement), 1):
        typer.echo(f"{number:>2}. {sentence}")
    typer.echo("\nAn example:")
    for line in worked_example(agreement):
        typer.echo(f"  {line}")


@app.command()
@with_groups
def diff(
    *,
    pool: PoolArgument,
    old: Annotated[Path, typer.Argument(metavar="OLD.toml", help="The one that holds.", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW.toml", help="The one that may follow.", show_default=False)],
    days: Annotated[int, typer.Option("--days", min=1, help="How far to look back.")] = 30,
    where: Where,
) -> None:
    """Tell what a new agreement would have changed for whom, on what happened in the pool last month.

    Example: ./shelf agreement diff riverside agreement.toml proposal.toml
    """
    from commonshelf.desks.onboarding import zone_of
    from commonshelf.text import counted, print_table
    from messaging.clock import wall_clock_ms
    from messaging.journal import read_journal
    from schemas.currency import amount_text
    from schemas.partition import partition_of
    from streams.settlement.agreements.compare import compare
    from streams.settlement.agreements.file import read_agreement

    before, after = read_agreement(old), read_agreement(new)
    connection = where.connect()
    zone_of(connection, pool)  # an unknown pool is told
    partition = [partition_of(pool, connection.settings.partitions)]
    journal = [entry for entry in read_journal(connection.kafka_options, partition) if entry.pool == pool]
    found = compare(pool, journal, before, after, wall_clock_ms() - days * 86_400_000)
    if not found:
        within = counted(days, "day")
        typer.echo(f"nothing passed between the stores of {pool} in {within}: neither would have changed anything")
        return
    rows = [
        (one.party, amount_text(one.old_minor, one.currency), amount_text(one.new_minor, one.currency),
         amount_text(one.new_minor - one.old_minor, one.currency))
        for one in found
    ]  # fmt: skip
    numbers = ("gets by the old", "gets by the new", "difference")
    print_table(("who", *numbers), rows, numbers)
    typer.echo("Below zero: it owes. From what happened since, had the one or the other held all along.")


@app.command()
def document(
    file: FileArgument,
    pool: Annotated[str, typer.Option("--pool", help="Human name of the pool.", show_default=False)],
    members: Annotated[
        list[str] | None, typer.Option("--member", metavar="NAME", help="Who signs; may be given again.")
    ] = None,
) -> None:
    """Print the document that members sign, in Markdown, with the agreement's values.

    Example: ./shelf agreement document agreement.toml --pool "Riverside grocers" --member Anna --member Bert
    """
    from streams.settlement.agreements.document import document as written
    from streams.settlement.agreements.file import read_agreement

    typer.echo(written(read_agreement(file), pool, members or ()))


@app.command()
@with_groups
def publish(*, pool: PoolArgument, file: FileArgument, where: Where) -> None:
    """Put an agreement in force for a pool: it stands in the journal, and holds from its own date on.

    Example: ./shelf agreement publish riverside agreement.toml
    """
    from commonshelf.config.publishing import publish_settings
    from commonshelf.desks.agreements import agreements_of
    from messaging.clock import wall_clock_ms
    from schemas.models.config import ConfigChange
    from streams.settlement.agreements.file import read_agreement

    agreement = read_agreement(file)
    connection = where.connect()
    known, currency = agreements_of(connection, pool)
    _check_follows(agreement, known, currency, pool)
    change = ConfigChange(pool=pool, recorded_at_ms=wall_clock_ms(), origin="operator", change=agreement)
    published = publish_settings(connection.kafka_options, connection.settings.partitions, [change])
    typer.echo(f"version {agreement.version} of {pool}'s agreement {'is published' if published else 'stands already'}")


def _check_follows(agreement: "Agreement", known: "list[Agreement]", currency: str, pool: str) -> None:
    if agreement.currency != currency:
        fail(f"currency is {agreement.currency}; pool {pool} keeps its books in {currency}")
    newest = max((one.version for one in known), default=0)
    if agreement in known:
        return
    if agreement.version <= newest:
        fail(
            f"version is {agreement.version}; pool {pool} has version {newest}, and what was agreed is not changed: "
            f"write version = {newest + 1}"
        )


@app.command("list")
@with_groups
def list_agreements(*, pool: PoolArgument, where: Where) -> None:
    """List the versions of a pool's agreement, the one that holds now marked.

    Example: ./shelf agreement list riverside
    """
    from zoneinfo import ZoneInfo

    from commonshelf.desks.agreements import agreements_of
    from commonshelf.desks.settlement.wording import moment
    from commonshelf.text import print_table
    from messaging.clock import wall_clock_ms

    known, _ = agreements_of(where.connect(), pool)
    if not known:
        typer.echo(f"pool {pool} has no agreement yet: nothing is settled; see ./shelf agreement new --help")
        return
    now_ms = wall_clock_ms()
    in_force = max(
        (one for one in known if one.effective_from_ms <= now_ms),
        key=lambda one: (one.effective_from_ms, one.version), default=None,
    )  # fmt: skip
    rows = [
        (one.version, moment(one.effective_from_ms, ZoneInfo(one.window.time_zone)), one.window.every,
         one.ownership, one.transfer_price.kind, "holds now" if one is in_force else "")
        for one in known
    ]  # fmt: skip
    print_table(("version", "from", "settled", "ownership", "price", ""), rows, ("version",))
