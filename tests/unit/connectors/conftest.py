from collections.abc import Iterable, Sequence

import pytest

from connectors.contract import Message
from connectors.http.client import PatientTransport
from schemas.models.connectors import ConnectorRefusal
from schemas.models.pos import Sale, StockReport
from tests.support.connectors import events_and_refusals
from tests.support.vendor_server import VendorServer

Event = Sale | StockReport


class FakePublisher:
    """Keeps what was confirmed. `failures` are raised first, one per call; `on_publish` sees each call's events."""

    def __init__(self):
        self.events: list[Event] = []
        self.refusals: list[ConnectorRefusal] = []
        self.failures: list[Exception] = []
        self.on_publish = lambda _events: None
        self.fatal: str | None = None
        self.topics_failure: Exception | None = None

    def publish_all(self, messages: Sequence[Message]) -> None:
        events, refusals = events_and_refusals(messages)
        self.on_publish(events)
        if self.failures:
            raise self.failures.pop(0)
        self.events += events
        self.refusals += refusals

    async def publish_acked(self, messages: Sequence[Message]) -> None:
        self.publish_all(messages)

    def check_topics(self, topics: Iterable[str], timeout_s: float) -> None:
        if self.topics_failure:
            raise self.topics_failure

    @property
    def lines(self):
        return [line for event in self.events for line in event.lines]


@pytest.fixture
def publisher():
    return FakePublisher()


@pytest.fixture
def server(rig, monkeypatch):
    """The vendor whose rig the module has, on a real port; our client does not wait between two attempts."""
    monkeypatch.setattr(PatientTransport, "sleep", staticmethod(lambda _s: None))
    with VendorServer(rig.answer) as running:
        yield running
