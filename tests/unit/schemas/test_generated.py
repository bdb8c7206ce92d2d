"""Each record is kept by hand once; what is made of it is committed as it would be made now."""

import json
import re

import pytest

from schemas.freeze import changed_after_release, freeze
from schemas.generate.__main__ import COMMAND, DOCS, left_over, made
from schemas.generate.avro import compose, schema_files
from schemas.generate.records import OWN_ATTRIBUTES, RECORDS, families, named_types
from schemas.generate.types import modules
from schemas.registry import FOLDER
from schemas.topics import TOPICS

HAND_KEPT_LINES_MAX = 8_023 // 2
"""Half of what the schemas took when every topic's file spelled out its records by hand."""

PAGE_LINES_MAX = 400
MADE = made()


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_what_is_made_is_committed(path):
    assert path.read_text(encoding="utf-8") == MADE[path], f"run: {COMMAND}"


def test_nothing_is_left_of_what_is_made_no_more():
    assert left_over(MADE) == set(), f"run: {COMMAND}"


def test_the_index_of_topics_links_every_page():
    text = MADE[DOCS / "topics" / "README.md"]
    assert [name for name in TOPICS if f"[{name}]({name}.md)" not in text] == []


def test_no_page_is_longer_than_a_reader_bears():
    lengths = {path.name: text.count("\n") for path, text in MADE.items() if path.suffix == ".md"}
    assert {name: length for name, length in lengths.items() if length > PAGE_LINES_MAX} == {}


def test_every_link_between_the_pages_leads_somewhere():
    pages = {path: text for path, text in MADE.items() if path.suffix == ".md"}
    broken = []
    for path, text in pages.items():
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            file, _, anchor = link.partition("#")
            target = (path.parent / file).resolve() if file else path
            headings = {line[3:].lower() for line in pages.get(target, "").splitlines() if line.startswith("## ")}
            if not target.exists() or (anchor and target in pages and anchor not in headings):
                broken.append(f"{path.name}: {link}")
    assert broken == []


def test_hand_kept_schemas_are_at_most_half_of_what_they_were():
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in RECORDS.rglob("*") if path.is_file())
    assert lines <= HAND_KEPT_LINES_MAX


def test_every_record_and_every_closed_set_is_used():
    named, expected = {topic.record for topic in TOPICS.values()}, set()
    for family in families():
        for schema in family.schemas.values():
            named.update(named_types(schema))
            for field in schema.get("fields", ()):
                for attribute in ("kinds", "expects"):
                    words = field.get(attribute, [])
                    expected.update([words] if isinstance(words, str) else words)
    for family in families():
        assert family.schemas.keys() - named == set()
        assert family.kinds.keys() - expected == set()


def test_what_the_registry_serves_has_none_of_our_own_attributes():
    for path in FOLDER.glob("*.avsc"):
        text = path.read_text(encoding="utf-8")
        assert not any(f'"{attribute}":' in text for attribute in OWN_ATTRIBUTES), path.name


def written(folder, **family):
    (folder / "small").mkdir(exist_ok=True)
    for name, content in family.items():
        (folder / "small" / f"{name}.avsc").write_text(json.dumps(content))
    return folder


def record(name, *fields):
    return {"type": "record", "name": name, "doc": "What it is.", "fields": list(fields)}


def test_a_record_stands_in_the_file_of_its_name(tmp_path):
    with pytest.raises(ValueError, match="a record stands in the file of its name"):
        families(written(tmp_path, Other=record("Small")), ())


def test_a_record_stands_once(tmp_path):
    written(tmp_path, Small=record("Small"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "Small.avsc").write_text(json.dumps(record("Small")))
    with pytest.raises(ValueError, match=r"more than once in .*: Small"):
        families(tmp_path, ())


def test_a_record_is_spelled_out_where_it_is_first_named_and_named_after(tmp_path):
    part = record("Part", {"name": "n", "type": "int", "doc": "d"})
    whole = record("Whole", {"name": "a", "type": "Part"}, {"name": "b", "type": {"type": "array", "items": "Part"}})
    composed = compose("Whole", families(written(tmp_path, Part=part, Whole=whole), ()))
    assert [field["type"] for field in composed["fields"]] == [part, {"type": "array", "items": "Part"}]


def listed(folder):
    return json.loads((folder / "registry.json").read_text())["subjects"]["t.v1-value"]


def test_a_schema_that_is_not_released_is_written_again_and_a_released_one_gets_a_new_version(tmp_path):
    def generate(*fields):
        known = families(written(tmp_path / "records", Small=record("Small", *fields)), ())
        for path, text in schema_files({"t.v1-value": "Small"}, known, tmp_path).items():
            path.write_text(text)

    (tmp_path / "records").mkdir()
    (tmp_path / "registry.json").write_text('{"subjects": {}}')
    added = {"name": "more", "type": "long", "doc": "d", "default": 0}
    generate()
    generate(added)
    assert listed(tmp_path) == [{"id": 1, "file": "t.v1-value.avsc"}]
    freeze(tmp_path)
    generate(added)
    assert len(listed(tmp_path)) == 1
    generate()
    assert [version["file"] for version in listed(tmp_path)] == ["t.v1-value.avsc", "t.v1-value.2.avsc"]
    assert [version["id"] for version in listed(tmp_path)] == [1, 2]
    assert changed_after_release(tmp_path) == []


def test_a_record_s_type_has_the_shapes_that_the_codec_gives(tmp_path):
    fields = {
        "name": "string", "count": "long", "raw": "bytes", "maybe": ["null", "int"], "flag": "boolean",
        "list": {"type": "array", "items": "string"}, "map": {"type": "map", "values": "long"},
    }  # fmt: skip
    small = record("Small", *({"name": name, "type": kind} for name, kind in fields.items()))
    small["fields"] += [
        {"name": "state", "type": "string", "kinds": ["State", ""]},
        {"name": "absent", "type": "long", "default": 0, "may_be_absent": True},
        {"name": "fact", "type": ["One", "Two"], "union": "Fact", "doc": "What happened."},
    ]
    written(tmp_path, Small=small, One=record("One"), Two=record("Two"))
    (tmp_path / "small" / "kinds.json").write_text(json.dumps({"State": {"open": "", "ended": "it is over."}}))
    text = modules(families(tmp_path, ()))["small.py"]
    assert 'State = Literal["open", "ended"]\n"""ended: it is over."""\n' in text
    assert text.endswith(
        'Fact = (\n    tuple[Literal["commonshelf.One"], One]\n    | tuple[Literal["commonshelf.Two"], Two]\n)\n'
        '"""What happened."""\n\n\nclass Small(TypedDict):\n    """What it is."""\n\n'
        "    name: str\n    count: int\n    raw: bytes\n    maybe: int | None\n    flag: bool\n    list: list[str]\n"
        '    map: dict[str, int]\n    state: State | Literal[""]\n    absent: NotRequired[int]\n    fact: Fact\n'
    )
