"""Facts as bytes: the journal carries the input's own bytes, and what the pool made of them.

An Avro record inside another is just its bytes, so an event is not encoded again: the body that arrived is
spliced into the journal entry, and kept in the duplicate check's pages. The plain sale, every line applied and
nothing else, is put together by hand; `FactCodec` is the general way, and a test holds the two equal.
"""

import io
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, Final, cast

from fastavro import schemaless_reader, schemaless_writer
from fastavro.schema import parse_schema

from schemas.avro_parts import known_long_bytes, long_bytes, string_bytes
from schemas.codec import HEADER_BYTES, BadMessage, refuse_schema
from schemas.plain_sale import TIME_BYTES
from schemas.registry import RegisteredSchema, Registry, registry
from schemas.topics import POOL_JOURNAL
from schemas.types.journal import Fact
from schemas.types.pos import SaleLine, StockLine
from schemas.types.stock import AppliedLine
from streams.pool.journal import dead_letter_reasons as reasons

SALE_RECORDED: Final = "commonshelf.SaleRecorded"
STOCK_REPORT_RECORDED: Final = "commonshelf.StockReportRecorded"
TICK: Final = "commonshelf.Tick"
CONFIG_CHANGE: Final = "commonshelf.ConfigChange"
CATALOG_ITEM: Final = "commonshelf.CatalogItem"
REJECTED: Final = "commonshelf.Rejected"
PARKED: Final = "commonshelf.Parked"
ORDER_REQUEST_DECIDED: Final = "commonshelf.OrderRequestDecided"
ORDER_CHANGED: Final = "commonshelf.OrderChanged"
FULFILMENT_REPORT_DECIDED: Final = "commonshelf.FulfilmentReportDecided"
TASK_CHANGED: Final = "commonshelf.TaskChanged"
TRANSFER_REQUEST_DECIDED: Final = "commonshelf.TransferRequestDecided"
TRANSFER_CHANGED: Final = "commonshelf.TransferChanged"
LENDING_MESSAGE_DECIDED: Final = "commonshelf.LendingMessageDecided"
LENDING_CHANGED: Final = "commonshelf.LendingChanged"
MEMBERSHIP_CHANGED: Final = "commonshelf.MembershipChanged"

COUNT_WITHDRAWN: Final = "count_withdrawn"
"""Kind of a reversed line, and reason of a recount: the standing count was revised away, and cannot be undone."""

FACT_MAX_BYTES = 6 * 1_048_576
"""Of one fact, and of what is remembered of one event: Kafka takes 8 MiB, with a page's or a row's other content."""

_SALE_RECORDED_FIRST = long_bytes(0)
_PLAINLY = long_bytes(0) + b"\0" + 2 * long_bytes(0) + b"\0"
"""End of a line that was applied: nothing of it is an order's or was, it is no line of a version before, and its
quantity is the item's.
"""
_NO_LINES = b"\0"
_CONTINUE = int.from_bytes(b"\x80" * TIME_BYTES, "little")
"""Bits of a time's bytes: more follow. The last has none."""
_NOTHING_ELSE = bytes(6)
"""End of `applied`; no lines reversed, duplicate, stale or quarantined, no hand-overs."""


_LONG = parse_schema("long")


def _fact_schema(journal: RegisteredSchema) -> Any:
    entry: Any = journal.parsed["fields"][3]["type"]["items"]
    return parse_schema(next(field["type"] for field in entry["fields"] if field["name"] == "fact"))


class FactCodec:
    """Facts and journal pages as bytes, by the newest schema of pool.journal.v1 that a registry knows."""

    def __init__(self, known: Registry) -> None:
        journal = known.latest(POOL_JOURNAL.name)
        self._known = known
        self._schemas = {schema.id: _fact_schema(schema) for schema in known.by_subject[journal.subject]}
        self._schema = self._schemas[journal.id]
        self.mark = long_bytes(journal.id)
        """Stands before each fact that is kept for `recall`: the schema that it is written with."""
        self._page_header = b"\0" + journal.id.to_bytes(HEADER_BYTES - 1, "big")

    def encode(self, fact: Fact) -> bytes:
        """The fact as the journal's union has it."""
        out = io.BytesIO()
        schemaless_writer(out, self._schema, fact)
        return out.getvalue()

    def recall(self, raw: bytes | bytearray, position: int) -> Fact:
        """The fact that stands behind its mark at `position`, whichever release wrote it. Raises LaterSchema."""
        stream = io.BytesIO(raw)
        stream.seek(position)
        schema_id: Any = schemaless_reader(stream, _LONG, None)
        writer = self._schemas.get(schema_id)
        if writer is None:
            raise refuse_schema(self._known, POOL_JOURNAL.name, schema_id)
        reader = None if writer is self._schema else self._schema
        fact: Any = schemaless_reader(stream, writer, reader, return_record_name=True, return_record_name_override=True)
        return cast("Fact", tuple(fact))

    def encode_page(self, pool: str, partition: int, first_position: int, entries: list[bytes]) -> bytes:
        """A JournalPage in Confluent wire format around encoded entries, at least one."""
        head = self._page_header + string_bytes(pool) + long_bytes(partition) + long_bytes(first_position)
        return b"".join((head, long_bytes(len(entries)), *entries, b"\0"))


