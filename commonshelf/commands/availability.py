"""`availability`: what a pool can promise, live."""

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commonshelf.options import BootstrapOption, ConfigOption, ForOption, JsonOption
from commonshelf.text import counted, print_table, table_text, units

if TYPE_CHECKING:
    from commonshelf.desks.pool_table import PoolReader, PoolTable

_REFRESH_S = 0.25
_STORES_NAMED = 4
_HEADS = (
    ("SKU", "item", "available", "unit", "stores"),
    ("store", "available", "unit", "on hand", "held", "not found", "contribution", "safety stock", "confidence"),
)
"""Of all items, and of one."""
_NUMBERS = ("available", "on hand", "held", "not found", "contribution", "safety stock", "confidence")


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
    from rich.text import Text

    reader.table.items(sku)  # an unknown item is told at once
    deadline = time.monotonic() + run_s if run_s is not None else None
    if as_json:
        while deadline is None or time.monotonic() < deadline:
            for row in reader.follow(_REFRESH_S):
                if sku in (None, row["sku"]):
                    print(json.dumps(row), flush=True)
        return
    with Live(auto_refresh=False) as live:
        while deadline is None or time.monotonic() < deadline:
            room = live.console.size
            shown = table_text(_HEADS[sku is not None], _rows(reader.table, sku), _NUMBERS, room.width).splitlines()
            live.update(Text("\n".join(shown[: room.height - 1])), refresh=True)
            for _ in reader.follow(_REFRESH_S):
                pass  # it is in the table now


def _print(table: "PoolTable", sku: str | None, limit: int) -> None:
    items = table.items(sku)
    if not any(item.stores for item in items):
        typer.echo(f"Pool {table.pool} has no stock{f' of {sku}' if sku else ''} yet: no store has reported any.")
        return
    print_table(_HEADS[sku is not None], _rows(table, sku, limit), _NUMBERS)
    if len(items) > limit:
        typer.echo(f"{counted(len(items) - limit, 'more item')}; name one, raise --limit, or use --json.")


def _rows(table: "PoolTable", sku: str | None, limit: int | None = None) -> list[tuple[object, ...]]:
    """A row for each item; of one item a row for each store, and their sum."""
    if sku is None:
        return [
            (item.sku, item.name, units(item.available_milli), item.unit, _largest(item.stores))
            for item in table.items()[:limit]
        ]
    (item,) = table.items(sku)
    stores: list[tuple[object, ...]] = [
        (
            row["store"], units(row["available_milli"]), row["unit"], units(row["on_hand_milli"]),
            units(row["held_milli"]), units(row["not_found_milli"]), units(row["contribution_milli"]),
            units(row["safety_stock_milli"]), f"{row['confidence_permille'] / 10:.0f} %",
        )
        for row in item.stores
    ]  # fmt: skip
    return [*stores, (f"all {len(stores)}", units(item.available_milli), item.unit, "", "", "", "", "", "")]


def _largest(rows: list[dict[str, Any]]) -> str:
    largest = sorted(rows, key=lambda row: -row["available_milli"])[:_STORES_NAMED]
    parts = ", ".join(f"{row['store']} {units(row['available_milli'])}" for row in largest)
    more = len(rows) - _STORES_NAMED
    return parts + (f" and {more} more" if more > 0 else "")
