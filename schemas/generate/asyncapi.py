"""The topics as an AsyncAPI 3 document (asyncapi.com/docs/reference/specification/v3.0.0), whole in one file.

The application that it describes is the stack: it sends what one of its roles writes, and receives what one reads.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.examples import examples
from schemas.topics import TOPICS, Topic

VERSION = "3.0.0"
_BINDING = {"bindingVersion": "0.5.0"}
_AVRO = "application/vnd.apache.avro;version=1.9.0"
_ABOUT = """\
Topics of a backbone that lets small shops act as one. Values are Avro in Confluent's wire format; the registry of the
stack serves the schemas. All topics have the same number of partitions, and a record's is that of its pool: Kafka's
murmur2 of the pool's name, whatever the key is. Read with isolation.level=read_committed.\
"""


def document(schemas: Mapping[str, Any]) -> str:
    """The document as JSON. schemas: subject → the newest schema of the topic's values."""
    made = {
        "asyncapi": VERSION,
        "info": {"title": "Commonshelf topics", "version": "1", "description": _ABOUT},
        "defaultContentType": "application/octet-stream",
        "channels": {topic.name: _channel(topic) for topic in TOPICS.values()},
        "operations": dict(operation for topic in TOPICS.values() for operation in _operations(topic)),
        "components": {"messages": {topic.name: _message(topic, schemas) for topic in TOPICS.values()}},
    }
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def _channel(topic: Topic) -> dict[str, Any]:
    config = topic.kafka_config()
    kept: dict[str, Any] = {"cleanup.policy": [config["cleanup.policy"]]}
    if not topic.compacted:
        kept["retention.ms"] = int(config["retention.ms"])
    return {
        "address": topic.name,
        "description": topic.about,
        "messages": {"record": {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {"kafka": {"topic": topic.name, "topicConfiguration": kept, **_BINDING}},
    }


def _operations(topic: Topic) -> Iterator[tuple[str, dict[str, Any]]]:
    channel = {"$ref": f"#/channels/{topic.name}"}
    yield f"send.{topic.name}", {"action": "send", "channel": channel, "tags": [{"name": topic.writer}]}
    readers = [{"name": reader} for reader in topic.readers]
    yield f"receive.{topic.name}", {"action": "receive", "channel": channel, "tags": readers}


def _message(topic: Topic, schemas: Mapping[str, Any]) -> dict[str, Any]:
    key = {"type": "string", "description": topic.key}
    if topic.record is None:
        return {
            "title": "Set aside", "summary": "The bytes as they came, whatever they are.",
            "bindings": {"kafka": {"key": key, **_BINDING}},
        }  # fmt: skip
    return {
        "name": topic.record,
        "title": topic.record,
        "summary": topic.about,
        "payload": {"schemaFormat": _AVRO, "schema": schemas[topic.subject]},
        "bindings": {
            "kafka": {"key": key, "schemaIdLocation": "payload", "schemaIdPayloadEncoding": "confluent", **_BINDING}
        },
        "examples": [
            {"summary": example.about, "payload": example.written} for example in examples(topic.name)[:1]
        ],
    }  # fmt: skip
