"""Writing the topics' schemas: `python -m schemas.compose` puts each record where a topic first names it.

Every record stands once, in `schemas/records/`. What the registry serves, `schemas/avro/`, is made from them and
committed; a test holds that it is what these records make.
"""

import json
from pathlib import Path
from typing import Any

from schemas.registry import FOLDER
from schemas.topics import TOPICS

NAMESPACE = "commonshelf"
RECORDS = Path(__file__).parent / "records"


def compose(record: str, folder: Path = RECORDS) -> dict[str, Any]:
    """The schema of `record` with every named type spelled out where it is first used. Raises FileNotFoundError."""
    schema: dict[str, Any] = _spelled_out(record, folder, set())
    return {"type": schema.pop("type"), "name": schema.pop("name"), "namespace": NAMESPACE, **schema}


def _spelled_out(schema: Any, folder: Path, known: set[str]) -> Any:
    if isinstance(schema, list):
        return [_spelled_out(branch, folder, known) for branch in schema]
    if isinstance(schema, dict):
        inner = {
            name: _spelled_out(schema[name], folder, known) for name in ("type", "items", "values") if name in schema
        }
        return schema | inner
    if not schema[:1].isupper():  # a primitive
        return schema
    if schema in known:
        return schema
    known.add(schema)
    named = json.loads((folder / f"{schema}.avsc").read_text())
    if "fields" in named:
        named["fields"] = [field | {"type": _spelled_out(field["type"], folder, known)} for field in named["fields"]]
    return named


def main() -> None:
    """Write the schema file of every topic that has one."""
    for topic in TOPICS.values():
        if topic.record is not None:
            (FOLDER / f"{topic.subject}.avsc").write_text(json.dumps(compose(topic.record), indent=2) + "\n")


if __name__ == "__main__":
    main()
