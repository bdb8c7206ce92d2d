"""Reads the pools' journal: one reader for downstream services, desks, benches and the proof."""

import io
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from fastavro import schemaless_reader
from fastavro.schema import parse_schema

from messaging.client_options import ClientOptions
from messaging.log_reader import read_log
from messaging.plain_entry import read_plain_entry
from schemas.avro_parts import long_bytes, string_bytes
from schemas.codec import HEADER_BYTES, BadMessage, refuse_schema
from schemas.registry import registry
from schemas.topics import POOL_JOURNAL
from schemas.types.journal import Fact


class Cause(NamedTuple):
    """The input record that an entry came from."""

    topic: str
    partition: int
    offset: int


class JournalEntry(NamedTuple):
    """One fact of a pool and where it comes from."""

    pool: str
    position: int
    """Counts the pool's entries from 1, without gaps."""
    cause: Cause
    appended_at_ms: int
    """When the cause reached the broker, ms since 1970 UTC."""
    fact: Fact
    fact_bytes: bytes
    """The fact as it was written: the journal's union in Avro."""


class _Layout(NamedTuple):
    """The reading of a schema version's pages: as they were written, resolved to the newest version."""

    head: Any
    entry: Any
    newest_entry: Any
    is_newest: bool


_long = parse_schema("long")


def read_page(value: bytes | None) -> Iterator[JournalEntry]:
    """The entries of a journal record, in order. Raises BadMessage for bytes that are no page."""
    if value is None:
        raise BadMessage("no_value", "the record has no value")
    if len(value) < HEADER_BYTES or value[0] != 0:
        raise BadMessage("not_avro", f"no Confluent wire format header; the value starts {value[:8].hex()!r}")
    layout = _layout(int.from_bytes(value[1:HEADER_BYTES], "big"))
    stream = io.BytesIO(value)
    stream.seek(HEADER_BYTES)
    head = _read(stream, layout.head)
    pool, partition, position = head["pool"], head["partition"], head["first_position"]
    while (count := _read(stream, _long)) != 0:
        if count < 0:  # Avro's form of a block that says how many bytes it takes
            count = -count
            _read(stream, _long)
        at = stream.tell()
        for _ in range(count):
            plain = read_plain_entry(value, at) if layout.is_newest else None
            if plain is not None:
                topic, offset, appended_at_ms, fact, fact_at, at = plain
            else:
                stream.seek(at)
                entry = _read(stream, layout.entry, layout.newest_entry)
                topic, offset, appended_at_ms, fact = (
                    entry["topic"], entry["offset"], entry["appended_at_ms"], entry["fact"]
                )  # fmt: skip
                fact_at = at + len(string_bytes(topic)) + len(long_bytes(offset)) + len(long_bytes(appended_at_ms))
                at = stream.tell()
            cause = Cause(topic, partition, offset)
            yield JournalEntry(pool, position, cause, appended_at_ms, fact, value[fact_at:at])
            position += 1
        stream.seek(at)
    if stream.tell() != len(value):
        raise BadMessage("trailing_bytes", f"{len(value) - stream.tell()} bytes after the page")


def read_journal(
    kafka_options: ClientOptions,
    partitions: list[int] | None = None,
    since_ms: int | None = None,
    is_wanted: Callable[[bytes], bool] | None = None,
) -> Iterator[JournalEntry]:
    """The entries up to the present end, each pool's in order; of all partitions unless some are named.

    since_ms: leave out pages that the broker appended earlier.
    is_wanted: takes a page's bytes and says whether to decode it, for readers that look for a few facts of many.
    Raises KafkaException, TimeoutError, BadMessage.
    """
    for message in read_log(kafka_options, [POOL_JOURNAL.name], partitions, since_ms):
        value = message.value()
        if is_wanted is None or is_wanted(value or b""):
            yield from read_page(value)


@cache
def _layout(schema_id: int) -> _Layout:
    versions = {schema.id: schema.parsed for schema in registry().by_subject[POOL_JOURNAL.subject]}
    if schema_id not in versions:
        raise refuse_schema(registry(), POOL_JOURNAL.name, schema_id)
    newest = registry().latest(POOL_JOURNAL.name).parsed
    head, entry = _parts(versions[schema_id])
    is_newest = versions[schema_id] is newest
    return _Layout(head, entry, None if is_newest else _parts(newest)[1], is_newest)


def _parts(page: Any) -> tuple[Any, Any]:
    """Schemas of what stands before a page's entries, and of an entry."""
    *before, entries = page["fields"]
    return parse_schema({"type": "record", "name": "JournalPageHead", "fields": before}), parse_schema(
        entries["type"]["items"]
    )


def _read(stream: io.BytesIO, schema: Any, newest: Any = None) -> Any:
    try:
        return schemaless_reader(stream, schema, newest, return_record_name=True, return_record_name_override=True)
    except Exception as error:  # the bytes are anyone's: fastavro raises a dozen types on bad ones
        raise BadMessage("undecodable", f"{type(error).__name__}: {error}") from error
