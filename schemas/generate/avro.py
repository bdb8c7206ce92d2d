"""The topics' schemas: each record is put where a topic first names it. What is released stays, beside what is new."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from schemas.freeze import digest
from schemas.generate.records import OWN_ATTRIBUTES, Family
from schemas.registry import FOLDER, listing_text, registered_text

NAMESPACE = "commonshelf"


def schema_files(records: Mapping[str, str], families: Sequence[Family], folder: Path = FOLDER) -> dict[Path, str]:
    """Path → text of the listing and of each subject's newest version. `records`: subject → its record.

    A version that is released is never written again: a record that is not as it was becomes the next one.
    """
    listing = folder / "registry.json"
    subjects = json.loads(listing.read_text(encoding="utf-8"))["subjects"]
    files = {}
    for subject, record in records.items():
        schema = compose(record, families)
        versions = subjects.setdefault(subject, [])
        if not versions or versions[-1].get("sha256", digest(registered_text(schema))) != digest(
            registered_text(schema)
        ):
            new_id = 1 + max((version["id"] for known in subjects.values() for version in known), default=0)
            number = f".{len(versions) + 1}" if versions else ""
            versions.append({"id": new_id, "file": f"{subject}{number}.avsc"})
        if "sha256" not in versions[-1]:
            files[folder / versions[-1]["file"]] = json.dumps(schema, indent=2) + "\n"
    return files | {listing: listing_text(subjects)}


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
