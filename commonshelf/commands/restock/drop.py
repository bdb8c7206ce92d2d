"""`restock drop`: a limited edition is split over stores, and what is left of it moves where it sells."""

import json
from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.options import JsonOption, PoolArgument, Where, amount, checked, fail, moment_ms, with_groups
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from commonshelf.stack.connection import Connection
    from streams.pool.journal.movements import Movement
    from streams.restock.forecast.distribution import Demand

app = typer.Typer(no_args_is_help=True, help="Split a limited edition over stores, and move what is left of it.")

SkuArgument = Annotated[str, typer.Argument(help="The item.", show_default=False)]
LikeOption = Annotated[
    list[str], typer.Option("--like", metavar="SKU", help="An item that it sells like; repeat it.", show_default=False)
]
TimesOption = Annotated[float, typer.Option("--times", min=0.01, max=1000, help="How many times as much it sells.")]


@app.command("split")
@with_groups
def split_drop(
    *,
    pool: PoolArgument,
    sku: SkuArgument,
    units: Annotated[int, typer.Argument(min=1, help="How many there are.", show_default=False)],
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="When it is launched.", show_default=False)],
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="When it has ended.", show_default=False)],
    like: LikeOption,
    times: TimesOption = 1.0,
    floor: Annotated[int, typer.Option("--floor", min=0, help="Units that each store gets first.")] = 1,
    most: Annotated[list[str] | None, typer.Option("--most", metavar="STORE=UNITS", help="A store's limit.")] = None,
    per_customer: Annotated[int | None, typer.Option("--per-customer", min=1, help="Units each gets.")] = None,
    is_set: Annotated[bool, typer.Option("--set", help="Set the quota, too.")] = False,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Split a limited edition: a floor for each store, then unit by unit where it most probably sells, with reasons.

    Example: ./shelf restock drop split riverside CHEESE-XMAS 60 --from 2026-12-01 --until 2026-12-08 --like CHEESE
    """
    from commonshelf.desks.onboarding import check_item, stores_of, zone_of
    from commonshelf.desks.restock.sales import days_between, sales_of
    from streams.restock.decision.drops import Outlet, split
    from streams.restock.forecast.distribution import survival

    connection = where.connect()
    zone, stores = zone_of(connection, pool), [one.store for one in stores_of(connection, pool)]
    for name in (sku, *like):
        check_item(connection, pool, name)
    limits = _limits(most or [], stores, pool)
    from_ms, until_ms = _window(since, until, zone)
    demand = _demand(sales_of(connection, pool), like, stores, zone, days_between(from_ms, until_ms, zone), times)
    chances = survival(demand, units)
    found = split(units, [Outlet(store, chances[n], limits.get(store)) for n, store in enumerate(stores)], floor)
    if is_set:
        _set_quota(
            connection, pool, sku, from_ms, until_ms, per_customer, {one.store: one.units for one in found.parts}
        )
    if as_json:
        parts = [part._asdict() for part in found.parts]
        print(json.dumps({"sku": sku, "parts": parts, "kept": found.kept, "is_set": is_set}, indent=1))
        return
    _print_parts([(one.store, one.units, f"{one.sold_milli / 1000:.1f}", one.why) for one in found.parts])
    if found.kept:
        typer.echo(f"{found.kept} of {units} are kept: no store may have more, or is expected to sell them")
    typer.echo(f"the quota of {sku} is set" if is_set else "nothing is set yet; --set sets the quota")


@app.command()
@with_groups
def balance(
    *,
    pool: PoolArgument,
    sku: SkuArgument,
    like: LikeOption,
    times: TimesOption = 1.0,
    move_minor: Annotated[int, typer.Option("--move-cost", min=0, help="Of moving a unit, in minor units.")] = 0,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Show how a drop sells, and which transfers bring what is left to where it will sell.

    Example: ./shelf restock drop balance riverside CHEESE-XMAS --like CHEESE --move-cost 50
    """
    from commonshelf.desks.onboarding import check_item, stores_of, zone_of
    from commonshelf.desks.restock.drops import standing_drop
    from commonshelf.desks.restock.sales import days_between, sales_of
    from streams.restock.decision.drops import Selling, rebalance

    connection = where.connect()
    zone, stores = zone_of(connection, pool), [one.store for one in stores_of(connection, pool)]
    for name in (sku, *like):
        check_item(connection, pool, name)
    drop = standing_drop(connection, pool, sku)
    sales = list(sales_of(connection, pool))
    days = days_between(drop.from_ms, drop.until_ms, zone)
    before = [one for one in sales if one.occurred_at_ms < drop.from_ms]
    demand = _demand(before, like, stores, zone, days, times)
    now_ms = wall_clock_ms()
    stand = drop.standing(sales, stores, demand, now_ms)
    moves = rebalance([Selling(one.store, one.on_hand, one.chances) for one in stand], drop.margin_minor, move_minor)
    if as_json:
        rows = [{"store": one.store, "sold": one.sold, "on_hand": one.on_hand} for one in stand]
        print(json.dumps({"sku": sku, "stores": rows, "moves": [one._asdict() for one in moves]}, indent=1))
        return
    from commonshelf.text import print_table

    print_table(
        ("store", "quota", "sold", "on hand", "still to sell"),
        [(one.store, one.quota, one.sold, one.on_hand, f"{one.expected:.1f}") for one in stand],
        ("quota", "sold", "on hand", "still to sell"),
    )  # fmt: skip
    today = f"{datetime.fromtimestamp(now_ms / 1000, zone):%m%d-%H%M}"
    for number, one in enumerate(moves, 1):
        name = f"{sku}-{today}-{number}"
        typer.echo(f"./shelf transfer ask {pool} {name} {one.from_store} {one.to_store} {sku}={one.units}")
    if not moves:
        typer.echo("no move pays")


