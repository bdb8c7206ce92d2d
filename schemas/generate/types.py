"""The records as Python types: a module of `TypedDict`s, `Literal`s and tagged unions for each family.

The shapes are those that the codec takes and gives: null is None, an array a list, a map a dict, an enum its symbol.
A union of several records is a pair of the record's full name and its fields.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from graphlib import TopologicalSorter
from typing import Any

from schemas.generate.avro import NAMESPACE
from schemas.generate.records import Family, named_types

_WIDTH = 120
_PRIMITIVES = {"null": "None", "boolean": "bool", "int": "int", "long": "int", "bytes": "bytes", "string": "str"}


def modules(families: Sequence[Family]) -> dict[str, str]:
    """File name → text, a module for each family. Raises KeyError for a name that stands nowhere."""
    home = {name: family.name for family in families for name in (*family.schemas, *family.kinds)}
    return {f"{family.name}.py": _module(family, home) for family in families}


def _module(family: Family, home: dict[str, str]) -> str:
    body = [*_kinds(family), *_enums(family), *_records(family)]
    text = "\n\n".join(body)
    text = text if text.startswith("\nclass") else text.lstrip("\n")
    typing_names = [name for name in ("Literal", "NotRequired", "TypedDict") if name in text]
    imports: dict[str, set[str]] = {}
    for schema in family.schemas.values():
        for name in _names_in(schema):
            if home[name] != family.name:
                imports.setdefault(home[name], set()).add(name)
    lines = [f"from typing import {', '.join(typing_names)}"]
    if imports:
        lines += ["", *(_import(module, sorted(names)) for module, names in sorted(imports.items()))]
    head = f'"""The records of `schemas/records/{family.name}`. Made by `python -m schemas.generate`; change these."""'
    return "\n".join([head, "", *lines, "", ""]) + text + "\n"


def _import(module: str, names: list[str]) -> str:
    line = f"from schemas.types.{module} import {', '.join(names)}"
    return line if len(line) <= _WIDTH else f"from schemas.types.{module} import (\n{_indented(names, ',')}\n)"


def _names_in(schema: dict[str, Any]) -> Iterator[str]:
    yield from named_types(schema)
    for field in schema.get("fields", ()):
        yield from (kind for kind in _as_list(field.get("kinds", [])) if kind[:1].isupper())


def _kinds(family: Family) -> Iterator[str]:
    for name, words in family.kinds.items():
        meanings = [f"{word}: {meaning}" for word, meaning in words.items() if meaning]
        yield _literal(name, words) + (f"\n{_docstring(meanings, 0)}" if meanings else "")


def _enums(family: Family) -> Iterator[str]:
    for name, schema in family.schemas.items():
        if schema["type"] == "enum":
            yield _literal(name, schema["symbols"])


def _literal(name: str, words: Iterable[str]) -> str:
    quoted = [f'"{word}"' for word in words]
    line = f"{name} = Literal[{', '.join(quoted)}]"
    return line if len(line) <= _WIDTH else f"{name} = Literal[\n{_indented(quoted, ',')}\n]"


def _records(family: Family) -> Iterator[str]:
    """Records after those that they name, each with the unions of its fields before it."""
    uses = {
        name: {used for used in named_types(schema) if used in family.schemas}
        for name, schema in family.schemas.items()
    }
    for name in TopologicalSorter({name: sorted(uses[name]) for name in sorted(uses)}).static_order():
        schema = family.schemas[name]
        if schema["type"] == "record":
            yield from (_union(field) for field in schema["fields"] if "union" in field)
            yield _record(schema)


def _union(field: dict[str, Any]) -> str:
    branches = [f'tuple[Literal["{NAMESPACE}.{name}"], {name}]' for name in named_types(field["type"])]
    return f"\n{field['union']} = (\n    " + "\n    | ".join(branches) + f"\n)\n{_docstring([field['doc']], 0)}"


def _record(schema: dict[str, Any]) -> str:
    fields = "\n".join(f"    {field['name']}: {_type_of_field(field)}" for field in schema["fields"])
    return f"\nclass {schema['name']}(TypedDict):\n    {_docstring([schema['doc']], 4)}\n\n{fields}"


def _type_of_field(field: dict[str, Any]) -> str:
    if "union" in field:
        kind = str(field["union"])
    elif "kinds" in field:
        kind = _type(field["type"]).replace("str", _words(_as_list(field["kinds"])))
    else:
        kind = _type(field["type"])
    return f"NotRequired[{kind}]" if field.get("may_be_absent") else kind


def _words(kinds: list[str]) -> str:
    names = [kind for kind in kinds if kind[:1].isupper()]
    single = [f'"{kind}"' for kind in kinds if kind not in names]
    return " | ".join([*names, f"Literal[{', '.join(single)}]"] if single else names)


def _type(schema: Any) -> str:
    if isinstance(schema, list):
        kinds = [_type(branch) for branch in schema if branch != "null"]
        return " | ".join([*kinds, "None"] if "null" in schema else kinds)
    if isinstance(schema, dict):
        if schema["type"] == "array":
            return f"list[{_type(schema['items'])}]"
        return f"dict[str, {_type(schema['values'])}]"
    return _PRIMITIVES.get(schema, str(schema))


def _as_list(kinds: str | list[str]) -> list[str]:
    return [kinds] if isinstance(kinds, str) else kinds


def _indented(items: Iterable[str], end: str) -> str:
    return "\n".join(f"    {item}{end}" for item in items)


def _docstring(parts: list[str], indent: int) -> str:
    lines = [line for part in parts for line in textwrap.wrap(part, _WIDTH - indent - 6)]
    start = f"\n{' ' * indent}"
    return f'"""{start.join(lines)}{start if len(lines) > 1 else ""}"""'
