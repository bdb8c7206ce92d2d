"""The schemas that this release knows, by subject, version and id.

The files in `schemas/avro/` are committed and frozen once released; `registry.json` gives each its id.
Nothing is fetched at run time: a message that names any other id is a bad message, or one of a later release.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import fastavro

_LATER_IDS = 1_000
"""How many schemas later releases may add before this one takes their ids for garbage."""
FOLDER = Path(__file__).parent / "avro"


class SchemaRefused(ValueError):
    """A schema that must not be registered: decoding hostile bytes with it can crash or exhaust a reader."""


@dataclass(frozen=True)
class RegisteredSchema:
    """One version of one subject."""

    subject: str
    version: int
    id: int
    text: str
    parsed: Any

    @property
    def topic(self) -> str:
        return self.subject.removesuffix("-value")


def registered_text(schema: Any) -> str:
    """A schema as readers get it."""
    return json.dumps(schema, separators=(",", ":"))


def listing_text(subjects: Mapping[str, Any]) -> str:
    """The text of registry.json."""
    lines = [f'    "{subject}": {json.dumps(versions)}' for subject, versions in subjects.items()]
    return '{\n  "subjects": {\n' + ",\n".join(lines) + "\n  }\n}\n"


def check_schema(schema: Any) -> None:
    """Raise SchemaRefused for recursive schemas and for arrays or maps whose items take no bytes.

    fastavro crashes the process on deep input for the first, and allocates without bound for the second.
    """
    named: dict[str, Any] = {}
    _min_bytes(schema, "", named, ())


def _min_bytes(schema: Any, namespace: str, named: dict[str, Any], inside: tuple[str, ...]) -> int:
    """Fewest bytes that a value of `schema` takes; walks it whole."""
    if isinstance(schema, str):
        if schema in _PRIMITIVE_MIN_BYTES:
            return _PRIMITIVE_MIN_BYTES[schema]
        name = schema if "." in schema or not namespace else f"{namespace}.{schema}"
        name = name if name in named or name in inside else schema
        if name in inside:
            raise SchemaRefused(f"{name} contains itself: recursive schemas are refused")
        if name not in named:
            raise SchemaRefused(f"unknown type {schema}")
        return int(named[name])
    if isinstance(schema, list):
        return 1 + min((_min_bytes(branch, namespace, named, inside) for branch in schema), default=0)
    kind = schema["type"]
    if kind in ("array", "map"):
        item = schema["items" if kind == "array" else "values"]
        if _min_bytes(item, namespace, named, inside) == 0 and kind == "array":
            raise SchemaRefused(f"array of items that take no bytes: {item}")
        return 1
    if kind in ("record", "error"):
        space, name = _full_name(schema, namespace)
        total = sum(_min_bytes(field["type"], space, named, (*inside, name)) for field in schema["fields"])
        named[name] = total
        return total
    if kind in ("enum", "fixed"):
        _, name = _full_name(schema, namespace)
        named[name] = 1 if kind == "enum" else int(schema["size"])
        return int(named[name])
    return _min_bytes(kind, namespace, named, inside)


def _full_name(schema: Mapping[str, Any], namespace: str) -> tuple[str, str]:
    name = str(schema["name"])
    if "." in name:
        return name.rpartition(".")[0], name
    space = str(schema.get("namespace", namespace))
    return space, f"{space}.{name}" if space else name


_PRIMITIVE_MIN_BYTES = {
    "null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1,
}  # fmt: skip


class Registry:
    """The committed schemas. Raises SchemaRefused when one of them is dangerous to decode with."""

    def __init__(self, folder: Path = FOLDER) -> None:
        listing = json.loads((folder / "registry.json").read_text())
        self.by_id: dict[int, RegisteredSchema] = {}
        self.by_subject: dict[str, list[RegisteredSchema]] = {}
        for subject, versions in listing["subjects"].items():
            for number, entry in enumerate(versions, start=1):
                raw = json.loads((folder / entry["file"]).read_text())
                check_schema(raw)
                schema = RegisteredSchema(
                    subject, number, entry["id"], registered_text(raw), fastavro.parse_schema(raw)
                )
                if schema.id in self.by_id:
                    raise SchemaRefused(f"id {schema.id} is given twice, to {subject} again")
                self.by_id[schema.id] = schema
                self.by_subject.setdefault(subject, []).append(schema)

    def is_later(self, schema_id: int) -> bool:
        """Is the id one that a later release may have given? Ids are given in order, so it is not far from ours."""
        newest = max(self.by_id)
        return newest < schema_id <= newest + _LATER_IDS

    def latest(self, topic: str) -> RegisteredSchema:
        """Newest value schema of `topic`. Raises KeyError for a topic without one."""
        return self.by_subject[f"{topic}-value"][-1]


@cache
def registry() -> Registry:
    """The one registry of this process."""
    return Registry()
