"""Avro values in Confluent wire format: a zero byte, the schema id in four bytes big endian, the Avro body."""

import io
import struct
from functools import cache
from typing import Any

from fastavro import schemaless_reader, schemaless_writer

from schemas.registry import Registry, registry
from schemas.topics import PROCESSORS, TOPICS

HEADER_BYTES = 5
RECORD_MAX_BYTES = 1_048_576
"""Largest value of an input topic that is decoded; a larger one is a bad message."""
OWN_RECORD_MAX_BYTES = 8 * 1_048_576
"""The same for the topics of our own processors, whose records hold whole inputs and what became of them."""

_OWN = frozenset(topic.name for topic in TOPICS.values() if topic.writer in PROCESSORS and not topic.has_dead_letters)


class BadMessage(ValueError):
    """Bytes that are not a value of the topic: `reason` is from a closed list, the text says what was found."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class LaterSchema(BadMessage):
    """A value whose schema this release does not know and a later one may: its reader waits, and sets nothing aside."""

    def __init__(self, topic: str, schema_id: int) -> None:
        super().__init__("later_schema", f"schema id {schema_id} of {topic} is newer than all that this release knows")


def refuse_schema(known: Registry, topic: str, schema_id: int) -> BadMessage:
    """Why a schema id is none of the topic's: it is of a later release, or of nobody here."""
    if known.is_later(schema_id):
        return LaterSchema(topic, schema_id)
    return BadMessage("foreign_schema", f"schema id {schema_id} is not one of {topic}")


class Codec:
    """Encodes and decodes the values of one topic."""

    def __init__(self, topic: str, known: Registry | None = None) -> None:
        known = registry() if known is None else known
        self._known = known
        latest = known.latest(topic)
        self.topic = topic
        self.schema_id = latest.id
        self._schema = latest.parsed
        self.header = struct.pack(">bI", 0, latest.id)
        self._max_bytes = OWN_RECORD_MAX_BYTES if topic in _OWN else RECORD_MAX_BYTES
        self._has_record_union = has_record_union(latest.parsed)
        self._older = {s.id: s.parsed for s in known.by_subject[latest.subject] if s.id != latest.id}

    def encode(self, datum: Any) -> bytes:
        """Raises ValueError, TypeError or OverflowError when `datum` does not fit the schema: the caller's error."""
        out = io.BytesIO()
        out.write(self.header)
        schemaless_writer(out, self._schema, datum)
        return out.getvalue()

    def decode(self, value: bytes | None) -> Any:
        """Decode with the writer's schema, resolved to the newest.

        A union of several records comes as a pair (record name, value), the form that `encode` takes.
        Raises BadMessage for all bytes that are not a value of this topic, and LaterSchema for those that may be one.
        """
        if value is None or not value.startswith(self.header) or len(value) > self._max_bytes:
            return self._decode_unusual(value)
        return self._read(value, self._schema, None)

    def _decode_unusual(self, value: bytes | None) -> Any:
        if value is None:
            raise BadMessage("no_value", "the record has no value")
        if len(value) > self._max_bytes:
            raise BadMessage("too_large", f"{len(value)} bytes; the limit is {self._max_bytes}")
        if len(value) < HEADER_BYTES or value[0] != 0:
            raise BadMessage("not_avro", f"no Confluent wire format header; the value starts {value[:8].hex()!r}")
        (schema_id,) = struct.unpack(">I", value[1:HEADER_BYTES])
        writer = self._older.get(schema_id)
        if writer is None:
            raise refuse_schema(self._known, self.topic, schema_id)
        return self._read(value, writer, self._schema)

    def _read(self, value: bytes, writer: Any, reader: Any) -> Any:
        stream = io.BytesIO(value)
        stream.seek(HEADER_BYTES)
        try:
            if self._has_record_union:
                datum = schemaless_reader(
                    stream, writer, reader, return_record_name=True, return_record_name_override=True
                )
            else:
                datum = schemaless_reader(stream, writer, reader)
        except Exception as error:  # the bytes are anyone's: fastavro raises a dozen types on bad ones
            raise BadMessage("undecodable", f"{type(error).__name__}: {error}") from error
        if stream.tell() != len(value):
            raise BadMessage("trailing_bytes", f"{len(value) - stream.tell()} bytes after the value")
        return datum


def has_record_union(schema: Any) -> bool:
    """Does any union in `schema` offer several records, so that a value must name its own?"""
    if isinstance(schema, list):
        records = [branch for branch in schema if branch != "null"]
        return len(records) > 1 or any(map(has_record_union, schema))
    if not isinstance(schema, dict):
        return False
    inner = [field["type"] for field in schema.get("fields", ())]
    inner += [schema[name] for name in ("items", "values") if name in schema]
    return any(map(has_record_union, inner)) or (
        isinstance(schema["type"], dict | list) and has_record_union(schema["type"])
    )


@cache
def topic_codec(topic: str) -> Codec:
    """The codec of `topic`. Raises KeyError for a topic without a schema."""
    return Codec(topic)
