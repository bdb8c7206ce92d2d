"""`clock`: confirm the time to a pool that was away for long."""

from typing import Annotated

import typer

from commonshelf.options import BootstrapOption, ConfigOption, fail, moment_ms
from commonshelf.text import time_text
from messaging.clock import wall_clock_ms

app = typer.Typer(no_args_is_help=True, help="The clocks of the pools.")


@app.callback()
def clock() -> None:
    """Keep `confirm` a word of its own: it is the only one so far."""


@app.command()
def confirm(
    pool: Annotated[str, typer.Argument(help="The pool.", show_default=False)],
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="By the pool's clock; this machine's time unless given."),
    ] = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Confirm that it is so late: the pool's clock goes there with the next tick. Journaled; there is no way back.

    A pool's clock moves on by a minute a tick beyond what tills report, lest a clock that is wrong end what is held
    and forget what was sold. After an outage of days without sales this takes it there at once.

    Example: ./shelf clock confirm riverside

    Example: ./shelf clock confirm riverside --at 2026-11-29T08:00:00
    """
    from commonshelf.config.publishing import publish_settings
    from commonshelf.desks.onboarding import zone_of
    from commonshelf.stack.connection import connect
    from schemas.models.config import ClockConfirmation, ConfigChange
    from streams.catalog.pool_config import PoolConfig

    connection = connect(config, bootstrap)
    zone = zone_of(connection, pool)
    now_ms = wall_clock_ms()
    at_ms = now_ms if at is None else moment_ms(at, zone, "--at")
    skew_ms = PoolConfig().pool["future_skew_ms"]
    if not 0 <= at_ms <= now_ms + skew_ms:
        fail(f"--at {at} is not a time up to now by this machine's clock; set the clock, or give an earlier time")
    change = ConfigChange(
        pool=pool, recorded_at_ms=now_ms, origin="operator", change=ClockConfirmation(at_ms=at_ms)
    )  # fmt: skip
    publish_settings(connection.kafka_options, connection.settings.partitions, [change])
    typer.echo(f"the clock of pool {pool} may go to {time_text(at_ms, zone)} at its next tick")
