"""The read-only registry answers as Confluent's does."""

import json

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from commonshelf.web.registry import BODY_MAX_BYTES, CONTENT_TYPE, router
from schemas.registry import registry

SUBJECT = "pos.sales.v1-value"
TEXT = registry().latest("pos.sales.v1").text


@pytest.fixture(scope="module")
def client():
    app = FastAPI()
    app.include_router(router)
    with TestClient(app) as client:
        yield client


def shuffled(schema):
    """The same schema with its members in another order."""
    if isinstance(schema, dict):
        return {name: shuffled(schema[name]) for name in sorted(schema, reverse=True)}
    return [shuffled(part) for part in schema] if isinstance(schema, list) else schema


DESCRIBED = {"subject": SUBJECT, "version": 1, "id": 1, "schema": TEXT}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/subjects", sorted(registry().by_subject)),
        (f"/subjects/{SUBJECT}/versions", [1]),
        (f"/subjects/{SUBJECT}/versions/1", DESCRIBED),
        (f"/subjects/{SUBJECT}/versions/latest", DESCRIBED),
        (f"/subjects/{SUBJECT}/versions/-1", DESCRIBED),
        (f"/subjects/{SUBJECT}/versions/1/schema", json.loads(TEXT)),
        (f"/subjects/{SUBJECT}/versions/1/referencedby", []),
        ("/schemas/types", ["AVRO"]),
        ("/schemas/ids/1", {"schema": TEXT}),
        ("/schemas/ids/1/schema", json.loads(TEXT)),
        ("/schemas/ids/1/versions", [{"subject": SUBJECT, "version": 1}]),
        ("/schemas/ids/1/subjects", [SUBJECT]),
        ("/config", {"compatibilityLevel": "FULL_TRANSITIVE"}),
        (f"/config/{SUBJECT}", {"compatibilityLevel": "FULL_TRANSITIVE"}),
        ("/mode", {"mode": "READONLY"}),
        (f"/mode/{SUBJECT}", {"mode": "READONLY"}),
    ],
)
def test_what_is_there_is_given_in_the_registry_s_content_type(client, path, expected):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.json() == expected
    assert answer.headers["content-type"].startswith(CONTENT_TYPE)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/subjects/none-value/versions", 404, 40401),
        ("/subjects/none-value/versions/1", 404, 40401),
        ("/subjects/none-value/versions/1/schema", 404, 40401),
        ("/config/none-value", 404, 40401),
        ("/mode/none-value", 404, 40401),
        (f"/subjects/{SUBJECT}/versions/2", 404, 40402),
        (f"/subjects/{SUBJECT}/versions/2147483647", 404, 40402),
        (f"/subjects/{SUBJECT}/versions/0", 422, 42202),
        (f"/subjects/{SUBJECT}/versions/-2", 422, 42202),
        (f"/subjects/{SUBJECT}/versions/first", 422, 42202),
        (f"/subjects/{SUBJECT}/versions/{'9' * 5000}", 422, 42202),
        (f"/subjects/{SUBJECT}/versions/٣", 422, 42202),
        ("/schemas/ids/999", 404, 40403),
        ("/schemas/ids/x", 404, 40403),
        (f"/schemas/ids/{'9' * 5000}", 404, 40403),
        ("/schemas/ids/999/schema", 404, 40403),
        ("/schemas/ids/999/versions", 404, 40403),
        ("/schemas/ids/999/subjects", 404, 40403),
    ],
)
def test_what_is_not_there_is_refused_with_confluent_s_code(client, path, status, code):
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert answer.json()["message"]


def test_a_schema_is_found_whatever_the_order_of_its_members(client):
    asked = {"schema": json.dumps(shuffled(json.loads(TEXT))), "schemaType": "AVRO"}
    assert client.post(f"/subjects/{SUBJECT}", json=asked).json() == DESCRIBED


def test_a_schema_of_another_subject_is_not_found(client):
    answer = client.post("/subjects/pool.ticks.v1-value", json={"schema": TEXT})
    assert (answer.status_code, answer.json()["error_code"]) == (404, 40403)
    answer = client.post("/subjects/none-value", json={"schema": TEXT})
    assert (answer.status_code, answer.json()["error_code"]) == (404, 40401)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"not json",
        b'{"schema": 7}',
        b'{"schema": "not json"}',
        b'{"schema": "{}", "schemaType": "PROTOBUF"}',
        b'{"schema": "' + b"[" * 100_000 + b'"}',
        b"[" * 100_000,
        b'{"schema": "\xff"}',
    ],
)
def test_a_body_without_an_avro_schema_is_refused(client, body):
    answer = client.post(f"/subjects/{SUBJECT}", content=body)
    assert (answer.status_code, answer.json()["error_code"]) == (422, 42201)


def test_a_body_that_is_too_large_is_refused(client):
    answer = client.post(f"/subjects/{SUBJECT}", content=b" " * (BODY_MAX_BYTES + 1))
    assert (answer.status_code, answer.json()["error_code"]) == (413, 413)


def test_registering_a_known_schema_gives_its_id_and_any_other_is_refused(client):
    assert client.post(f"/subjects/{SUBJECT}/versions", json={"schema": TEXT}).json() == {"id": 1}
    for subject in (SUBJECT, "mine-value"):
        answer = client.post(f"/subjects/{subject}/versions", json={"schema": '"string"'})
        assert (answer.status_code, answer.json()["error_code"]) == (403, 42205)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", f"/subjects/{SUBJECT}"),
        ("DELETE", f"/subjects/{SUBJECT}/versions/1"),
        ("PUT", "/config"),
        ("PUT", f"/config/{SUBJECT}"),
        ("DELETE", f"/config/{SUBJECT}"),
        ("PUT", "/mode"),
        ("PUT", f"/mode/{SUBJECT}"),
        ("DELETE", f"/mode/{SUBJECT}"),
        ("POST", "/schemas/ids/1"),
    ],
)
def test_whatever_would_write_is_refused(client, method, path):
    answer = client.request(method, path, json={"compatibility": "NONE"})
    assert (answer.status_code, answer.json()["error_code"]) == (403, 42205)
