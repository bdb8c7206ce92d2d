"""`availability`: what a pool can promise, live."""

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.options import BootstrapOption, ConfigOption, ForOption, JsonOption
from commonshelf.text import units

if TYPE_CHECKING:
    from rich.table import Table

    from commonshelf.desks.pool_table import PoolReader, PoolTable

_REFRESH_S = 0.25
_FOLLOWED_ROWS = 30


def availability(
    pool: Annotated[str, typer.Argument(help="The pool.", show_default=False)],
    sku: Annotated[str | None, typer.Argument(help="One item, with each store's part.", show_default=False)] = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    as_json: JsonOption = False,
    follow: Annotated[bool, typer.Option("--follow", help="Keep showing changes until Ctrl-C.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Print at most so many items.")] = 50,
    run_s: ForOption = None,
) -> None:
    """Print what a pool can promise now: per item the sum over its stores, and each store's part.

    Example: ./shelf availability riverside

    Example: ./shelf availability riverside MILK-1L --follow

    Example: ./shelf availability riverside --json --bootstrap kafka.example.org:9092
    """
    from commonshelf.desks.pool_table import PoolReader
    from commonshelf.stack.connection import connect
    from commonshelf.stack.interrupt import interrupted_once

    connection = connect(config, bootstrap)
    reader = PoolReader(connection.kafka_options, pool, connection.settings.partitions)
    try:
        if follow:
            with interrupted_once():
                _follow(reader, sku, as_json, run_s)
        elif as_json:
            print(json.dumps([asdict(item) for item in reader.table.items(sku)], indent=1))
        else:
            _print(reader.table, sku, limit)
    except KeyboardInterrupt:
        pass  # the way to end --follow
    finally:
        reader.close()


def _follow(reader: "PoolReader", sku: str | None, as_json: bool, run_s: float | None) -> None:
    from rich.live import Live

    reader.table.items(sku)  # an unknown item is told at once
    deadline = time.monotonic() + run_s if run_s is not None else None
    if as_json:
        while deadline is None or time.monotonic() < deadline:
            for row in reader.follow(_REFRESH_S):
                if sku in (None, row["sku"]):
                    print(json.dumps(row), flush=True)
        return
    with Live(_render(reader.table, sku, _FOLLOWED_ROWS), refresh_per_second=4) as live:
        while deadline is None or time.monotonic() < deadline:
            if any(True for _ in list(reader.follow(_REFRESH_S))):
                live.update(_render(reader.table, sku, _FOLLOWED_ROWS))


def _print(table: "PoolTable", sku: str | None, limit: int) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_render(table, sku, limit))
    items = table.items(sku)
    if not items:
        console.print(f"Pool {table.pool} has no stock yet: no store has reported any.")
    if len(items) > limit:
        console.print(f"{len(items) - limit} more items; name one, raise --limit, or use --json.")


def _render(table: "PoolTable", sku: str | None, limit: int) -> "Table":
    from rich.table import Table

    view = Table("SKU", "item", title=f"pool {table.pool}")
    view.add_column("available", justify="right")
    view.add_column("unit")
    view.add_column("stores" if sku is None else "store")
    if sku is not None:
        for name in ("on hand", "safety stock", "confidence"):
            view.add_column(name, justify="right")
    for item in table.items(sku)[:limit]:
        parts = ", ".join(f"{row['store']} {units(row['available_milli'])}" for row in _largest(item.stores))
        more = len(item.stores) - 4
        summary = parts + (f" and {more} more" if more > 0 else "") if sku is None else f"all {len(item.stores)}"
        view.add_row(item.sku, item.name, units(item.available_milli), item.unit, summary)
        for row in item.stores if sku is not None else ():
            view.add_row(
                "", "", units(row["available_milli"]), row["unit"], row["store"],
                units(row["on_hand_milli"]), units(row["safety_stock_milli"]),
                f"{row['confidence_permille'] / 10:.0f} %",
            )  # fmt: skip
    return view


def _largest(rows: list[dict[str, int]]) -> list[dict[str, int]]:
    return sorted(rows, key=lambda row: -row["available_milli"])[:4]
