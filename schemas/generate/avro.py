"""The topics' schemas: each record is put where a topic first names it."""

from collections.abc import Sequence
from typing import Any

from schemas.generate.records import OWN_ATTRIBUTES, Family

NAMESPACE = "commonshelf"


def compose(record: str, families: Sequence[Family]) -> dict[str, Any]:
    """The schema of `record` with every named type spelled out where it is first used. Raises KeyError."""
    named = {name: schema for family in families for name, schema in family.schemas.items()}
    schema: dict[str, Any] = _spelled_out(record, named, set())
    return {"type": schema.pop("type"), "name": schema.pop("name"), "namespace": NAMESPACE, **schema}


def _spelled_out(schema: Any, named: dict[str, dict[str, Any]], known: set[str]) -> Any:
    if isinstance(schema, list):
        return [_spelled_out(branch, named, known) for branch in schema]
    if isinstance(schema, dict):
        inner = {part: _spelled_out(schema[part], named, known) for part in ("items", "values") if part in schema}
        return schema | inner
    if not schema[:1].isupper() or schema in known:  # a primitive, or a name that is spelled out before
        return schema
    known.add(schema)
    whole = dict(named[schema])
    if "fields" in whole:
        whole["fields"] = [_field(field, named, known) for field in whole["fields"]]
    return whole


def _field(field: dict[str, Any], named: dict[str, dict[str, Any]], known: set[str]) -> dict[str, Any]:
    on_the_wire = {name: value for name, value in field.items() if name not in OWN_ATTRIBUTES}
    return on_the_wire | {"type": _spelled_out(field["type"], named, known)}
