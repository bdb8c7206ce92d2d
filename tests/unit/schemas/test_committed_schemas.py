"""Schemas that could harm a reader are refused; released ones never change; all versions read each other."""

import copy
import json

import pytest

from schemas.evolution import incompatibilities, unreadable
from schemas.freeze import changed_after_release, freeze
from schemas.registry import FOLDER, Registry, SchemaRefused, check_schema, registry
from schemas.topics import TOPICS


def record(name, *fields):
    return {"type": "record", "name": name, "fields": [{"name": f"f{n}", "type": t} for n, t in enumerate(fields)]}


EMPTY = record("Empty")

DANGEROUS = {
    "a record that contains itself": record("Node", ["null", "Node"]),
    "a record that contains itself by its full name": {**record("Node", ["null", "a.Node"]), "namespace": "a"},
    "records that contain each other": record("A", record("B", ["null", "A"])),
    "recursion through an array": record("Node", {"type": "array", "items": "Node"}),
    "recursion through a map": record("Node", {"type": "map", "values": "Node"}),
    "an array of nulls": {"type": "array", "items": "null"},
    "an array of nulls, spelled as an object": {"type": "array", "items": {"type": "null"}},
    "an array of empty records": {"type": "array", "items": EMPTY},
    "an array of records of nulls": {"type": "array", "items": record("Nulls", "null", "null")},
    "an array of records of empty records": {"type": "array", "items": record("Outer", EMPTY)},
    "an array of fixed of size 0": {"type": "array", "items": {"type": "fixed", "name": "Nothing", "size": 0}},
    "an array of nulls deep inside": record("R", {"type": "map", "values": {"type": "array", "items": "null"}}),
    "an array of nulls in a union": record("R", ["null", {"type": "array", "items": "null"}]),
    "an array of an empty record named elsewhere": record("R", EMPTY, {"type": "array", "items": "Empty"}),
    "a type that nobody defined": record("R", "Missing"),
}

HARMLESS = {
    "an array of optional values": {"type": "array", "items": ["null", "string"]},
    "an array of arrays": {"type": "array", "items": {"type": "array", "items": "int"}},
    "a map of nulls, whose keys take bytes": {"type": "map", "values": "null"},
    "a field of no bytes": record("R", "null", EMPTY, {"type": "fixed", "name": "Nothing", "size": 0}),
    "the same record used twice": record("R", record("Part", "int"), "Part", {"type": "array", "items": "Part"}),
}


@pytest.mark.parametrize("schema", DANGEROUS.values(), ids=DANGEROUS)
def test_a_dangerous_schema_is_refused(schema):
    with pytest.raises(SchemaRefused):
        check_schema(schema)


@pytest.mark.parametrize("schema", HARMLESS.values(), ids=HARMLESS)
def test_a_harmless_schema_is_taken(schema):
    check_schema(schema)


def write_registry(folder, **versions):
    """A registry folder with one subject per keyword, whose schemas are given in order."""
    subjects, schema_id = {}, 0
    for subject, schemas in versions.items():
        subjects[subject] = []
        for schema in schemas:
            schema_id += 1
            (folder / f"{schema_id}.avsc").write_text(json.dumps(schema))
            subjects[subject].append({"id": schema_id, "file": f"{schema_id}.avsc"})
    (folder / "registry.json").write_text(json.dumps({"subjects": subjects}))
    return folder


def test_a_registry_with_a_dangerous_schema_does_not_load(tmp_path):
    with pytest.raises(SchemaRefused, match="contains itself"):
        Registry(write_registry(tmp_path, **{"t-value": [record("Node", ["null", "Node"])]}))


def test_an_id_is_given_once(tmp_path):
    write_registry(tmp_path, **{"a-value": [record("A", "int")], "b-value": [record("B", "int")]})
    listing = json.loads((tmp_path / "registry.json").read_text())
    listing["subjects"]["b-value"][0]["id"] = 1
    (tmp_path / "registry.json").write_text(json.dumps(listing))
    with pytest.raises(SchemaRefused, match="id 1 is given twice"):
        Registry(tmp_path)


def test_every_topic_but_the_dead_letters_has_a_schema_and_every_schema_a_topic():
    expected = {topic.subject for topic in TOPICS.values() if topic.record is not None}
    assert set(registry().by_subject) == expected


def test_every_file_in_the_folder_is_registered():
    listing = json.loads((FOLDER / "registry.json").read_text())["subjects"]
    registered = {entry["file"] for entries in listing.values() for entry in entries}
    assert {path.name for path in FOLDER.glob("*.avsc")} == registered


