"""Settings of Kafka clients by what a client is for. Names are librdkafka's (its CONFIGURATION.md)."""

from collections.abc import Mapping
from typing import Literal

ClientOptions = Mapping[str, str | int | float | bool]
"""How a cluster is reached: bootstrap.servers and security, as settings say; also what else a client wants."""

Isolation = Literal["read_committed", "read_uncommitted"]


def reader_options(
    kafka_options: ClientOptions, name: str, isolation: Isolation = "read_committed"
) -> dict[str, str | int | float | bool]:
    """Of a consumer that commits nothing by itself and hears of each partition's end.

    name: of its group, which the client must have; a reader that is assigned its partitions never joins it.
    A position out of the log's range is an error. A client whose queue is full fetches again as soon as it has room:
    by librdkafka's default it leaves the partition alone for up to a second.
    """
    return {
        **kafka_options,
        "group.id": name,
        "enable.auto.commit": False,
        "isolation.level": isolation,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
        "fetch.queue.backoff.ms": 2,
    }


def producer_options(kafka_options: ClientOptions) -> dict[str, str | int | float | bool]:
    """Of a producer of which nothing is lost, repeated or reordered: idempotent, confirmed by every in-sync replica."""
    return {**kafka_options, "acks": "all", "enable.idempotence": True}


def quiet(kafka_options: ClientOptions) -> dict[str, str | int | float | bool]:
    """Log nothing to the terminal: what goes wrong is raised, and told once."""
    return {**kafka_options, "log_level": 0}
