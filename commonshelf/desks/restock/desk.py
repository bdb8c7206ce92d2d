"""The restock desk: proposals as they stand, their sheets in a folder, and answers on their way to the pool."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

from commonshelf.config.publishing import current
from commonshelf.desks.restock.sheet import sheet_csv
from commonshelf.desks.restock.workbook import sheet_workbook
from commonshelf.stack.connection import Connection
from commonshelf.text import time_text
from messaging.client_options import quiet
from messaging.errors import UserError
from messaging.publisher import Publisher, publish_and_flush
from schemas.models.restock import RestockAnswer
from schemas.partition import partition_of
from schemas.topics import RESTOCK_PROPOSALS
from schemas.types.restock import RestockProposal


class FolderError(UserError):
    """The sheets cannot be written; the sentence says what to do."""


def standing_proposals(connection: Connection, pool: str) -> list[RestockProposal]:
    """The last proposal of each store and item of a pool, by both."""
    home = [partition_of(pool, connection.settings.partitions)]
    rows: list[RestockProposal] = list(current(connection.kafka_options, RESTOCK_PROPOSALS.name, home))
    return sorted((row for row in rows if row["pool"] == pool), key=lambda row: (row["store"], row["sku"]))


def open_proposals(proposals: Iterable[RestockProposal], store: str | None) -> dict[str, list[RestockProposal]]:
    """Store → its proposals that wait for an answer; of all stores, or of one."""
    waiting = [row for row in proposals if row["status"] == "open" and store in (None, row["store"])]
    return {name: list(rows) for name, rows in groupby(waiting, key=lambda row: row["store"])}


def write_sheets(
    by_store: Mapping[str, list[RestockProposal]], zone: ZoneInfo, workbooks: Path | None, texts: Path | None
) -> list[Path]:
    """The files written: a sheet for each store, into the folders that are given. Raises FolderError.

    No file is written over: it may be one that a shopkeeper has filled in.
    """
    files: dict[Path, bytes] = {}
    for store, proposals in by_store.items():
        if workbooks is not None:
            files[workbooks / f"{store}.xlsx"] = sheet_workbook(proposals, sheet_title(proposals, zone))
        if texts is not None:
            files[texts / f"{store}.csv"] = sheet_csv(proposals).encode("utf-8-sig")
    there = [str(file) for file in files if file.exists()]
    if there:
        raise FolderError(f"{', '.join(there)} would be written over; import what it says, then remove it")
    try:
        for file, content in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as out:
                out.write(content)
    except OSError as error:
        raise FolderError(f"{error.filename} cannot be written: {error.strerror}") from error
    return list(files)


def sheet_title(proposals: list[RestockProposal], zone: ZoneInfo) -> str:
    """The first line of a store's sheet."""
    planned = time_text(max(row["planned_at_ms"] for row in proposals), zone)
    return f"Restock of {proposals[0]['store']}, pool {proposals[0]['pool']}, planned {planned}"


def publish_answers(connection: Connection, answers: Iterable[RestockAnswer]) -> None:
    """Acknowledged by Kafka when it returns. Raises KafkaException or PublishError."""
    with Publisher(quiet(connection.kafka_options), connection.settings.partitions) as publisher:
        publish_and_flush(publisher, list(answers))
