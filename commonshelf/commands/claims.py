"""`settle claims` and `settle verify`: what the insurer covers, and the evidence of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.commands.named_files import read_file
from commonshelf.commands.settle import OutOption, opened, write
from commonshelf.options import JsonOption, PoolArgument, Where, fail, with_groups

if TYPE_CHECKING:
    from streams.settlement.claims import Claim


@with_groups
def claims(
    pool: PoolArgument,
    where: Where,
    pack: Annotated[
        int | None,
        typer.Option("--pack", metavar="NUMBER", min=1, help="Write the evidence of that one of the list."),
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE.pem", help="The operator's Ed25519 key, which signs it.")
    ] = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was lost of goods that stores keep for each other or send, and what of it the insurer covers.

    Example: ./shelf settle claims riverside

    Example: ./shelf settle claims riverside --pack 1 --key operator.pem --out claim-1.zip
    """
    from commonshelf.desks.settlement import evidence
    from commonshelf.desks.settlement.wording import moment, money, party_name
    from commonshelf.text import print_table, units
    from messaging.journal import read_journal
    from schemas.partition import partition_of
    from streams.settlement.claims import claims as claims_of
    from streams.settlement.store.queries import agreements_of, transactions_of

    with opened(where, pool) as ledger:
        agreements = agreements_of(ledger.database, pool)
        found = claims_of(transactions_of(ledger.database, pool), agreements)  # type: ignore[arg-type]  # kept as it came
    if pack is not None:
        if key is None or out is None:
            fail("--pack needs --key FILE.pem and --out FILE.zip")
        if pack > len(found):
            fail(f"--pack is {pack}, and the list has {len(found)}")
        settings = ledger.connection.settings
        journal = read_journal(ledger.connection.kafka_options, [partition_of(pool, settings.partitions)])
        claim = found[pack - 1]
        entries = evidence.entries_of(claim, (entry for entry in journal if entry.pool == pool))
        write(out, evidence.pack(pool, claim, entries, evidence.read_private_key(key)))
    elif as_json:
        print(json.dumps([one._asdict() for one in found], indent=1))
    elif not found:
        typer.echo(f"nothing was lost of goods that stores of pool {pool} keep for each other or send")
    else:
        rows = [
            (
                number, moment(one.occurred_at_ms, ledger.zone), party_name(one.owner, ledger.names),
                _place(one, ledger.names), one.sku, units(one.quantity_milli),
                money(one.loss_minor, one.currency), money(one.claim_minor, one.currency),
            )
            for number, one in enumerate(found, 1)
        ]  # fmt: skip
        print_table(
            ("number", "when", "owner", "lost at", "item", "quantity", "loss", "claim"), rows, ("loss", "claim")
        )


def _place(claim: "Claim", names: Mapping[str, str]) -> str:
    from commonshelf.desks.settlement.wording import party_name
    from commonshelf.text import one_line

    keeper = party_name(claim.keeper, names)
    return keeper if claim.transfer is None else f"transfer {one_line(claim.transfer)} to {keeper}"


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", show_default=False)],
    key: Annotated[
        Path, typer.Option("--public-key", metavar="FILE.pem", help="The operator's, as it gave it to you.")
    ],
) -> None:
    """Check that an archive of evidence is as the operator signed it.

    Example: ./shelf settle verify claim-1.zip --public-key operator-public.pem
    """
    from commonshelf.desks.settlement import evidence

    content = read_file(file)
    manifest = evidence.verify(content, evidence.read_public_key(key))
    typer.echo(f"{file} is as it was signed: {len(manifest['entries'])} entries of the journal of {manifest['pool']}")
