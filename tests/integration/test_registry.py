"""Other people's clients read our topics with nothing but the broker's and the registry's addresses."""

import io
import json
import shutil
import struct
import subprocess
import threading

import fastavro
import httpx
import pytest
import uvicorn
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext
from fastapi import FastAPI

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.web.registry import router
from schemas.codec import topic_codec
from schemas.examples import examples
from schemas.registry import registry
from schemas.topics import POOL_CHANGELOG, RESTOCK_CHANGELOG
from tests.support.waiting import PATIENCE_S, until

TOPICS = sorted(subject.removesuffix("-value") for subject in registry().by_subject)
BY_TOPIC_NAME = {"subject.name.strategy.type": "TOPIC"}


@pytest.fixture(scope="module")
def url():
    """The registry's address, on a real HTTP server."""
    app = FastAPI()
    app.include_router(router)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started, "the HTTP server")
    host, port = server.servers[0].sockets[0].getsockname()
    yield f"http://{host}:{port}"
    server.should_exit = True
    thread.join(PATIENCE_S)


@pytest.fixture(scope="module")
def kafka():
    """A Kafka whose topics hold their examples."""
    with EmbeddedKafka() as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        for created in admin.create_topics([NewTopic(topic, 1, 1) for topic in TOPICS]).values():
            created.result(PATIENCE_S)
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
        for topic in TOPICS:
            for example in examples(topic):
                producer.produce(topic, key=example.key, value=topic_codec(topic).encode(example.value))
        assert producer.flush(PATIENCE_S) == 0
        yield kafka


@pytest.fixture
def client(url):
    return SchemaRegistryClient({"url": url})


def untagged(value):
    """A value without the names of records in unions, which most readers do not give."""
    if isinstance(value, tuple):
        return untagged(value[1])
    if isinstance(value, dict):
        return {name: untagged(member) for name, member in value.items()}
    return [untagged(member) for member in value] if isinstance(value, list) else value


def read(kafka, topic, count):
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap_servers, "group.id": "unused", "isolation.level": "read_committed"}
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages = []

    def is_read():
        messages.extend(consumer.consume(count - len(messages), 0.2))
        return len(messages) >= count

    until(is_read, f"{count} records of {topic}")
    consumer.close()
    return messages


@pytest.mark.parametrize("topic", TOPICS)
def test_confluent_s_deserializer_reads_every_example(kafka, client, topic):
    expected = [(example.key, untagged(example.value)) for example in examples(topic)]
    deserialize = AvroDeserializer(client, conf=BY_TOPIC_NAME)
    found = [
        (
            message.key().decode(),
            untagged(deserialize(message.value(), SerializationContext(topic, MessageField.VALUE))),
        )
        for message in read(kafka, topic, len(expected))
    ]
    assert found == expected


@pytest.mark.parametrize("topic", ["pos.sales.v1", "pos.stock.v1", "pool.ticks.v1", "catalog.items.v1"])
@pytest.mark.parametrize("conf", [{"use.latest.version": True, "auto.register.schemas": False}, {}])
def test_what_confluent_s_serializer_writes_is_what_our_codec_writes(client, topic, conf):
    serialize = AvroSerializer(client, registry().latest(topic).text, conf=BY_TOPIC_NAME | conf)
    for example in examples(topic):
        written = serialize(example.value, SerializationContext(topic, MessageField.VALUE))
        assert written == topic_codec(topic).encode(example.value)


def test_confluent_s_client_finds_its_way_around(client):
    assert sorted(client.get_subjects()) == [f"{topic}-value" for topic in TOPICS]
    latest = client.get_latest_version("pos.sales.v1-value")
    assert (latest.schema_id, latest.version) == (1, 1)
    assert client.get_versions("pos.sales.v1-value") == [1]
    assert client.get_compatibility() == "FULL_TRANSITIVE"
    assert client.lookup_schema("pos.sales.v1-value", latest.schema).schema_id == 1


def test_confluent_s_client_is_told_that_it_may_not_write(client):
    with pytest.raises(SchemaRegistryError) as refused:
        client.register_schema("pos.sales.v1-value", Schema('"string"', "AVRO"))
    assert (refused.value.http_status_code, refused.value.error_code) == (403, 42205)
    with pytest.raises(SchemaRegistryError) as missing:
        client.get_latest_version("none-value")
    assert (missing.value.http_status_code, missing.value.error_code) == (404, 40401)


def run(*command):
    """What a Debian tool prints; an absent one fails the test with the name of its package."""
    package = {"kcat": "kcat", "avrocat": "avro-bin"}[command[0]]
    assert shutil.which(command[0]), f"{command[0]} is not installed: apt-get install {package}"
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def as_container(schema, body):
    """An Avro object container file of one value, which Avro's command-line tools take."""
    sync = bytes(16)
    out = io.BytesIO(b"")
    out.write(b"Obj\x01")
    header = {"avro.schema": schema.encode(), "avro.codec": b"null"}
    fastavro.schemaless_writer(out, {"type": "map", "values": "bytes"}, header)
    out.write(sync)
    fastavro.schemaless_writer(out, "long", 1)
    fastavro.schemaless_writer(out, "bytes", body)
    out.write(sync)
    return out.getvalue()


def with_short_names(members):
    """Avro's C library tags the records of a union with their names alone, without the namespace."""
    return {name.removeprefix("commonshelf."): value for name, value in members.items()}


@pytest.mark.needs_debian
@pytest.mark.parametrize("topic", sorted({*TOPICS} - {POOL_CHANGELOG.name, RESTOCK_CHANGELOG.name}))
def test_debian_s_kcat_and_avro_tools_read_every_example(kafka, url, topic, tmp_path):
    """Debian builds kcat without Avro, so its output goes through Avro's own C library, by the registry's schema.

    Changelogs are left out: they are internal, and avrocat cuts bytes at the first zero when it prints them.
    """
    consume = ("kcat", "-C", "-q", "-b", kafka.bootstrap_servers, "-t", topic, "-p", "0", "-c", "1", "-f", "%k\n%s")
    for number, example in enumerate(examples(topic)):
        record = run(*consume, "-o", str(number))
        key, _, value = record.partition(b"\n")
        assert key.decode() == example.key
        magic, schema_id = struct.unpack(">bI", value[:5])
        assert magic == 0
        schema = httpx.get(f"{url}/schemas/ids/{schema_id}").json()["schema"]
        file = tmp_path / "value.avro"
        file.write_bytes(as_container(schema, value[5:]))
        shown = json.loads(run("avrocat", str(file)))
        plain = io.StringIO()
        fastavro.json_writer(plain, json.loads(schema), [example.value])
        assert shown == json.loads(plain.getvalue(), object_hook=with_short_names)
