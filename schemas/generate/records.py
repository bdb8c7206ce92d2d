"""The hand-kept records: an Avro record or enum a file, in a folder for each family, beside the family's `kinds.json`.

Three are kept as models, where the settings of pools and stores are declared.

Besides what Avro knows, a field may say
- `kinds`: the closed set of words that it holds: the name of a set in some `kinds.json` or of an enum, a word in lower
  case, "" for nothing, or a list of these. On the wire it stays a string, so that a set may grow.
- `expects`: the same of a field that anybody may write, so that it may hold anything.
- `union`: the name of the type of its union of records.
- `may_be_absent`: our own code leaves it out when it is the default.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.generate.declared import DECLARED, record_of
from schemas.models.base import Record

RECORDS = Path(__file__).parent.parent / "records"
OWN_ATTRIBUTES = ("kinds", "expects", "union", "may_be_absent")
"""Of fields; what the registry serves has none of them."""
_KINDS_FILE = "kinds.json"


@dataclass(frozen=True)
class Family:
    """One folder of records."""

    name: str
    schemas: dict[str, dict[str, Any]]
    """Records and enums by name, as written: other named types are named."""
    kinds: dict[str, dict[str, str]]
    """Closed sets by name: each word with what it means; empty where that is plain."""

    def records(self) -> dict[str, dict[str, Any]]:
        """Without the enums."""
        return {name: schema for name, schema in self.schemas.items() if schema["type"] == "record"}


def families(folder: Path = RECORDS, declared: Sequence[type[Record]] = DECLARED) -> list[Family]:
    """Every family by name. Raises ValueError for a record that stands twice or under another's name."""
    found = [_family(path) for path in sorted(folder.iterdir()) if path.is_dir()]
    for model in declared:
        module = model.__module__.rpartition(".")[2]
        (family,) = (family for family in found if family.name == module)
        if model.__name__ in family.schemas:
            raise ValueError(f"{model.__name__} is declared as a model; take its file away")
        family.schemas[model.__name__] = record_of(model, family.kinds)
    names = [name for family in found for name in (*family.schemas, *family.kinds)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"more than once in {folder}: {', '.join(twice)}")
    return found


def _family(folder: Path) -> Family:
    schemas = {}
    for path in sorted(folder.glob("*.avsc")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        if schema["name"] != path.stem:
            raise ValueError(f"{path} holds {schema['name']}: a record stands in the file of its name")
        schemas[path.stem] = schema
    kinds = folder / _KINDS_FILE
    sets = json.loads(kinds.read_text(encoding="utf-8")) if kinds.exists() else {}
    return Family(folder.name, schemas, sets)


def named_types(schema: Any) -> list[str]:
    """The records and enums that a type names, in order."""
    if isinstance(schema, list):
        return [name for branch in schema for name in named_types(branch)]
    if isinstance(schema, dict):
        inner = [field["type"] for field in schema.get("fields", ())]
        inner += [schema[part] for part in ("items", "values") if part in schema]
        return [name for part in inner for name in named_types(part)]
    return [schema] if schema[:1].isupper() else []
