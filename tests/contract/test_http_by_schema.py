"""The webhook's page and the registry under requests that schemathesis makes, from their OpenAPI descriptions.

Whatever is asked is answered as described: never a fault of ours, and no line of a webhook falls silently.
"""

import asyncio
import json
import time
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode
from schemathesis.core import NotSet

from commonshelf.web.registry import router
from connectors.host import Host
from connectors.http.signature import HEADER, sign
from connectors.specs import ConnectorSpec
from connectors.webhook.spec import Webhook
from tests.support.connectors import GROCER, MemoryPositions, events_and_refusals

SECRET = b"a-secret-of-the-store-grocer-7"
STATUSES = ("202", "400", "401", "403", "413", "422")
NUMBER = {"oneOf": [{"type": "string", "pattern": r"^-?[0-9]{1,5}(\.[0-9]{1,3})?$"}, {"type": "integer"}]}
TIME = {"type": "string", "enum": ["2026-03-01T09:15:00+01:00", "2026-03-01 09:15", "2026-13-01T00:00:00Z"]}
LINE = {
    "type": "object",
    "required": ["quantity"],
    "properties": {
        "gtin": {"type": "string", "enum": ["4006381333931", "4006381333932", "96385074"]}, "sku": {"type": "string"},
        "plu": {"type": "string"}, "item": {"type": "string"}, "quantity": NUMBER, "line_id": {"type": "string"},
        "kind": {"enum": ["sale", "return", "void", "gift"]}, "unit": {"enum": ["each", "kg", "g", "lb"]},
        "price": NUMBER, "unit_price": NUMBER, "reason": {"enum": ["waste", "found", "other"]},
        "customer": {"type": "string"},
    },
}  # fmt: skip


def document(kinds):
    properties = {
        "id": {"type": "string"}, "version": {"type": "integer"}, "occurred_at": TIME, "recorded_at": TIME,
        "register": {"type": "string"}, "order_ref": {"type": "string"}, "currency": {"enum": ["EUR", "JPY", "euro"]},
        "lines": {"type": "array", "items": LINE, "maxItems": 5}, "store": {"enum": ["grocer-7", "grocer-8"]},
    }  # fmt: skip
    if kinds:
        properties["kind"] = {"enum": ["counted", "level", "received", "adjusted", "opening", "guessed"]}
    return {"type": "object", "required": ["id", "occurred_at", "lines"], "properties": properties}


WEBHOOK = {
    "openapi": "3.1.0",
    "info": {"title": "The signed webhook, as docs/webhook.md has it", "version": "1"},
    "paths": {
        "/webhooks/v1/grocer-7": {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "sales": {"type": "array", "items": document(False), "maxItems": 4},
                                    "stock": {"type": "array", "items": document(True), "maxItems": 4},
                                },
                            }
                        }
                    },
                },
                "responses": {status: {"description": "as docs/webhook.md says"} for status in STATUSES},
            }
        }
    },
}


class Publisher:
    """Confirms all."""

    fatal = None

    def __init__(self):
        self.events = []

    def publish_all(self, events):
        self.events += events_and_refusals(events)[0]

    async def publish_acked(self, events):
        self.publish_all(events)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("host")
    (folder / "secret").write_bytes(SECRET)
    spec = ConnectorSpec(GROCER, Webhook(secret_file=(folder / "secret",)))
    publisher = Publisher()
    return Host([spec], publisher, MemoryPositions(), folder), publisher


def described(*parameters):
    return {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": kind}} for name, kind in parameters
        ],
        "responses": {"default": {"description": "as Confluent's reference says"}},
    }


SCHEMA_BODY = {
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"schema": {"type": "string"}, "schemaType": {"type": "string"}}}
        }
    }
}
SUBJECT, VERSION = ("subject", "string"), ("version", "string")
REGISTRY = {
    "openapi": "3.1.0",
    "info": {"title": "The schema registry, as Confluent's reference has it", "version": "1"},
    "paths": {
        "/subjects/{subject}/versions": {
            "get": described(SUBJECT), "post": {**described(SUBJECT), "requestBody": SCHEMA_BODY},
        },
        "/subjects/{subject}/versions/{version}": {"get": described(SUBJECT, VERSION)},
        "/subjects/{subject}": {"post": {**described(SUBJECT), "requestBody": SCHEMA_BODY}},
        "/schemas/ids/{id}": {"get": described(("id", "integer"))},
        "/config/{subject}": {"put": described(SUBJECT)},
    },
}  # fmt: skip
webhook = schemathesis.openapi.from_dict(WEBHOOK)
webhook.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
APP = FastAPI()
APP.include_router(router)
registry = schemathesis.openapi.from_dict(REGISTRY)
QUIET = settings(max_examples=40, suppress_health_check=list(HealthCheck))


def encoded(body):
    if isinstance(body, NotSet):
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def ask(app, method, path, body, headers):
    async def send():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://us") as client:
            return await client.request(method, path, content=body, headers=headers)

    return asyncio.run(send())


def post(app, body, signature):
    headers = {"Content-Type": "application/json", HEADER: signature}
    return ask(app, "POST", "/webhooks/v1/grocer-7", body, headers)


def lines_in(body):
    """Lines of documents that are objects with a list of lines, counted without our code."""
    documents = [each for name in ("sales", "stock") for each in body.get(name) or [] if isinstance(each, dict)]
    return [len(each["lines"]) for each in documents if isinstance(each.get("lines"), list)]


@webhook.parametrize()
@QUIET
def test_whatever_a_signed_body_holds_it_is_answered_as_described(case, running):
    ours, publisher = running
    publisher.events.clear()
    body = encoded(case.body)
    answer = post(ours.app, body, sign(SECRET, body, int(time.time())))
    assert str(answer.status_code) in STATUSES, answer.text
    published = sum(len(event.lines) for event in publisher.events)
    if answer.status_code not in (202, 422):
        assert published == 0
        return
    told = answer.json()
    assert told["lines_published"] == published
    assert (answer.status_code == 202) == (published > 0)
    if published < sum(lines_in(json.loads(body))):
        assert told["errors"], "a line was dropped without a word"


@webhook.parametrize()
@settings(QUIET, max_examples=10)
def test_nothing_that_is_not_signed_is_used(case, running):
    ours, publisher = running
    publisher.events.clear()
    body = encoded(case.body)
    answer = post(ours.app, body, sign(SECRET, body + b" ", int(time.time())))
    assert (answer.status_code, publisher.events) == (401, [])


@registry.parametrize()
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked_of_the_registry_it_answers_with_a_code_of_its_own(case):
    path = "/" + "/".join(quote(part, safe="") for part in case.formatted_path.strip("/").split("/"))
    answer = ask(APP, case.method, path, encoded(case.body), {"Content-Type": "application/json"})
    assert answer.status_code < 500
    assert answer.status_code == 200 or answer.json()
