"""Rules for changes of a schema that let old and new readers and writers work side by side (FULL_TRANSITIVE).

Shops upgrade in any order, so each version of a subject must read what every other version wrote. The rules are
those of schema resolution in the Avro specification (1.12), with one restriction: the names of records, enums and
fixed types must be equal in full, since readers tell the records of a union apart by name.

One thing may grow: the union of a field that says `"grows": true`, by new records at its end. It holds kinds of
facts, and whoever reads it skips the kinds that it does not know (docs/decisions/0005-kinds-of-facts-grow.md).
"""

from itertools import permutations
from typing import Any

import fastavro

_PROMOTIONS = {
    "int": {"int"},
    "long": {"int", "long"},
    "float": {"int", "long", "float"},
    "double": {"int", "long", "float", "double"},
    "string": {"string", "bytes"},
    "bytes": {"bytes", "string"},
    "boolean": {"boolean"},
    "null": {"null"},
}
"""What each primitive reads, by the writer's primitive."""


def incompatibilities(versions: list[Any]) -> list[str]:
    """Every reason why some version (an Avro schema as JSON) cannot read another's values; empty when all can."""
    found = []
    for (reader_at, reader), (writer_at, writer) in permutations(enumerate(versions, start=1), 2):
        reasons = unreadable(reader, writer, skips_news=reader_at < writer_at)
        found += [f"version {reader_at} cannot read version {writer_at}: {why}" for why in reasons]
    return found


def unreadable(reader: Any, writer: Any, *, skips_news: bool = False) -> list[str]:
    """Why a reader with schema `reader` cannot read all values of `writer`; empty when it can.

    skips_news: the reader is the older one, and passes over new kinds where a union grows.
    """
    expanded = fastavro.schema.expand_schema(reader), fastavro.schema.expand_schema(writer)
    known, written = _with_news_known(*expanded) if skips_news else expanded
    return _unreadable(known, written, "value")


def _with_news_known(reader: Any, writer: Any) -> tuple[Any, Any]:
    """The schemas, with the reader's growing unions longer by the records that the writer's have at their end."""
    if isinstance(reader, list) and isinstance(writer, list):
        known = {_label(branch): branch for branch in writer}
        return [_with_news_known(branch, known.get(_label(branch), branch))[0] for branch in reader], writer
    if isinstance(reader, list) or isinstance(writer, list) or isinstance(reader, str) or isinstance(writer, str):
        return reader, writer
    grown = dict(reader)
    for name in ("type", "items", "values"):
        if isinstance(reader.get(name), dict | list) and name in writer:
            grown[name] = _with_news_known(reader[name], writer[name])[0]
    if "fields" in reader and "fields" in writer:
        written = {field["name"]: field["type"] for field in writer["fields"]}
        grown["fields"] = [_grown(field, written.get(field["name"], field["type"])) for field in reader["fields"]]
    return grown, writer


def _grown(field: Any, writer: Any) -> Any:
    known, news = field["type"], []
    if field.get("grows") and [_label(b) for b in writer[: len(known)]] == [_label(branch) for branch in known]:
        news = writer[len(known) :]
    inner = _with_news_known(known, writer)[0]
    return field | {"type": inner + news if news else inner}


def _unreadable(reader: Any, writer: Any, at: str) -> list[str]:
    if isinstance(writer, list):
        return [why for branch in writer for why in _unreadable(reader, branch, at)]
    if isinstance(reader, list):
        if any(not _unreadable(branch, writer, at) for branch in reader):
            return []
        same = [branch for branch in reader if _label(branch) == _label(writer)]
        return _unreadable(same[0], writer, at) if same else [f"{at} may be {_label(writer)}, which it does not know"]
    if _kind(reader) in _PROMOTIONS:
        readable = _kind(writer) in _PROMOTIONS[_kind(reader)]
        return [] if readable else [f"{at} is {_label(writer)}, and it wants {_label(reader)}"]
    if _label(reader) != _label(writer):
        return [f"{at} is {_label(writer)}, and it wants {_label(reader)}"]
    match _kind(reader):
        case "record":
            return _unreadable_record(reader, writer, at)
        case "enum":
            unknown = set() if "default" in reader else set(writer["symbols"]) - set(reader["symbols"])
            return [f"{at} may be {symbol}, which it does not know" for symbol in sorted(unknown)]
        case "fixed":
            return [] if reader["size"] == writer["size"] else [f"{at} has another size"]
        case "array":
            return _unreadable(reader["items"], writer["items"], f"{at}[]")
        case _:
            return _unreadable(reader["values"], writer["values"], f"{at}{{}}")


def _unreadable_record(reader: Any, writer: Any, at: str) -> list[str]:
    written = {field["name"]: field["type"] for field in writer["fields"]}
    found = []
    for field in reader["fields"]:
        name = next((name for name in (field["name"], *field.get("aliases", ())) if name in written), None)
        if name is not None:
            found += _unreadable(field["type"], written[name], f"{at}.{field['name']}")
        elif "default" not in field:
            found.append(f"{at}.{field['name']} is not written, and it has no default for it")
    return found


def _kind(schema: Any) -> str:
    """The schema's kind: record, enum, fixed, array, map or a primitive's name."""
    return schema if isinstance(schema, str) else _kind(schema["type"])


def _label(schema: Any) -> str:
    """The full name of a named type, else its kind. Expanded schemas carry full names."""
    return str(schema["name"]) if isinstance(schema, dict) and "name" in schema else _kind(schema)
