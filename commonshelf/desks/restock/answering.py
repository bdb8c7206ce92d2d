"""Answers to single proposals, and the orders to suppliers that follow."""

import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

from commonshelf.desks.restock.desk import standing_proposals
from commonshelf.stack.connection import Connection
from messaging.decoding import decoder
from messaging.errors import UserError
from messaging.log_reader import read_log
from schemas.currency import amount_text
from schemas.models.restock import RestockAnswer
from schemas.partition import partition_of
from schemas.topics import RESTOCK_PURCHASES
from schemas.types.restock import PurchaseLine, RestockProposal

_POLL_S = 0.2


class NoProposalError(UserError):
    """No such proposal, or none that waits for an answer."""


class NotTakenError(UserError):
    """The restock worker has not taken an answer in time."""


def proposal(connection: Connection, pool: str, store: str, sku: str) -> RestockProposal:
    """The newest proposal of an item. Raises NoProposalError."""
    for row in standing_proposals(connection, pool):
        if (row["store"], row["sku"]) == (store, sku):
            return row
    raise NoProposalError(
        f"{store} has no proposal for {sku}; `./shelf restock plan {pool} --store {store}` lists them"
    )


def wait_until_taken(connection: Connection, said: RestockAnswer, timeout_s: float) -> RestockProposal:
    """The proposal as the answer left it. Raises NotTakenError."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        row = proposal(connection, said.pool, said.store, said.sku)
        if row["version"] > said.version or row["status"] != "open":
            return row
        if time.monotonic() > deadline_s:
            raise NotTakenError(
                f"the answer is in Kafka, and no restock worker has taken it within {timeout_s:g} s; "
                "it counts once `worker restock` runs"
            )
        time.sleep(_POLL_S)


def purchases(
    connection: Connection, pool: str, store: str | None = None, supplier: str | None = None
) -> list[PurchaseLine]:
    """What was ordered, by order day, store, supplier and item."""
    messages = read_log(connection.kafka_options, [RESTOCK_PURCHASES.name], _home(connection, pool))
    rows = cast("list[PurchaseLine]", _decoded(RESTOCK_PURCHASES.name, (one.value() for one in messages)))
    wanted = [
        row for row in rows
        if row["pool"] == pool and store in (None, row["store"]) and supplier in (None, row["supplier"])
    ]  # fmt: skip
    return sorted(wanted, key=lambda row: (row["order_on"], row["store"], row["supplier"], row["sku"], row["version"]))


def order_text(lines: Sequence[PurchaseLine], store_name: str) -> str:
    """An order to a supplier as the text of an e-mail. lines: of one store, supplier and order day, one at least."""
    first = lines[0]
    goods = "\n".join(
        f"  {line['packs']} x {line['name']}, pack of {line['pack_milli'] / 1000:g}"
        f"{'' if line['unit'] == 'each' else ' ' + line['unit']}, {line['gtin'] or line['sku']}"
        for line in lines
    )
    total = amount_text(sum(line["cost_minor"] for line in lines), first["currency"])
    return (
        f"Subject: Order of {store_name}, {first['order_on']}\n\n"
        f"To {first['supplier'] or 'the supplier'}:\n\nPlease deliver by {first['arrives_on']}:\n\n{goods}\n\n"
        f"By our list this comes to {total}.\n\n{store_name}\n"
    )


def _home(connection: Connection, pool: str) -> list[int]:
    return [partition_of(pool, connection.settings.partitions)]


def _decoded(topic: str, values: Iterable[bytes | None]) -> list[dict[str, Any]]:
    """Those that are records of the topic: restock alone writes there. Raises LaterRecords."""
    return [row for row in map(decoder(topic), values) if row is not None]
