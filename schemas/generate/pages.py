"""The pages of topics, records and pool settings in `docs/`."""

import inspect
import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from schemas.examples import Example, examples
from schemas.generate.declared import sentences
from schemas.generate.records import Family
from schemas.generate.terms import SECTIONS, WRITTEN_OTHERWISE
from schemas.models.base import Record
from schemas.models.config import AllocationSettings
from schemas.models.human_units import HumanUnit, human_name, human_range, unit_of
from schemas.models.restock_terms import RestockSettings, SupplierTerms
from schemas.topics import DAY_MS, KEEP_FOREVER_MS, TOPICS, Topic, dead_letter_topic

_MADE = "<!-- Made by `python -m schemas.generate`; change {source} and run it again. -->\n"
_OR = " \\| "
_WIDTH = 110
_EXAMPLE_LINES_MAX = 60
_PAGE_LINES_MAX = 320


def pages(families: Sequence[Family], ids: dict[str, int]) -> dict[str, str]:
    """Path under `docs/` → text. `ids`: subject → schema id."""
    book = _Book(families)
    made = {"topics/README.md": _topics(), "records/README.md": book.index(), "pool-settings.md": _pool_settings()}
    made |= {f"records/{family.name}.md": book.family(family) for family in families}
    return made | {f"topics/{topic.name}.md": _topic(topic, book, ids) for topic in TOPICS.values()}


class _Book:
    """The records, and where each is described."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families
        self.schemas = {name: schema for family in families for name, schema in family.schemas.items()}
        self._kinds = {name: words for family in families for name, words in family.kinds.items()}
        self._home = {name: family.name for family in families for name in (*family.schemas, *family.kinds)}

    def index(self) -> str:
        rows = [
            (f"[{family.name}]({family.name}.md)", ", ".join(self._link(name, "") for name in family.records()))
            for family in self._families
        ]
        return (
            f"{_MADE.format(source='schemas/records/')}# Records\n\n"
            "What topics carry, a page for each family. A `string` with words beside it holds one of these; readers "
            "take a word that they do not know for one that is new.\n\n" + _table(("family", "records"), rows)
        )

    def family(self, family: Family) -> str:
        head = f"{_MADE.format(source=f'schemas/records/{family.name}')}# Records: {family.name}\n"
        records = [
            f"## {name}\n\n{schema['doc']}\n\n{self.fields(schema, family.name)}"
            for name, schema in family.records().items()
        ]
        sets = [
            f"## {name}\n\n{_table(('word', 'meaning'), [(f'`{word}`', said) for word, said in words.items()])}"
            for name, words in family.kinds.items()
            if any(words.values())
        ]
        return "\n".join([head, *records, *sets])

    def fields(self, record: dict[str, Any], page: str) -> str:
        """The table of a record's fields; `page` is the family whose page it stands on, or the folder of topics."""
        rows = [
            (f"`{field['name']}`", self._type(field, page), _default(field), field["doc"]) for field in record["fields"]
        ]
        return _table(("field", "type", "default", "meaning"), rows)

    def link(self, name: str) -> str:
        """From a topic's page."""
        return self._link(name, "topics")

    def _link(self, name: str, page: str) -> str:
        folder = "../records/" if page == "topics" else ""
        home = "" if self._home[name] == page else f"{folder}{self._home[name]}.md"
        return f"[{name}]({home}#{name.lower()})"

    def _type(self, field: dict[str, Any], page: str) -> str:
        kind = self._shape(field["type"], page)
        kinds = field.get("kinds", field.get("expects", []))
        words = [text for one in ([kinds] if isinstance(kinds, str) else kinds) for text in self._words(one, page)]
        return kind.replace("string", f"string: {_OR.join(words)}") if words else kind

    def _words(self, kind: str, page: str) -> list[str]:
        """A closed set that speaks for itself is spelled out."""
        if kind in self._kinds and any(self._kinds[kind].values()):
            return [self._link(kind, page)]
        known = self._kinds.get(kind) or self.schemas.get(kind, {}).get("symbols") or [kind]
        return [f"`{word}`" if word else "empty" for word in known]

    def _shape(self, schema: Any, page: str) -> str:
        if isinstance(schema, list):
            kinds = [self._shape(branch, page) for branch in schema if branch != "null"]
            return ", or ".join([*kinds, "null"] if "null" in schema else kinds)
        if isinstance(schema, dict):
            return f"{'list' if schema['type'] == 'array' else 'map'} of " + self._shape(
                schema["items" if schema["type"] == "array" else "values"], page
            )
        if schema not in self.schemas:
            return str(schema)
        symbols = self.schemas[schema].get("symbols")
        return _OR.join(f"`{symbol}`" for symbol in symbols) if symbols else self._link(schema, page)


def _topics() -> str:
    rows = [
        (f"[{topic.name}]({topic.name}.md)", topic.about, f"`{topic.key}`", topic.writer, ", ".join(topic.readers))
        for topic in TOPICS.values()
    ]
    return (
        f"{_MADE.format(source='schemas/topics.py')}# Topics\n\n"
        "All topics have the same number of partitions. A record's partition is that of its pool: Kafka's murmur2 "
        "of the pool's name, as the Java client computes it, whatever the key is. Values are Avro in Confluent's "
        "wire format; the registry endpoint serves the schemas. Read with `isolation.level=read_committed`.\n\n"
        + _table(("topic", "what it carries", "key", "written by", "read by"), rows)
    )


