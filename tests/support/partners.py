"""The pool's side of a partner: topics that a test fills in, and the page that a partner posts to."""

import asyncio
import json
import time

import httpx
from starlette.requests import Request

from connectors.context import ConnectorContext, EndpointContext
from connectors.http.limit import ConcurrencyLimit
from connectors.http.signature import HEADER, sign
from connectors.inbound import endpoint
from connectors.metrics import ConnectorMetrics
from tests.support.connectors import MemoryPositions

SECRET = b"a-secret-of-the-partner-of-tests"
_JSON = {"Content-Type": "application/json"}


class Topics:
    """Tables and events that a test fills in."""

    def __init__(self):
        self.tables, self.changed, self.events, self.failure = {}, [], [], None

    def put(self, topic, key, value):
        table = self.tables.setdefault(topic, {})
        if value is None:
            table.pop(key)
        else:
            table[key] = value
        self.changed.append((topic, key))

    def follow(self, topics):
        for topic in topics:
            self.tables.setdefault(topic, {})
        return self

    def table(self, topic):
        return self.tables[topic]

    def changes(self, wait_s):
        if self.failure:
            raise self.failure
        changed, self.changed = set(self.changed), []
        return changed

    def next(self, wait_s):
        events, self.events = self.events, []
        return events

    def answers(self):
        return self

    def close(self):
        pass


class Kafka:
    """Keeps what is published. react: is told of each event."""

    def __init__(self):
        self.published, self.failure, self.react = [], None, lambda _: None

    async def publish_acked(self, events):
        if self.failure:
            raise self.failure
        self.published += events
        for event in events:
            self.react(event)


class Page:
    """The page of one partner, and a client that signs. make: of the kind. told: the fields of a plain message."""

    def __init__(self, make, options, topics, folder, monkeypatch, told):
        monkeypatch.setattr(endpoint, "ANSWER_TIMEOUT_S", 0.05)
        self.topics, self.kafka, self.metrics = topics, Kafka(), ConnectorMetrics()
        self._told, self._path = told, f"/partners/{options.id}"
        host = ConnectorContext(self.kafka, self.metrics, ConcurrencyLimit(8, 503, "full"), folder, MemoryPositions())
        self.endpoint = make(options, EndpointContext(host, topics.follow, topics.answers))
        self.book = self.endpoint._book
        self.look()

    def look(self):
        self.book.look(0)
        self.book.is_ready = True

    def answer_with(self, **event):
        """The pool answers each message as soon as it is published."""

        def react(published):
            key = getattr(published, "report_id", None) or published.key
            self.topics.events.append({"key": key, "reason": "", "detail": "", **event})
            self.book.look(0)

        self.kafka.react = react

    def post(self, secret=SECRET, **message):
        body = json.dumps({"id": "m-1", **self._told, **message}).encode()
        return self.send(body, {HEADER: sign(secret, body, int(time.time()))})

    def send(self, body, headers):
        (handler,) = self.endpoint.pages().values()

        async def app(scope, receive, send):
            await (await handler(Request(scope, receive)))(scope, receive, send)

        async def ask():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shelf") as client:
                return await client.post(self._path, content=body, headers=headers | _JSON)

        return asyncio.run(ask())