def _demand(
    sales: Iterable["Movement"], like: list[str], stores: list[str], zone: tzinfo, days: list[date], times: float
) -> "Demand":
    import numpy as np

    from commonshelf.desks.restock.sales import demand_like
    from streams.restock.decision.drops import scaled

    demand = demand_like(sales, like, stores, zone, days)
    if demand is None:
        fail(f"{', '.join(like)} has never been sold in the pool; name another item with --like")
    return scaled(demand, np.full(len(stores), times))


def _limits(most: list[str], stores: list[str], pool: str) -> dict[str, int]:
    """Store → units that it may get."""
    from commonshelf.config.names import check_name

    found = {}
    for text in most:
        store, milli = amount(text)
        check_name("store", store, stores, f"pool {pool}")
        if milli < 0 or milli % 1000:
            fail(f"--most {text} is no whole number of units")
        found[store] = milli // 1000
    return found


def _window(since: str, until: str, zone: tzinfo) -> tuple[int, int]:
    from_ms, until_ms = moment_ms(since, zone, "--from"), moment_ms(until, zone, "--until")
    if until_ms <= from_ms:
        fail(f"--until {until} is not after --from {since}")
    return from_ms, until_ms


def _set_quota(
    connection: "Connection",
    pool: str,
    sku: str,
    from_ms: int,
    until_ms: int,
    per_customer: int | None,
    units: dict[str, int],
) -> None:
    """A store that gets nothing may give nothing."""
    from commonshelf.config.publishing import publish_settings
    from schemas.models.config import ConfigChange, ItemQuota

    quota = checked(ItemQuota, {
        "sku": sku, "from_ms": from_ms, "until_ms": until_ms,
        "per_customer_milli": None if per_customer is None else per_customer * 1000,
        "stores": [{"store": store, "limit_milli": count * 1000} for store, count in units.items()],
    }, "the quota")  # fmt: skip
    change = ConfigChange(pool=pool, recorded_at_ms=wall_clock_ms(), origin="operator", change=quota)
    publish_settings(connection.kafka_options, connection.settings.partitions, [change])


def _print_parts(rows: list[tuple[object, ...]]) -> None:
    from commonshelf.text import print_table

    print_table(("store", "units", "expected to sell", "why"), rows, ("units", "expected to sell"))
