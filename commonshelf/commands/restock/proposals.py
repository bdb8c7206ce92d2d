"""`restock plan`, `answer` and `orders`: what stores are proposed, what they say to it, and what they ordered."""

import csv
import json
import sys
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from commonshelf.commands.named_files import write_file
from commonshelf.options import JsonOption, PoolArgument, Where, checked, fail, milli_of, with_groups
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from schemas.types.restock import PurchaseLine, RestockProposal

StoreOption = Annotated[str | None, typer.Option("--store", help="Of one store.")]
_COLUMNS = ("store", "supplier", "order_on", "arrives_on", "sku", "gtin", "name", "packs", "pack_milli", "unit",
            "quantity_milli", "cost_minor", "currency", "version")  # fmt: skip


@with_groups
def plan(
    *,
    pool: PoolArgument,
    store: StoreOption = None,
    is_now: Annotated[
        bool, typer.Option("--now", help="Plan now, by what the worker knew last; only print it.")
    ] = False,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Print what stores are proposed to buy, and to get from neighbours: what waits for an answer.

    Example: ./shelf restock plan riverside --store corner-shop

    Example: ./shelf restock plan riverside --now
    """
    from commonshelf.desks.onboarding import check_store, stores_of
    from commonshelf.desks.restock.desk import open_proposals, standing_proposals
    from commonshelf.desks.restock.state import planned_now

    connection = where.connect()
    if store is None:
        stores_of(connection, pool)
    else:
        check_store(connection, pool, store)
    if is_now:
        rows = planned_now(connection, pool, store)
    else:
        waiting = open_proposals(standing_proposals(connection, pool), store)
        rows = [row for of_store in waiting.values() for row in of_store]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    elif rows:
        _print(rows)
    elif is_now:
        typer.echo(f"{store or f'the stores of {pool}'} would be proposed nothing now")
    else:
        typer.echo(f"nothing is proposed to {store or f'the stores of {pool}'}: a store is planned after its close")


def _print(rows: "list[RestockProposal]") -> None:
    from commonshelf.text import counted, duration, print_table, units
    from schemas.currency import amount_text

    now_ms = wall_clock_ms()
    print_table(
        ("store", "item", "version", "on hand", "expected", "buy", "cost", "from neighbours", "why"),
        [
            (
                row["store"], row["sku"], row["version"], units(row["on_hand_milli"]), units(row["mean_milli"]),
                units(row["buy_milli"]), amount_text(row["buy_cost_minor"], row["currency"]),
                ", ".join(f"{units(move['quantity_milli'])} of {move['from_store']}" for move in row["moves"]),
                row["why"],
            )
            for row in rows
        ],
        numbers=("version", "on hand", "expected", "buy", "cost"),
    )  # fmt: skip
    oldest_ms = min(row["planned_at_ms"] for row in rows)
    typer.echo(f"{counted(len(rows), 'proposal')}, planned at most {duration((now_ms - oldest_ms) / 1000)} ago")


@with_groups
def answer(
    *,
    pool: PoolArgument,
    store: Annotated[str, typer.Argument(help="The store.", show_default=False)],
    sku: Annotated[str, typer.Argument(metavar="SKU", help="The item.", show_default=False)],
    says: Annotated[
        str,
        typer.Argument(metavar="approved|refused|UNITS", help="UNITS: buy so many instead.", show_default=False),
    ],
    by: Annotated[str, typer.Option("--by", help="Who says so.")] = "operator",
    without_moves: Annotated[bool, typer.Option("--without-moves", help="Ask no neighbour.")] = False,
    wait_s: Annotated[float, typer.Option("--wait-s", min=0, help="How long to wait until it is taken.")] = 20,
    where: Where,
) -> None:
    """Answer the newest proposal of an item: approve it, refuse it, or buy another quantity.

    Example: ./shelf restock answer riverside corner-shop MILK-1L approved --by Anna

    Example: ./shelf restock answer riverside corner-shop MILK-1L 24 --without-moves
    """
    from commonshelf.desks.onboarding import check_item, check_store
    from commonshelf.desks.restock.answering import proposal, wait_until_taken
    from commonshelf.desks.restock.desk import publish_answers
    from commonshelf.text import units
    from schemas.models.restock import RestockAnswer

    connection = where.connect()
    check_store(connection, pool, store)
    check_item(connection, pool, sku)
    found = proposal(connection, pool, store, sku)
    if found["status"] != "open":
        fail(f"version {found['version']} of {sku} in {store} is {found['status']}: nothing waits for an answer")
    is_word = says in ("approved", "refused")
    milli = None if is_word else milli_of(says, "UNITS")
    if milli is not None and milli % found["pack_milli"]:
        fail(f"{sku} comes in packs of {units(found['pack_milli'])}: {says} are not whole packs")
    said = checked(RestockAnswer, {
        "pool": pool, "store": store, "sku": sku, "version": found["version"],
        "kind": says if is_word else "changed", "buy_milli": milli, "with_moves": not without_moves, "by": by,
        "recorded_at_ms": wall_clock_ms(), "origin": "cli",
    })  # fmt: skip
    publish_answers(connection, [said])
    after = wait_until_taken(connection, said, wait_s)
    if after["version"] != said.version:
        fail(f"version {after['version']} came before the answer was taken; look at it, and answer it")
    asked = [move["transfer"] for move in after["moves"] if move["transfer"] is not None]
    bought = f"{units(after['agreed_milli'])} ordered" if after["agreed_milli"] else "nothing ordered"
    typer.echo(
        f"version {said.version} of {sku} in {store} is {after['status']}: {bought}, {len(asked)} asked of neighbours"
    )


@with_groups
def orders(
    *,
    pool: PoolArgument,
    store: StoreOption = None,
    supplier: Annotated[str | None, typer.Option("--supplier", help="Of one supplier.")] = None,
    as_csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a CSV file; - prints it.")] = None,
    where: Where,
) -> None:
    """Print what was agreed to as orders to suppliers, each as the text of an e-mail, or all as CSV.

    Example: ./shelf restock orders riverside --store corner-shop

    Example: ./shelf restock orders riverside --csv orders.csv
    """
    from commonshelf.desks.onboarding import check_store, stores_of
    from commonshelf.desks.restock.answering import order_text, purchases

    connection = where.connect()
    if store is not None:
        check_store(connection, pool, store)
    names = {one.store: one.name for one in stores_of(connection, pool)}
    lines = purchases(connection, pool, store, supplier)
    if as_csv is not None:
        _write_csv(lines, as_csv)
    elif not lines:
        typer.echo("nothing was ordered")
    for _, of_one in groupby(
        lines if as_csv is None else (), lambda one: (one["order_on"], one["store"], one["supplier"])
    ):
        order = list(of_one)
        typer.echo(order_text(order, names.get(order[0]["store"], order[0]["store"])))


def _write_csv(lines: "list[PurchaseLine]", file: Path) -> None:
    """A row a line. Text that a spreadsheet would take for a formula begins with an apostrophe."""
    if str(file) == "-":
        _rows(sys.stdout, lines)
        return
    table = StringIO(newline="")
    _rows(table, lines)
    write_file(file, table.getvalue())


def _rows(out: TextIO, lines: "list[PurchaseLine]") -> None:
    writer = csv.DictWriter(out, _COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: _plain(value) for name, value in line.items()})


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
