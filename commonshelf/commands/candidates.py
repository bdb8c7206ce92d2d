"""`candidates`: the items that a pool gains most by sharing."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.commands.named_files import write_file
from commonshelf.options import JsonOption, Where, with_groups

if TYPE_CHECKING:
    from streams.restock.decision.candidates import Candidate


@with_groups
def candidates(
    *,
    pool: Annotated[str, typer.Argument(help="The pool.", show_default=False)],
    top: Annotated[int, typer.Option("--top", min=1, help="So many of the best.")] = 20,
    weeks: Annotated[int, typer.Option("--weeks", min=1, max=104, help="Of sales that are looked at.")] = 26,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.csv", help="Write the pilot list there.", show_default=False),
    ] = None,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Score items by what pooling them gains, with the evidence: turns, evening out, spread, season, shelf life.

    Example: ./shelf candidates riverside --top 20 --out pilot.csv
    """
    from commonshelf.config.publishing import current
    from commonshelf.desks.onboarding import stores_of
    from commonshelf.desks.restock.pilot import items_of, pilot_csv
    from schemas.topics import CATALOG_ITEMS
    from streams.restock.decision.candidates import candidates as scored

    connection = where.connect()
    stores = [one.store for one in stores_of(connection, pool)]
    found = scored(items_of(connection, pool, stores, weeks))[:top]
    names = {
        one["sku"]: one["name"] for one in current(connection.kafka_options, CATALOG_ITEMS.name) if one["pool"] == pool
    }
    if out is not None:
        write_file(out, pilot_csv(found, names).encode("utf-8-sig"))
    if as_json:
        print(json.dumps([_plain(one, names) for one in found], indent=1))
    elif not found:
        typer.echo(f"no item of pool {pool} sells in two stores")
    else:
        _print(found, names)


def _plain(one: "Candidate", names: dict[str, str]) -> dict[str, object]:
    parts = [part._asdict() for part in one.parts]
    return {"sku": one.sku, "name": names.get(one.sku, ""), "permille": one.permille, "parts": parts}


def _print(found: "list[Candidate]", names: dict[str, str]) -> None:
    from commonshelf.text import print_table

    rows = [
        (rank, one.sku, names.get(one.sku, ""), one.permille, "; ".join(part.evidence for part in one.parts))
        for rank, one in enumerate(found, 1)
    ]
    print_table(("rank", "item", "name", "score", "evidence"), rows, ("rank", "score"))
