"""`park`: step over one input record that the workers cannot process."""

from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.options import BootstrapOption, ConfigOption, fail
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from messaging.client_options import ClientOptions
    from schemas.models.config import AcceptedGap, ParkedOffset


def park(
    pool: Annotated[str, typer.Argument(help="A pool on the stopped partition.", show_default=False)],
    topic: Annotated[str, typer.Argument(help="Input topic, as the worker's log names it.", show_default=False)],
    partition: Annotated[int, typer.Argument(min=0, show_default=False)],
    offset: Annotated[int, typer.Argument(min=0, show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the pool's journal.", show_default=False)],
    until: Annotated[
        int | None,
        typer.Option("--until", min=0, help="Give up the records from OFFSET to before this one.", show_default=False),
    ] = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Step over one record at which a partition has stopped. It goes to the dead letters, the step is journaled.

    Workers stop a partition at a record on which their own code fails; `./shelf doctor` and the log name it.
    They stop it, too, when records are gone from an input before they were read; --until gives those up.
    Of a page of the journal, restock leaves out what fails and takes the rest; the journal keeps all of it.

    Example: ./shelf park riverside pos.sales.v1 3 1042 --reason "fails since 1.2, reported"

    Example: ./shelf park riverside pos.sales.v1 3 1042 --until 5800 --reason "away for a month, sales are in the books"
    """
    from commonshelf.config.pool_config import read_pool_config
    from commonshelf.config.publishing import publish_settings
    from commonshelf.stack.connection import connect
    from schemas.models.config import ConfigChange
    from schemas.partition import partition_of
    from schemas.topics import POOL_CONFIG
    from streams.pool.processor import PoolProcessor
    from streams.restock.processor import RestockProcessor

    pools = PoolProcessor()
    inputs = (*pools.inputs, *RestockProcessor.inputs)
    if topic in pools.priority_inputs:
        fail(f"a record of {topic} is a setting, and settings are not stepped over; start a release that takes it")
    if topic not in inputs:
        fail(f"{topic!r} is no input of the pools or of restock; their inputs: {', '.join(inputs)}")
    connection = connect(config, bootstrap)
    read_pool_config(connection.kafka_options).catalog(pool)  # an unknown pool is told
    home = partition_of(pool, connection.settings.partitions)
    if home != partition:
        fail(f"pool {pool!r} lives on partition {home}, not {partition}; name a pool of the stopped partition")
    change = _step(connection.kafka_options, topic, partition, offset, reason, until)
    setting = ConfigChange(
        pool=pool,
        recorded_at_ms=wall_clock_ms(),
        origin="operator",
        change=change,
    )
    publish_settings(connection.kafka_options, connection.settings.partitions, [setting])
    what = f"offset {offset} is parked" if until is None else f"offsets {offset} to {until - 1} are given up"
    typer.echo(f"{topic}[{partition}] {what} ({POOL_CONFIG.name}); the partition goes on without")


def _step(
    kafka_options: "ClientOptions", topic: str, partition: int, offset: int, reason: str, until: int | None
) -> "ParkedOffset | AcceptedGap":
    from messaging.cluster import topic_identity
    from messaging.log_reader import bounds
    from schemas.models.config import AcceptedGap, ParkedOffset

    first, end = bounds(kafka_options, topic, partition)
    if until is None:
        if offset >= end:
            fail(
                f"{topic}[{partition}] has no record at offset {offset} yet, it ends before {end}; see the worker's log"
            )
        return ParkedOffset(topic=topic, partition=partition, offset=offset, reason=reason)
    if until not in (first, end):
        fail(
            f"{topic}[{partition}] begins at offset {first} and ends before {end}; --until takes the offset "
            "that the worker's log names"
        )
    topic_id = topic_identity(kafka_options, topic).name
    return AcceptedGap(topic=topic, partition=partition, offset=offset, until=until, topic_id=topic_id, reason=reason)