def test_every_field_of_every_schema_says_what_it_is():
    def undocumented(schema, at):
        if isinstance(schema, list):
            return [found for branch in schema for found in undocumented(branch, at)]
        if not isinstance(schema, dict):
            return []
        found = [] if schema["type"] != "record" or schema.get("doc") else [at]
        for field in schema.get("fields", ()):
            found += [] if field.get("doc") else [f"{at}.{field['name']}"]
            found += undocumented(field["type"], f"{at}.{field['name']}")
        return found + undocumented(schema.get("items"), at) + undocumented(schema.get("values"), at)

    assert [at for s in registry().by_id.values() for at in undocumented(json.loads(s.text), s.subject)] == []


def test_no_released_schema_has_changed():
    assert changed_after_release() == []


def test_a_change_after_the_release_is_noticed(tmp_path):
    write_registry(tmp_path, **{"a-value": [record("A", "int")], "b-value": [record("B", "int")]})
    assert freeze(tmp_path) == 2
    assert freeze(tmp_path) == 0
    (tmp_path / "1.avsc").write_text(json.dumps(record("A", "int"), indent=4))  # white space is no change
    assert changed_after_release(tmp_path) == []
    (tmp_path / "1.avsc").write_text(json.dumps(record("A", "long")))
    (said,) = changed_after_release(tmp_path)
    assert said.startswith("1.avsc (id 1) was released and has changed since; restore it, ")


def test_a_schema_that_is_not_released_may_change(tmp_path):
    write_registry(tmp_path, **{"a-value": [record("A", "int")]})
    (tmp_path / "1.avsc").write_text(json.dumps(record("A", "long")))
    assert changed_after_release(tmp_path) == []


@pytest.mark.parametrize("subject", registry().by_subject)
def test_every_version_of_a_subject_reads_every_other(subject):
    assert incompatibilities([json.loads(version.text) for version in registry().by_subject[subject]]) == []


OLD = {
    "type": "record",
    "name": "Till",
    "namespace": "n",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["a", "b"]}},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "lines", "type": {"type": "array", "items": record("Line", "long")}},
        {"name": "fact", "type": [record("Moved", "long"), record("Counted", "long")]},
        {"name": "tags", "type": {"type": "map", "values": "int"}},
        {"name": "digest", "type": {"type": "fixed", "name": "Digest", "size": 8}},
    ],
}


def changed(change):
    new = copy.deepcopy(OLD)
    change({field["name"]: field for field in new["fields"]}, new)
    return new


def add(**field):
    return lambda _, schema: schema["fields"].append({"name": "more", **field})


def drop(name):
    return lambda fields, schema: schema["fields"].remove(fields[name])


def set_type(name, to):
    return lambda fields, _: fields[name].update(type=to)


def rename(name, **more):
    return lambda fields, _: fields[name].update(name="renamed", **more)


COMPATIBLE = {
    "a new field with a default": add(type=["null", "string"], default=None),
    "a field with a default taken away": drop("note"),
    "another doc": lambda fields, _: fields["id"].update(doc="New words."),
    "another order of the fields": lambda _, schema: schema["fields"].reverse(),
    "another order of a union": lambda fields, _: fields["fact"]["type"].reverse(),
}

INCOMPATIBLE = {
    "a new field without a default": add(type="string"),
    "a field without a default taken away": drop("id"),
    "a field renamed": rename("id"),
    "a field renamed with an alias, which old readers do not know": rename("id", aliases=["id"]),
    "another type": set_type("id", "long"),
    "a wider number, which old readers cannot read": lambda fields, _: fields["tags"]["type"].update(values="long"),
    "a new enum symbol": lambda fields, _: fields["kind"]["type"]["symbols"].append("c"),
    "an enum symbol taken away": lambda fields, _: fields["kind"]["type"]["symbols"].remove("b"),
    "a value that may now be null": set_type("id", ["null", "string"]),
    "a value that may no longer be null": lambda fields, _: fields["note"].update(type="string", default=""),
    "a new record in a union": lambda fields, _: fields["fact"]["type"].append(record("Parked", "long")),
    "a record in a union taken away": lambda fields, _: fields["fact"]["type"].pop(),
    "a record in a union renamed": lambda fields, _: fields["fact"]["type"][0].update(name="Shifted"),
    "a field inside a list without a default": lambda fields, _: fields["lines"]["type"]["items"]["fields"].append(
        {"name": "g", "type": "int"}
    ),
    "another size": lambda fields, _: fields["digest"]["type"].update(size=16),
    "a list that becomes a map": set_type("lines", {"type": "map", "values": "long"}),
    "another name": lambda _, schema: schema.update(name="Register"),
    "another namespace": lambda _, schema: schema.update(namespace="m"),
}


