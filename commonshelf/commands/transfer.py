"""`transfer`: ask for goods to be sent between stores, and report by hand what was sent and what came."""

import json
import uuid
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from commonshelf.options import Asking, JsonOption, PoolArgument, Where, amount, checked, fail, with_groups
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from schemas.models.reports import FulfilmentReport
    from schemas.models.requests import OrderRequest

app = typer.Typer(no_args_is_help=True, help="Ask for transfers between stores, and report on them.")

TransferArgument = Annotated[str, typer.Argument(help="Id of the transfer; no order has it.", show_default=False)]


@app.command()
@with_groups
def ask(
    *,
    pool: PoolArgument,
    transfer: TransferArgument,
    from_store: Annotated[str, typer.Argument(metavar="FROM", help="The sender.", show_default=False)],
    to_store: Annotated[str, typer.Argument(metavar="TO", help="The receiver.", show_default=False)],
    goods: Annotated[list[str], typer.Argument(metavar="SKU=UNITS…", show_default=False)],
    asking: Asking,
) -> None:
    """Ask a store to send goods to another; `./shelf order cancel` calls it off.

    Example: ./shelf transfer ask riverside T-88 corner-shop mill-grocer MILK-1L=6 HAM=0.5
    """
    from commonshelf.desks.onboarding import check_item, check_store
    from schemas.models.requests import OrderRequest

    connection, asked = asking.connect(), [amount(one) for one in goods]
    for store in (from_store, to_store):
        check_store(connection, pool, store)
    for sku, _ in asked:
        check_item(connection, pool, sku)
    lines = [{"line_id": sku[:100], "sku": sku, "quantity_milli": milli} for sku, milli in asked]
    terms = {"from_store": from_store, "to_store": to_store, "lines": lines}
    now_ms, key = wall_clock_ms(), uuid.uuid4().hex
    request = checked(OrderRequest, {
        "pool": pool, "order": transfer, "kind": "placed", "key": key, "recorded_at_ms": now_ms, "origin": "cli",
        "transfer": terms,
    })  # fmt: skip
    _send(request, key, asking)


@app.command()
@with_groups
def report(
    *,
    pool: PoolArgument,
    transfer: TransferArgument,
    kind: Annotated[Literal["shipped", "received"], typer.Argument(show_default=False)],
    store: Annotated[str, typer.Argument(help="Who says so.", show_default=False)],
    goods: Annotated[list[str], typer.Argument(metavar="LINE=UNITS…", show_default=False)],
    reason: Annotated[
        str | None, typer.Option("--reason", help="Of received: damaged, not_found, or wrong_item.")
    ] = None,
    sku: Annotated[str | None, typer.Option("--sku", help="The item that came, when it is not the line's.")] = None,
    asking: Asking,
) -> None:
    """Report what was shipped, or what was received; what is received adds up.

    Example: ./shelf transfer report riverside T-88 received mill-grocer MILK-1L=4

    Example: ./shelf transfer report riverside T-88 received mill-grocer MILK-1L=1 --reason wrong_item --sku HAM
    """
    from commonshelf.desks.onboarding import check_store
    from schemas.models.reports import FulfilmentReport

    check_store(asking.connect(), pool, store)
    lines = [
        {"line_id": line_id, "quantity_milli": milli, "reason": reason, "sku": sku}
        for line_id, milli in map(amount, goods)
    ]
    now_ms, report_id = wall_clock_ms(), uuid.uuid4().hex
    told = checked(FulfilmentReport, {
        "pool": pool, "store": store, "report_id": report_id, "kind": kind, "transfer": transfer, "lines": lines,
        "occurred_at_ms": now_ms, "recorded_at_ms": now_ms, "origin": "cli",
    })  # fmt: skip
    _send(told, report_id, asking)


@app.command("list")
@with_groups
def list_transfers(
    *,
    pool: PoolArgument,
    everything: Annotated[bool, typer.Option("--all", help="Ended ones, too (of the last 30 days).")] = False,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """List a pool's transfers with their goods: asked for, shipped, received.

    Example: ./shelf transfer list riverside
    """
    from commonshelf.text import print_table, units

    shown = [row for row in _standing(where, pool) if everything or row["status"] != "ended"]
    if as_json:
        print(json.dumps(shown, indent=1))
    elif not shown:
        typer.echo(f"pool {pool} has no transfer{'' if everything else ' under way; --all shows ended ones'}")
    else:
        rows = [
            (
                row["transfer"], row["outcome"] or row["status"], row["from_store"], row["to_store"], line["sku"],
                *(units(line[f"{name}_milli"]) for name in ("asked", "shipped", "received")),
            )
            for row in shown
            for line in row["lines"]
        ]  # fmt: skip
        head = ("transfer", "state", "from", "to", "item", "asked", "shipped", "received")
        print_table(head, rows, ("asked", "shipped", "received"))


@app.command()
@with_groups
def show(*, pool: PoolArgument, transfer: TransferArgument, where: Where, as_json: JsonOption = False) -> None:
    """Print a transfer as it stands, line by line (of the last 30 days).

    Example: ./shelf transfer show riverside T-88
    """
    found = [row for row in _standing(where, pool) if row["transfer"] == transfer]
    if not found:
        fail(f"nothing is told of a transfer {transfer!r} in pool {pool}; `./shelf transfer list {pool} --all`")
    if as_json:
        print(json.dumps(found[0], indent=1))
    else:
        _print(found[0])


def _standing(where: Where, pool: str) -> list[dict[str, Any]]:
    from commonshelf.desks.onboarding import stores_of
    from commonshelf.desks.orders import standing_transfers

    connection = where.connect()
    stores_of(connection, pool)  # an unknown pool is told
    return standing_transfers(connection.kafka_options, connection.settings.partitions, pool)


def _send(event: "OrderRequest | FulfilmentReport", key: str, asking: Asking) -> None:
    answer = asking.ask(event, key)
    if answer["kind"] in ("refused", "report_refused"):
        fail(f"{answer['reason']}: {answer['detail']}")
    if asking.as_json:
        print(json.dumps(answer["transfer"], indent=1))
    else:
        _print(answer["transfer"])


def _print(row: dict[str, Any]) -> None:
    from commonshelf.text import units

    typer.echo(f"transfer {row['transfer']} {row['from_store']} → {row['to_store']}: {row['outcome'] or row['status']}")
    for line in row["lines"]:
        told = {name: line[f"{name}_milli"] for name in _SHOWN if line[f"{name}_milli"]}
        parts = ", ".join(f"{name.replace('_', '-')} {units(milli)}" for name, milli in told.items())
        typer.echo(f"  {line['line_id']}: {parts}")


_SHOWN = ("asked", "held", "shipped", "mis_shipped", "received", "returned", "damaged", "lost")
