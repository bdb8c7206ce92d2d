"""`quota`: limit what of an item each store gives and each customer gets."""

from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.options import BootstrapOption, ConfigOption, fail, milli_of, moment_ms
from commonshelf.text import print_table, time_text, units
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from commonshelf.stack.connection import Connection


def quota(
    pool: Annotated[str, typer.Argument(metavar="POOL | list", help="The pool.", show_default=False)],
    sku: Annotated[str, typer.Argument(metavar="SKU | POOL", help="The item; of list the pool.", show_default=False)],
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="When the window begins, by the pool's clock.", show_default=False),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="When it has ended, by the pool's clock.", show_default=False),
    ] = None,
    per_store: Annotated[str | None, typer.Option("--per-store", metavar="UNITS", help="Of each store.")] = None,
    per_customer: Annotated[str | None, typer.Option("--per-customer", metavar="UNITS", help="Each gets.")] = None,
    stores: Annotated[list[str] | None, typer.Option("--store", metavar="STORE=UNITS", help="A store's own.")] = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Limit a drop: orders placed in the window. Without limits the item is free again. `list` shows what is used.

    Example: ./shelf quota riverside SNEAKER --from 2026-11-27T08:00:00 --until 2026-11-28 --per-customer 2

    Example: ./shelf quota list riverside
    """
    from pydantic import ValidationError

    from commonshelf.config.publishing import publish_settings
    from commonshelf.desks.onboarding import zone_of
    from commonshelf.stack.connection import connect
    from schemas.models.config import ConfigChange, ItemQuota, StoreQuota
    from schemas.models.forms import first_problem

    if pool == "list":
        _list(connect(config, bootstrap), sku)
        return
    if since is None or until is None:
        fail("give --from and --until: when the window begins and ends")
    own = [one.rpartition("=") for one in stores or []]
    connection = connect(config, bootstrap)
    zone = zone_of(connection, pool)
    try:
        change = ItemQuota(
            sku=sku, from_ms=moment_ms(since, zone, "--from"), until_ms=moment_ms(until, zone, "--until"),
            per_store_milli=None if per_store is None else milli_of(per_store, "--per-store"),
            per_customer_milli=None if per_customer is None else milli_of(per_customer, "--per-customer"),
            stores=tuple(StoreQuota(store=store, limit_milli=milli_of(units, store)) for store, _, units in own),
        )  # fmt: skip
        event = ConfigChange(pool=pool, recorded_at_ms=wall_clock_ms(), origin="operator", change=change)
    except ValidationError as error:
        fail(first_problem(error, "the quota"))
    published = publish_settings(connection.kafka_options, connection.settings.partitions, [event])
    typer.echo(f"quota of {sku} in pool {pool} {'published' if published else 'stands already'}")


def _list(connection: "Connection", pool: str) -> None:
    from commonshelf.desks.onboarding import config_changes, stores_of, zone_of
    from commonshelf.desks.orders import quota_counts
    from schemas.models.config import ItemQuota

    stores = [one.store for one in stores_of(connection, pool)]
    quotas = [
        one.change for one in config_changes(connection) if one.pool == pool and isinstance(one.change, ItemQuota)
    ]
    used = {
        (row["sku"], row["kind"], row["name"]): row["count"]
        for row in quota_counts(connection.kafka_options, connection.settings.partitions, pool)
    }
    zone, rows = zone_of(connection, pool), list[tuple[str, ...]]()
    for quota in sorted(quotas, key=lambda one: one.sku):
        window = f"{time_text(quota.from_ms, zone)} to {time_text(quota.until_ms, zone)}"
        limits = dict.fromkeys(stores, quota.per_store_milli) | {one.store: one.limit_milli for one in quota.stores}
        for store, limit in limits.items():
            if limit is not None:
                rows.append(
                    (quota.sku, window, f"store {store}", units(limit), units(used.get((quota.sku, "store", store), 0)))
                )
        if quota.per_customer_milli is not None:
            customers = {
                name: count for (sku, kind, name), count in used.items() if (sku, kind) == (quota.sku, "customer")
            }
            limit_text = units(quota.per_customer_milli)
            rows += [
                (quota.sku, window, f"customer {name}", limit_text, units(count)) for name, count in customers.items()
            ]
            if not customers:
                rows.append((quota.sku, window, "each customer", limit_text, "0"))
    if rows:
        print_table(("item", "window", "of", "limit", "used"), rows, ("limit", "used"))
    else:
        typer.echo(f"pool {pool} has no quotas")