@pytest.mark.parametrize("change", COMPATIBLE.values(), ids=COMPATIBLE)
def test_a_compatible_change_is_let_through(change):
    assert incompatibilities([OLD, changed(change)]) == []


@pytest.mark.parametrize("change", INCOMPATIBLE.values(), ids=INCOMPATIBLE)
def test_an_incompatible_change_is_refused(change):
    assert incompatibilities([OLD, changed(change)]) != []


def growing(*kinds):
    """A journal of entries whose fact is one of some kinds."""
    fact = {"name": "fact", "type": [record(kind, "long") for kind in kinds], "grows": True}
    entry = {"type": "record", "name": "Entry", "fields": [fact]}
    entries = {"name": "entries", "type": {"type": "array", "items": entry}}
    return {"type": "record", "name": "Page", "fields": [entries]}


def test_a_union_that_grows_takes_new_records_at_its_end():
    assert incompatibilities([growing("A", "B"), growing("A", "B", "C"), growing("A", "B", "C", "D")]) == []


@pytest.mark.parametrize(
    "kinds",
    [("A",), ("A", "C", "B"), ("C", "A", "B"), ("A", "C")],
    ids=["one less", "in the middle", "at the start", "one in place of another"],
)
def test_a_union_that_grows_changes_in_no_other_way(kinds):
    assert incompatibilities([growing("A", "B"), growing(*kinds)]) != []


def test_new_readers_know_all_that_a_growing_union_ever_held():
    assert unreadable(growing("A"), growing("A", "B"), skips_news=False) != []


def test_a_changed_record_inside_a_union_that_grows_is_refused():
    new = growing("A", "B", "C")
    new["fields"][0]["type"]["items"]["fields"][0]["type"][0]["fields"].append({"name": "more", "type": "int"})
    assert incompatibilities([growing("A", "B"), new]) != []


def test_a_union_may_grow_inside_another():
    def nested(*kinds):
        page = growing("A")
        page["fields"][0]["type"]["items"]["fields"][0]["type"].append({
            "type": "record", "name": "Set",
            "fields": [{"name": "change", "type": [record(kind, "int") for kind in kinds], "grows": True}],
        })  # fmt: skip
        return page

    assert incompatibilities([nested("X"), nested("X", "Y")]) == []
    assert incompatibilities([nested("X", "Y"), nested("Y")]) != []


def test_the_unions_of_the_facts_and_settings_grow_and_no_other():
    def growing_in(schema, at):
        if isinstance(schema, list):
            return [found for branch in schema for found in growing_in(branch, at)]
        if not isinstance(schema, dict):
            return []
        found = [f"{at}.{field['name']}" for field in schema.get("fields", ()) if field.get("grows")]
        for field in schema.get("fields", ()):
            found += growing_in(field["type"], f"{at}.{field['name']}")
        return found + growing_in(schema.get("items"), at) + growing_in(schema.get("values"), at)

    found = {at for each in registry().by_id.values() for at in growing_in(json.loads(each.text), each.topic)}
    assert found == {
        "pool.config.v1.change", "pool.journal.v1.entries.fact", "pool.journal.v1.entries.fact.change",
        "pool.journal.v1.entries.fact.message.body", "pool.lending.v1.body", "pool.changelog.v1.row",
        "pool.changelog.v1.row.change", "restock.changelog.v1.row", "restock.changelog.v1.row.change",
        "access.settings.v1.setting", "directory.changelog.v1.row", "directory.changelog.v1.row.change",
        "directory.changelog.v1.row.setting",
    }  # fmt: skip


def test_versions_are_compared_with_all_others_and_not_only_the_last():
    without = {**OLD, "fields": OLD["fields"][1:]}
    optional = {**OLD, "fields": [{"name": "id", "type": "string", "default": ""}, *OLD["fields"][1:]]}
    assert incompatibilities([OLD, optional]) == []
    assert incompatibilities([optional, without]) == []
    assert incompatibilities([OLD, optional, without]) == [
        "version 1 cannot read version 3: value.id is not written, and it has no default for it"
    ]


def test_numbers_are_promoted_as_avro_says():
    assert unreadable("long", "int") == []
    assert unreadable("double", "long") == []
    assert unreadable("string", "bytes") == []
    assert unreadable("int", "long") == ["value is long, and it wants int"]
    assert unreadable(["null", "double"], "int") == []
    assert unreadable(["null", "string"], ["null", "int"]) == ["value may be int, which it does not know"]


def test_an_enum_with_a_default_reads_symbols_it_does_not_know():
    reader = {"type": "enum", "name": "Kind", "symbols": ["a"], "default": "a"}
    assert unreadable(reader, {"type": "enum", "name": "Kind", "symbols": ["a", "b"]}) == []
