"""`quota`: limit what of an item each store gives and each customer gets."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from commonshelf.options import BootstrapOption, ConfigOption, fail, milli_of
from messaging.clock import wall_clock_ms


def quota(
    pool: Annotated[str, typer.Argument(help="The pool.", show_default=False)],
    sku: Annotated[str, typer.Argument(help="The item.", show_default=False)],
    since: Annotated[datetime, typer.Option("--from", help="When the window begins, UTC.", show_default=False)],
    until: Annotated[datetime, typer.Option("--until", help="When it has ended, UTC.", show_default=False)],
    per_store: Annotated[str | None, typer.Option("--per-store", metavar="UNITS", help="Of each store.")] = None,
    per_customer: Annotated[str | None, typer.Option("--per-customer", metavar="UNITS", help="Each gets.")] = None,
    stores: Annotated[list[str] | None, typer.Option("--store", metavar="STORE=UNITS", help="A store's own.")] = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Limit a drop: orders placed in the window. Without limits the item is free again.

    Example: ./shelf quota riverside SNEAKER --from 2026-11-27T08:00:00 --until 2026-11-28 --per-customer 2
    """
    from pydantic import ValidationError

    from commonshelf.config.publishing import publish_settings
    from commonshelf.stack.connection import connect
    from schemas.models.config import ConfigChange, ItemQuota, StoreQuota
    from schemas.models.forms import first_problem

    own = [one.rpartition("=") for one in stores or []]
    try:
        change = ItemQuota(
            sku=sku, from_ms=_ms(since), until_ms=_ms(until),
            per_store_milli=None if per_store is None else milli_of(per_store, "--per-store"),
            per_customer_milli=None if per_customer is None else milli_of(per_customer, "--per-customer"),
            stores=tuple(StoreQuota(store=store, limit_milli=milli_of(units, store)) for store, _, units in own),
        )  # fmt: skip
        event = ConfigChange(pool=pool, recorded_at_ms=wall_clock_ms(), origin="operator", change=change)
    except ValidationError as error:
        fail(first_problem(error, "the quota"))
    connection = connect(config, bootstrap)
    published = publish_settings(connection.kafka_options, connection.settings.partitions, [event])
    typer.echo(f"quota of {sku} in pool {pool} {'published' if published else 'stands already'}")


def _ms(at: datetime) -> int:
    return int(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000)