@cache
def fact_codec(known: Registry | None = None) -> FactCodec:
    """The codec of a registry; of this release's schemas unless one is given."""
    return FactCodec(registry() if known is None else known)


def check_size(fact_bytes: int) -> None:
    """A decision can be journaled and remembered. Raises BadMessage for the input of one that cannot."""
    if fact_bytes > FACT_MAX_BYTES:
        detail = f"what it changes comes to {fact_bytes} bytes, and the pool keeps {FACT_MAX_BYTES} of one event"
        raise BadMessage(reasons.TOO_LARGE, f"{detail}: divide it")


def encode_plain_sale(body: bytes, applied: list[bytes]) -> bytes:
    """A SaleRecorded of which every line was applied and nothing else.

    `body` is the event's own encoding, `applied` holds the lines' by `encode_applied`.
    """
    return b"".join((_SALE_RECORDED_FIRST, body, long_bytes(len(applied)), *applied, _NOTHING_ELSE))


def encode_one_line_sale(body: bytes, sku: str, delta_milli: int) -> bytes:
    """The same of one line."""
    return b"".join((_SALE_RECORDED_FIRST, body, _one_line(sku, delta_milli)))


def encode_repeated_sale(body: bytes, lines: int) -> bytes:
    """A SaleRecorded of which every line was applied before."""
    return b"".join((_SALE_RECORDED_FIRST, body, _NO_LINES, _NO_LINES, long_bytes(lines), 3 * _NO_LINES))


def tells_again(fact: bytes, before: bytes, recorded_at: int) -> bool:
    """Does `before` begin with the fact of the same plain sale, whenever that was recorded?

    `recorded_at` is the place of that time in the event's own encoding; in both it must take as many bytes.
    """
    at = len(_SALE_RECORDED_FIRST) + recorded_at
    behind = at + TIME_BYTES
    recorded = int.from_bytes(before[at:behind], "little")
    return (
        before.startswith(fact[:at]) and before.startswith(fact[behind:], behind)
        and recorded & _CONTINUE == _CONTINUE & ~(0x80 << 8 * (TIME_BYTES - 1))
    )  # fmt: skip


@lru_cache(maxsize=16_384)
def _one_line(sku: str, delta_milli: int) -> bytes:
    return long_bytes(1) + encode_applied(0, sku, delta_milli) + _NOTHING_ELSE


@lru_cache(maxsize=16_384)
def encode_applied(line: int, sku: str, delta_milli: int) -> bytes:
    """A line that was applied: its place in the event, the item, the change of what the store has."""
    return long_bytes(line) + string_bytes(sku) + long_bytes(delta_milli) + _PLAINLY


def encode_entry(topic: str, offset: int, appended_at_ms: int, fact: bytes) -> bytes:
    """A journal entry around an encoded fact."""
    return string_bytes(topic) + long_bytes(offset) + known_long_bytes(appended_at_ms) + fact


def own_lines(applied: Sequence[AppliedLine]) -> list[AppliedLine]:
    """The applied lines that are the event's own, not kept of the version before."""
    return [line for line in applied if not line.get("kept")]


def own_line_count(applied: Sequence[AppliedLine]) -> int:
    """The number of the event's own lines that are applied; of a kit each part is applied, and its line is one."""
    return len({line["line"] for line in own_lines(applied)})


def moved_milli(line: AppliedLine, told: SaleLine | StockLine) -> int:
    """How much of its item an applied line is, thousandths of the unit, from zero on. `told`: its line in the event."""
    moved = line.get("moved_milli")
    return abs(told["quantity_milli"]) if moved is None else moved


def told_milli(applied: AppliedLine, line: SaleLine) -> int:
    """What an applied line of a sale says that came to the store, or left it: below zero for what left."""
    return (-1 if line["kind"] == "sale" else 1) * moved_milli(applied, line)


def line_counts(fact: Fact) -> tuple[int, int, int]:
    """(applied, absorbed, quarantined) lines of a fact; their sum is the number of lines in the event."""
    if fact[0] == REJECTED:
        return 0, 0, fact[1]["lines"]
    if fact[0] == SALE_RECORDED:
        sale = fact[1]
        return own_line_count(sale["applied"]), sale["duplicate_lines"] + sale["stale_lines"], len(sale["quarantined"])
    if fact[0] == STOCK_REPORT_RECORDED:
        report = fact[1]
        applied = own_line_count(report["applied"]) + len(report["counted"])
        return applied, report["duplicate_lines"] + report["stale_lines"], len(report["quarantined"])
    return 0, 0, 0
