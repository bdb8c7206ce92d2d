"""`park`: step over one input record that the workers cannot process."""

from typing import Annotated

import typer

from commonshelf.options import BootstrapOption, ConfigOption, fail
from messaging.clock import wall_clock_ms


def park(
    pool: Annotated[str, typer.Argument(help="A pool on the stopped partition.", show_default=False)],
    topic: Annotated[str, typer.Argument(help="Input topic, as the worker's log names it.", show_default=False)],
    partition: Annotated[int, typer.Argument(min=0, show_default=False)],
    offset: Annotated[int, typer.Argument(min=0, show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the pool's journal.", show_default=False)],
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Step over one record at which a partition has stopped. It goes to the dead letters, the step is journaled.

    Workers stop a partition at a record on which their own code fails; `./shelf doctor` and the log name it.

    Example: ./shelf park riverside pos.sales.v1 3 1042 --reason "fails since 1.2, reported"
    """
    from commonshelf.config.publishing import publish_settings
    from commonshelf.stack.connection import connect
    from messaging.log_reader import end_offset
    from schemas.models.config import ConfigChange, ParkedOffset
    from schemas.partition import partition_of
    from schemas.topics import POOL_CONFIG
    from streams.pool.processor import PoolProcessor

    pools = PoolProcessor()
    if topic in pools.priority_inputs:
        fail(f"a record of {topic} is a setting, and settings are not stepped over; start a release that takes it")
    if topic not in pools.inputs:
        fail(f"{topic!r} is no input of the pools; their inputs: {', '.join(pools.inputs)}")
    connection = connect(config, bootstrap)
    home = partition_of(pool, connection.settings.partitions)
    if home != partition:
        fail(f"pool {pool!r} lives on partition {home}, not {partition}; name a pool of the stopped partition")
    end = end_offset(connection.kafka_options, topic, partition)
    if offset >= end:
        fail(f"{topic}[{partition}] has no record at offset {offset} yet, it ends before {end}; see the worker's log")
    change = ConfigChange(
        pool=pool,
        recorded_at_ms=wall_clock_ms(),
        origin="operator",
        change=ParkedOffset(topic=topic, partition=partition, offset=offset, reason=reason),
    )
    publish_settings(connection.kafka_options, connection.settings.partitions, [change])
    typer.echo(f"{topic}[{partition}] offset {offset} is parked ({POOL_CONFIG.name}); the partition goes on without it")