def _topic(topic: Topic, book: _Book, ids: dict[str, int]) -> str:
    facts = [
        ("key", f"`{topic.key}`"),
        ("written by", topic.writer),
        ("read by", ", ".join(topic.readers)),
        ("kept", _kept(topic)),
        ("how to read it", "[in Python, in Java, with kcat](../consumers.md)"),
    ]
    if topic.has_dead_letters:
        letters = dead_letter_topic(topic.name)
        facts.append(("set aside in", f"[{letters}]({letters}.md)"))
    source = "schemas/topics.py, schemas/records/ and schemas/examples/"
    head = f"{_MADE.format(source=source)}# {topic.name}\n\n{topic.about}\n\n"
    if topic.record is None:
        facts.append(("value", "the bytes as they came, whatever they are"))
        return head + _table(("", ""), facts)
    facts.append(
        ("value", f"Avro {book.link(topic.record)}, subject `{topic.subject}`, schema id {ids[topic.subject]}")
    )
    record = book.schemas[topic.record]
    text = head + _table(("", ""), facts)
    text += f"\n## {topic.record}\n\n{record['doc']}\n\n{book.fields(record, 'topics')}"
    return text + _shown(topic.name, examples(topic.name), text.count("\n"))


def _shown(topic: str, known: Sequence[Example], lines: int) -> str:
    """As many examples as fit; the others are named."""
    text, left = "", []
    for example in known:
        written = "\n".join(_compact(example.written, ""))
        more = f"\n## Example: {example.about}\n\nKey `{example.key}`, value:\n\n```json\n{written}\n```\n"
        fits = written.count("\n") < _EXAMPLE_LINES_MAX and lines + more.count("\n") <= _PAGE_LINES_MAX
        if fits or not text:
            text += more
            lines += more.count("\n")
        else:
            left.append(f"- {example.about}\n")
    if left:
        file = f"[schemas/examples/{topic}.json](../../schemas/examples/{topic}.json)"
        text += f"\n## More examples\n\nIn {file}:\n\n{''.join(left)}"
    return text


def _compact(value: Any, indent: str) -> Iterator[str]:
    """JSON lines: what fits into one line stands in one."""
    short = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(short) <= _WIDTH or not isinstance(value, dict | list) or not value:
        yield short
        return
    brackets = "{}" if isinstance(value, dict) else "[]"
    members = list(value.items()) if isinstance(value, dict) else [(None, member) for member in value]
    yield brackets[0]
    for at, (name, member) in enumerate(members, start=1):
        inner = list(_compact(member, indent + "  "))
        inner[0] = f"{indent}  " + (f"{json.dumps(name)}: " if name is not None else "") + inner[0]
        inner[-1] += "," if at < len(members) else ""
        yield from inner
    yield indent + brackets[1]


def _pool_settings() -> str:
    sections: list[tuple[str, type[Record]]] = [
        ("[[pools]]", SECTIONS["PoolTerms"]), ("[pools.allocation]", AllocationSettings),
        ("[pools.restock]", RestockSettings), ("[[pools.restock.suppliers]]", SupplierTerms),
        ("[[stores]]", SECTIONS["StoreTerms"]),
    ]  # fmt: skip
    head = (
        f"{_MADE.format(source='schemas/models/config.py')}# Settings of pools and stores\n\n"
        "As the [settings file](cli.md#settings) has them; `./shelf config show` lists what is in force. The last "
        "column is the field of the [record](records/config.md) on `pool.config.v1`, in its unit.\n"
    )
    return head + "".join(f"\n## {name}\n\n{_settings(model)}" for name, model in sections)


def _settings(model: type[Record]) -> str:
    rows, said = [], sentences(model)
    for name, field in model.model_fields.items():
        if name in WRITTEN_OTHERWISE or _is_section(field.annotation):
            continue
        unit = unit_of(field)
        default = "required" if field.is_required() else f"`{_written(field.default, unit)}`"
        rows.append((f"`{human_name(name, unit)}`", default, _range(field, unit), said[name], f"`{name}`"))
    return _table(("setting", "default", "allowed", "meaning", "on the wire"), rows)


def _is_section(annotation: Any) -> bool:
    """A record, or several, with a table of their own."""
    inner = get_args(annotation)[0] if get_origin(annotation) is tuple else annotation
    return inspect.isclass(inner) and issubclass(inner, Record)


def _written(value: Any, unit: HumanUnit | None) -> str:
    return json.dumps(value if unit is None else value // unit.factor)


def _range(field: FieldInfo, unit: HumanUnit | None) -> str:
    limits = human_range(field, unit)
    if limits is not None:
        return f"{limits[0]:,} to {limits[1]:,}"
    words = next((get_args(part) for part in get_args(field.annotation) if get_origin(part) is Literal), ())
    return ", ".join(words)


def _default(field: dict[str, Any]) -> str:
    return f"`{json.dumps(field['default'])}`" if "default" in field else ""


def _kept(topic: Topic) -> str:
    if topic.compacted:
        return "the newest record of each key (compacted); a record without a value takes the key back"
    return "for ever" if topic.retention_ms == KEEP_FOREVER_MS else f"{topic.retention_ms // DAY_MS} days"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
