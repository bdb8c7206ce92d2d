"""Requests about orders, reports on tasks, and what became of them: by hand, and for a pilot's pickers."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from commonshelf.config.publishing import current
from commonshelf.stack.connection import Connection
from messaging.client_options import quiet
from messaging.clock import wall_clock_ms
from messaging.decoding import decoder
from messaging.errors import UserError
from messaging.log_reader import read_log, read_table
from messaging.publisher import Publisher, publish_and_flush
from schemas.codec import topic_codec
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.partition import partition_of
from schemas.statuses import LIVE_TASK
from schemas.topics import ORDERS_EVENTS, POOL_CHANGELOG, POOL_TASKS

_POLL_S = 0.2
_SKEW_MS = 10_000
Row = dict[str, Any]


class UnknownTaskError(UserError):
    """No such task, or several pools have one of that name."""


class NoAnswerError(UserError):
    """The pool did not answer in time."""


def publish(kafka_options: Mapping[str, str], partitions: int, event: OrderRequest | FulfilmentReport) -> None:
    """Acknowledged by Kafka when it returns. Raises KafkaException or PublishError."""
    with Publisher(quiet(kafka_options), partitions) as publisher:
        publish_and_flush(publisher, [event])


def order_events(kafka_options: Mapping[str, str], partitions: int, pool: str, since_ms: int = 0) -> Iterator[Row]:
    """The events of `pool` in orders.events, from `since_ms` to its present end. Raises LaterRecords."""
    decode, prefix = decoder(ORDERS_EVENTS.name), f"{pool}/".encode()
    for message in read_log(kafka_options, [ORDERS_EVENTS.name], [partition_of(pool, partitions)], since_ms or None):
        event: Row | None = decode(message.value()) if (message.key() or b"").startswith(prefix) else None
        if event is not None:
            yield event


def standing_orders(kafka_options: Mapping[str, str], partitions: int, pool: str) -> list[Row]:
    """The last event of each order that tells how it stands, by when that was."""
    rows: dict[str, Row] = {}
    for event in order_events(kafka_options, partitions, pool):
        if event["status"] and event["transfer"] is None:
            rows.pop(event["order"], None)
            rows[event["order"]] = event
    return list(rows.values())


def standing_transfers(kafka_options: Mapping[str, str], partitions: int, pool: str) -> list[Row]:
    """Each transfer as the last event about it has it, by when that was."""
    rows: dict[str, Row] = {}
    for event in order_events(kafka_options, partitions, pool):
        row = event["transfer"]
        if row is not None:
            rows.pop(row["transfer"], None)
            rows[row["transfer"]] = row
    return list(rows.values())


def quota_counts(kafka_options: Mapping[str, str], partitions: int, pool: str) -> list[Row]:
    """What counts toward the quotas of a pool's items: the rows of its state."""
    decode, prefix = topic_codec(POOL_CHANGELOG.name).decode, f"quota/{pool}/".encode()
    table = read_table(kafka_options, POOL_CHANGELOG.name, [partition_of(pool, partitions)])
    return [decode(value)["row"][1] for key, value in table.items() if key.startswith(prefix)]


def await_answer(kafka_options: Mapping[str, str], partitions: int, pool: str, key: str, wait_s: float) -> Row:
    """The event that answers the request or the report called `key`. Raises NoAnswerError."""
    since_ms = wall_clock_ms() - _SKEW_MS
    deadline = time.monotonic() + wait_s
    while True:
        found = [event for event in order_events(kafka_options, partitions, pool, since_ms) if event["key"] == key]
        if found:
            return found[-1]
        if time.monotonic() > deadline:
            raise NoAnswerError(f"no answer within {wait_s:.0f} s; does the pool's worker run? See ./shelf doctor")
        time.sleep(_POLL_S)


def ask(connection: Connection, event: OrderRequest | FulfilmentReport, key: str, wait_s: float) -> Row:
    """Publish a request or a report called `key` and return the pool's answer.

    Raises KafkaException, PublishError or NoAnswerError.
    """
    options, partitions = connection.kafka_options, connection.settings.partitions
    publish(options, partitions, event)
    return await_answer(options, partitions, event.pool, key, wait_s)


def live_tasks(kafka_options: Mapping[str, str], store: str, pool: str | None = None) -> list[Row]:
    """Tasks that have not ended, the most urgent first: by priority, then by when they are due."""
    rows = [row for row in current(kafka_options, POOL_TASKS.name) if row["status"] in LIVE_TASK]
    rows = [row for row in rows if row["store"] == store and pool in (None, row["pool"])]
    return sorted(rows, key=lambda row: (-row["priority"], row["due_ms"], row["task"]))


def find_task(kafka_options: Mapping[str, str], name: str, pool: str | None) -> Row:
    """Raises UnknownTaskError."""
    rows: list[Row] = [row for row in current(kafka_options, POOL_TASKS.name) if row["task"] == name]
    rows = [row for row in rows if pool in (None, row["pool"])]
    if len(rows) != 1:
        pools = ", ".join(sorted(row["pool"] for row in rows))
        raise UnknownTaskError(
            f"task {name} is in several pools ({pools}); say which with --pool" if rows
            else f"there is no task {name!r}; `./shelf tasks STORE` lists a store's"
        )  # fmt: skip
    return rows[0]
