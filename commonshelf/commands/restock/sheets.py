"""`restock export` and `restock import`: proposals as a shopkeeper's sheets, and what comes back in them."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.options import JsonOption, PoolArgument, Where, fail, with_groups
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from commonshelf.desks.restock.returned import Outcome, Verdict

GoogleOption = Annotated[
    str | None,
    typer.Option("--google", metavar="URL", help="A spreadsheet of Google Sheets, by its address.", show_default=False),
]
GoogleKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--google-key", metavar="FILE", help="Key file of a service account, for --google.", show_default=False
    ),
]


@with_groups
def export(
    *,
    pool: PoolArgument,
    xlsx: Annotated[
        Path | None, typer.Option("--xlsx", metavar="FOLDER", help="Write STORE.xlsx there.", show_default=False)
    ] = None,
    texts: Annotated[
        Path | None, typer.Option("--csv", metavar="FOLDER", help="Write STORE.csv there.", show_default=False)
    ] = None,
    google: GoogleOption = None,
    google_key: GoogleKeyOption = None,
    store: Annotated[str | None, typer.Option("--store", help="Of this store only.", show_default=False)] = None,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Write the proposals that wait for an answer as sheets, a file or a tab for each store.

    A shopkeeper changes what to buy, writes yes or no into the column approve, and sends the file back.

    Example: ./shelf restock export riverside --xlsx sheets

    Example: ./shelf restock export riverside --csv sheets --store corner-shop

    Example: ./shelf restock export riverside --google "$SHEET" --google-key key.json
    """
    from commonshelf.desks.onboarding import check_store, zone_of
    from commonshelf.desks.restock.desk import open_proposals, standing_proposals, write_sheets
    from commonshelf.desks.restock.google import open_spreadsheet, write_tabs
    from commonshelf.text import counted

    if xlsx is None and texts is None and google is None:
        fail("say where the sheets go: --xlsx FOLDER, --csv FOLDER or --google URL")
    spreadsheet = None if google is None else open_spreadsheet(google, _key_file(google_key))
    connection = where.connect()
    zone = zone_of(connection, pool)
    if store is not None:
        check_store(connection, pool, store)
    by_store = open_proposals(standing_proposals(connection, pool), store)
    files = write_sheets(by_store, zone, xlsx, texts)
    tabs = [] if spreadsheet is None else write_tabs(spreadsheet, by_store, zone)
    if as_json:
        written = {"files": [str(file) for file in files], "tabs": tabs, "rows": sum(map(len, by_store.values()))}
        print(json.dumps(written, indent=1))
    elif not by_store:
        typer.echo(f"no proposal of {f'store {store}' if store else f'pool {pool}'} waits for an answer")
    else:
        for file in files:
            typer.echo(f"{file}: {counted(len(by_store[file.stem]), 'proposal')}")
        for tab in tabs:
            typer.echo(f"tab {tab}: {counted(len(by_store[tab]), 'proposal')}")


@with_groups
def import_sheets(
    *,
    pool: PoolArgument,
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILES]", help="Sheets.", show_default=False)] = None,
    google: GoogleOption = None,
    google_key: GoogleKeyOption = None,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who answers.", show_default=False)],
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Take sheets back: approved, changed or refused, row by row. What cannot be used is told, and the rest counts.

    Example: ./shelf restock import riverside sheets/corner-shop.xlsx --by anna

    Example: ./shelf restock import riverside --google "$SHEET" --google-key key.json --by anna
    """
    from commonshelf.desks.onboarding import zone_of
    from commonshelf.desks.restock.desk import publish_answers, standing_proposals
    from commonshelf.desks.restock.google import open_spreadsheet, read_tabs
    from commonshelf.desks.restock.returned import judge, read_sheet

    if not files and google is None:
        fail("say which sheets came back: FILES, or --google URL")
    connection = where.connect()
    zone_of(connection, pool)  # an unknown pool is told
    rows = [row for file in files or () for row in read_sheet(file)]
    if google is not None:
        rows += read_tabs(open_spreadsheet(google, _key_file(google_key)))
    proposals = {(row["store"], row["sku"]): row for row in standing_proposals(connection, pool)}
    verdicts = list(judge(rows, proposals, pool, by, wall_clock_ms()))
    publish_answers(connection, [one.answer for one in verdicts if one.answer is not None])
    if as_json:
        print(json.dumps([_plain(one) for one in verdicts], indent=1))
    else:
        _print(verdicts)
    if any(one.outcome == "not used" for one in verdicts):
        raise typer.Exit(1)


def _key_file(given: Path | None) -> Path:
    if given is None:
        fail("Google wants to know who asks: --google-key FILE; docs/restock.md says how to get one")
    return given


def _print(verdicts: "list[Verdict]") -> None:
    from commonshelf.text import counted, print_table

    told = [one for one in verdicts if one.outcome != "left open" or one.detail]
    if told:
        rows = [(one.file, one.row, one.store, one.sku, one.outcome, one.detail) for one in told]
        print_table(("file", "row", "store", "item", "outcome", "about"), rows, ("row",))
    counts = Counter(one.outcome for one in verdicts)
    parts = ", ".join(f"{counts[outcome]} {outcome}" for outcome in _OUTCOMES if counts[outcome])
    typer.echo(f"{counted(len(verdicts), 'row')}{f': {parts}' if parts else ''}")


_OUTCOMES: "tuple[Outcome, ...]" = ("approved", "changed", "refused", "left open", "not used")


def _plain(one: "Verdict") -> dict[str, object]:
    told = one._asdict()
    answer = told.pop("answer")
    return told | {"buy_milli": None if answer is None else answer.buy_milli}
