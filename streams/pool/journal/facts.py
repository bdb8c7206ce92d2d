"""Facts as bytes: the journal carries the input's own bytes, and what the pool made of them.

An Avro record inside another is just its bytes, so an event is not encoded again: the body that arrived is
spliced into the journal entry, and kept in the duplicate check's pages. The plain sale, every line taken and
nothing else, is put together by hand; `encode_fact` is the general way, and a test holds the two equal.
"""

import io
from functools import lru_cache
from typing import Any

from fastavro import schemaless_reader, schemaless_writer
from fastavro.schema import parse_schema

from schemas.avro_parts import known_long_bytes, long_bytes, string_bytes
from schemas.codec import HEADER_BYTES
from schemas.registry import registry
from schemas.topics import POOL_JOURNAL

Fields = dict[str, Any]
Fact = tuple[str, Fields]
"""(Avro name of the fact, its fields)"""

SALE_RECORDED = "commonshelf.SaleRecorded"
STOCK_REPORT_RECORDED = "commonshelf.StockReportRecorded"
TICK = "commonshelf.Tick"
CONFIG_CHANGE = "commonshelf.ConfigChange"
CATALOG_ITEM = "commonshelf.CatalogItem"
REJECTED = "commonshelf.Rejected"
PARKED = "commonshelf.Parked"
ORDER_REQUEST_DECIDED = "commonshelf.OrderRequestDecided"
ORDER_CHANGED = "commonshelf.OrderChanged"
FULFILMENT_REPORT_DECIDED = "commonshelf.FulfilmentReportDecided"
TASK_CHANGED = "commonshelf.TaskChanged"
TRANSFER_REQUEST_DECIDED = "commonshelf.TransferRequestDecided"
TRANSFER_CHANGED = "commonshelf.TransferChanged"
LENDING_MESSAGE_DECIDED = "commonshelf.LendingMessageDecided"
LENDING_CHANGED = "commonshelf.LendingChanged"

COUNT_WITHDRAWN = "count_withdrawn"
"""Kind of a reversed line, and reason of a recount: the standing count was revised away, and cannot be undone."""

_journal = registry().latest(POOL_JOURNAL.name)
_page_schema: Any = _journal.parsed
_entry_schema = _page_schema["fields"][3]["type"]["items"]
_fact_schema = parse_schema(next(field["type"] for field in _entry_schema["fields"] if field["name"] == "fact"))
_PAGE_HEADER = b"\0" + _journal.id.to_bytes(HEADER_BYTES - 1, "big")
_SALE_TAKEN_FIRST = long_bytes(0)
_NOT_RUNG_UP = long_bytes(0)
_NOTHING_ELSE = bytes(5)
"""End of `taken`; no lines reversed, duplicate, stale or quarantined."""


def encode_fact(fact: Fact) -> bytes:
    """The fact as the journal's union has it."""
    out = io.BytesIO()
    schemaless_writer(out, _fact_schema, fact)
    return out.getvalue()


def decode_fact(raw: bytes | bytearray, position: int = 0) -> Fact:
    """The fact that starts at `position`."""
    stream = io.BytesIO(raw)
    stream.seek(position)
    fact: Any = schemaless_reader(stream, _fact_schema, None, return_record_name=True, return_record_name_override=True)
    kind, fields = fact
    return kind, fields


def encode_plain_sale(body: bytes, taken: list[bytes]) -> bytes:
    """A SaleRecorded of which every line was taken and nothing else.

    `body` is the event's own encoding, `taken` holds the lines' by `encode_taken`.
    """
    return b"".join((_SALE_TAKEN_FIRST, body, long_bytes(len(taken)), *taken, _NOTHING_ELSE))


@lru_cache(maxsize=16_384)
def encode_taken(line: int, sku: str, delta_milli: int) -> bytes:
    """A line that was taken: its place in the event, the item, the change of what the store has."""
    return long_bytes(line) + string_bytes(sku) + long_bytes(delta_milli) + _NOT_RUNG_UP


def encode_entry(topic: str, offset: int, appended_at_ms: int, fact: bytes) -> bytes:
    """A journal entry around an encoded fact."""
    return string_bytes(topic) + long_bytes(offset) + known_long_bytes(appended_at_ms) + fact


def encode_page(pool: str, partition: int, first_position: int, entries: list[bytes]) -> bytes:
    """A JournalPage in Confluent wire format around encoded entries, at least one."""
    head = _PAGE_HEADER + string_bytes(pool) + long_bytes(partition) + long_bytes(first_position)
    return b"".join((head, long_bytes(len(entries)), *entries, b"\0"))


def line_counts(fact: Fact) -> tuple[int, int, int]:
    """(applied, absorbed, quarantined) lines of a fact; their sum is the number of lines in the event."""
    kind, fields = fact
    if kind == REJECTED:
        return 0, 0, fields["lines"]
    if kind not in (SALE_RECORDED, STOCK_REPORT_RECORDED):
        return 0, 0, 0
    applied = len(fields["applied"]) + len(fields.get("counted", ()))
    return applied, fields["duplicate_lines"] + fields["stale_lines"], len(fields["quarantined"])
