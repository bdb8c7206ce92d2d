"""What every connector keeps to.

A connector translates what its outside system says into events, line by line: the good are published, each bad one
is answered with the place it stands at and a reason. It names its events by the outside system's own ids, so that
anything told twice is absorbed by the pool, and confirms nothing before Kafka did. Pool and store come from the
operator's configuration, never from what was received. Fields without a meaning here are dropped at once.
"""

import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from schemas.models import Sale, StockReport

PosEvent = Sale | StockReport
Handler = Callable[[Request], Awaitable[Response]]


class Refused(ValueError):
    """A value that cannot be used. The text says why, for the person who sent it."""


class FieldRefused(Refused):
    """A named field whose value cannot be used; `field` is empty when no single one is at fault."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class Problem:
    """Something received that was not used: where it stands in the sender's terms, and why."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Translated:
    """What a connector made of what it received."""

    events: tuple[PosEvent, ...]
    problems: tuple[Problem, ...]

    @property
    def line_count(self) -> int:
        """Lines of all events."""
        return sum(len(event.lines) for event in self.events)


class Publishes(Protocol):
    """The part of the publisher that connectors use. Both raise `publisher.PublishError`s."""

    def publish_all(self, events: Sequence[PosEvent]) -> None:
        """Return when Kafka has confirmed all `events`."""

    async def publish_acked(self, events: Sequence[PosEvent]) -> None:
        """The same for a coroutine."""


class Connector(Protocol):
    """One connector of one store, as the host runs it."""

    name: str
    """Unique among the host's connectors, for logs: csv grocer-7."""

    def pages(self) -> Mapping[str, Handler]:
        """What it serves, by exact path; nothing for a connector that fetches."""

    def run(self, stop: threading.Event) -> None:
        """Work in a thread of its own until `stop` is set; returns at once for one that only serves."""

    def wake(self) -> None:
        """Look again now: something happened, or `stop` was set."""
