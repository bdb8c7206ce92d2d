"""The AsyncAPI document is one by the specification's own schema (tests/payloads/asyncapi), and names every topic."""

import json
from pathlib import Path

from jsonschema_rs import Draft7Validator

from schemas.generate.__main__ import DOCS
from schemas.topics import TOPICS

SCHEMA = Path(__file__).parents[2] / "payloads" / "asyncapi" / "3.0.0-without-id.json"
VALIDATOR = Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def document():
    return json.loads((DOCS / "asyncapi.json").read_text(encoding="utf-8"))


def test_it_is_valid_by_the_schema_of_the_specification():
    assert [error.message for error in VALIDATOR.iter_errors(document())] == []


def test_the_schema_looks_into_operations_and_payloads():
    for path, wrong in (
        (("operations", "send.pos.sales.v1", "action"), "shout"),
        (("components", "messages", "pos.sales.v1", "payload", "schema", "fields"), "none"),
    ):
        spoiled = part = document()
        for name in path[:-1]:
            part = part[name]
        part[path[-1]] = wrong
        assert not VALIDATOR.is_valid(spoiled)


def test_every_topic_is_a_channel_with_its_message_writer_and_readers():
    made = document()
    assert made["channels"].keys() == made["components"]["messages"].keys() == TOPICS.keys()
    for topic in TOPICS.values():
        channel = made["channels"][topic.name]
        assert channel["address"] == topic.name
        assert channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] == [
            "compact" if topic.compacted else "delete"
        ]
        assert [tag["name"] for tag in made["operations"][f"send.{topic.name}"]["tags"]] == [topic.writer]
        assert [tag["name"] for tag in made["operations"][f"receive.{topic.name}"]["tags"]] == list(topic.readers)
