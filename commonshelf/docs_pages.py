"""The pages in docs/topics, written from `schemas/`: `python -m commonshelf.docs_pages`.

A test compares them with what this module makes, so that they never lag behind a schema.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from schemas.examples import Example, examples
from schemas.registry import RegisteredSchema, registry
from schemas.topics import DAY_MS, KEEP_FOREVER_MS, TOPICS, Topic, dead_letter_topic

FOLDER = Path(__file__).parent.parent / "docs" / "topics"
_MADE = "<!-- Made by `python -m commonshelf.docs_pages` from schemas/; change these and run it again. -->\n"


def pages() -> dict[str, str]:
    """Every page by its file name: one per topic, and README.md, which lists them."""
    made = {f"{topic.name}.md": _topic_page(topic) for topic in TOPICS.values()}
    return {"README.md": _index_page(), **made}


def write(folder: Path = FOLDER) -> None:
    """Write all pages and remove those of topics that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for stale in {path.name for path in folder.glob("*.md")} - made.keys():
        (folder / stale).unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


def _index_page() -> str:
    rows = [
        (f"[{topic.name}]({topic.name}.md)", topic.about, f"`{topic.key}`", topic.writer, _listed(topic.readers))
        for topic in TOPICS.values()
    ]
    return (
        f"{_MADE}# Topics\n\n"
        "All topics have the same number of partitions. A record's partition is that of its pool: Kafka's murmur2 "
        "of the pool's name, as the Java client computes it, whatever the key is. Values are Avro in Confluent's "
        "wire format; the registry endpoint serves the schemas. Read with `isolation.level=read_committed`.\n\n"
        + _table(("topic", "what it carries", "key", "written by", "read by"), rows)
    )


def _topic_page(topic: Topic) -> str:
    facts = [
        ("key", f"`{topic.key}`"),
        ("written by", topic.writer),
        ("read by", _listed(topic.readers)),
        ("kept", _kept(topic)),
    ]
    if topic.has_dead_letters:
        letters = dead_letter_topic(topic.name)
        facts.append(("set aside in", f"[{letters}]({letters}.md)"))
    head = f"{_MADE}# {topic.name}\n\n{topic.about}\n\n"
    if topic.record is None:
        facts.append(("value", "the bytes as they came, whatever they are"))
        return head + _table(("", ""), facts)
    schema = registry().latest(topic.name)
    facts.append(("value", f"Avro, subject `{schema.subject}`, version {schema.version}, schema id {schema.id}"))
    return "\n".join([head + _table(("", ""), facts), *_records(schema), *map(_shown, examples(topic.name))])


def _records(schema: RegisteredSchema) -> Iterator[str]:
    """A section for each record of the schema, outermost first."""
    for record in _walk(json.loads(schema.text)):
        rows = [
            (f"`{field['name']}`", _type(field["type"]), _default(field), field["doc"]) for field in record["fields"]
        ]
        yield f"## {record['name']}\n\n{record['doc']}\n\n{_table(('field', 'type', 'default', 'meaning'), rows)}"


def _walk(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, list):
        for branch in schema:
            yield from _walk(branch)
    elif isinstance(schema, dict):
        if schema["type"] == "record":
            yield schema
        for field in schema.get("fields", ()):
            yield from _walk(field["type"])
        yield from _walk(schema.get("items") or schema.get("values"))


def _type(schema: Any) -> str:
    if isinstance(schema, list):
        kinds = [_type(branch) for branch in schema if branch != "null"]
        return ", or ".join([*kinds, "null"] if "null" in schema else kinds)
    if isinstance(schema, str):
        return schema if schema[0].islower() else f"[{schema}](#{schema.lower()})"
    match schema["type"]:
        case "array":
            return f"list of {_type(schema['items'])}"
        case "map":
            return f"map of {_type(schema['values'])}"
        case "enum":
            return " \\| ".join(f"`{symbol}`" for symbol in schema["symbols"])
        case _:
            return _type(schema["name"])


def _default(field: dict[str, Any]) -> str:
    return f"`{json.dumps(field['default'])}`" if "default" in field else ""


def _shown(example: Example) -> str:
    written = json.dumps(example.written, indent=2, ensure_ascii=False)
    return f"## Example: {example.about}\n\nKey `{example.key}`, value:\n\n```json\n{written}\n```\n"


def _kept(topic: Topic) -> str:
    if topic.compacted:
        return "the newest record of each key (compacted); a record without a value takes the key back"
    return "for ever" if topic.retention_ms == KEEP_FOREVER_MS else f"{topic.retention_ms // DAY_MS} days"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    write()
