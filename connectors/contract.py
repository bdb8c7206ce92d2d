"""What every connector keeps to.

A connector translates what its outside system says into events, line by line: the good are published, each bad one
is answered with the place it stands at and a reason. It names its events by the outside system's own ids, so that
anything told twice is absorbed by the pool, and confirms nothing before Kafka did. Pool and store come from the
operator's configuration, never from what was received. Fields without a meaning here are dropped at once.
"""

import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from messaging.errors import UserError
from schemas.models.connectors import ChannelReservation, ConnectorPosition
from schemas.models.pos import Sale, StockReport

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


class SkipReason(StrEnum):
    """Why something that is in order moves no stock of ours. Closed, for the metrics count by it."""

    training = "training"
    """Rung up in training or test mode."""
    voided = "voided"
    cancelled = "cancelled"
    unpaid = "unpaid"
    """Open, draft, pending or failed: not a sale yet, or never one."""
    tip = "tip"
    fee = "fee"
    """Service charges, shipping, surcharges, donations."""
    gift_card = "gift_card"
    non_stock = "non_stock"
    """Services, custom amounts, items whose stock the vendor does not track."""
    unlinked = "unlinked"
    """A refund of money that names no goods."""
    not_moved = "not_moved"
    """Goods that did not change hands: a line removed before payment, a quantity of zero, a state that is no stock."""
    echo = "echo"
    """Our own write, told back to us."""
    other_store = "other_store"
    """Of a location of the same merchant that is not this store."""
    told_before = "told_before"
    """A poll's old orders, told when they were placed, and what another message about the same goods tells."""
    no_content = "no_content"
    """A kind of message that carries nothing for us."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Something received that is right and is not ours to count: where it stands, and why."""

    where: str
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose facts these are, by our configuration; where it has no say, `zone` and `currency` hold."""

    pool: str
    store: str
    zone: ZoneInfo
    currency: str


@dataclass(frozen=True, slots=True)
class Translated:
    """What a connector made of what it received: each line is in an event, skipped, or a problem."""

    events: tuple[PosEvent, ...] = ()
    problems: tuple[Problem, ...] = ()
    skipped: tuple[Skip, ...] = ()

    @property
    def line_count(self) -> int:
        """Lines of all events."""
        return sum(len(event.lines) for event in self.events)

    @property
    def newest_ms(self) -> int:
        """When the newest of its events occurred. Raises ValueError when there is none."""
        return max(event.occurred_at_ms for event in self.events)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook request as it arrived: headers as ASGI gives them, names in lower case."""

    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    received_at_ms: int

    def header(self, name: str) -> list[bytes]:
        """All values of the header `name`, as raw bytes."""
        wanted = name.lower().encode()
        return [value for given, value in self.headers if given == wanted]


class Unavailable(UserError):
    """The outside system does not answer as it should, for now: try again in `retry_after_s` seconds."""

    def __init__(self, reason: str, retry_after_s: int = 5) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class PositionStore(Protocol):
    """How far a connector has read, kept across restarts. Implemented by `positions.Positions`."""

    def load(self, pool: str, store: str, connector: str, feed: str) -> int | None:
        """The cursor stored last, or None. Raises `publisher.PublishError` while Kafka does not answer."""

    def save(self, pool: str, store: str, connector: str, feed: str, cursor: int) -> None:
        """Return when Kafka has it. Raises `publisher.PublishError`."""


class Publishes(Protocol):
    """The part of the publisher that connectors use. Both raise `publisher.PublishError`s."""

    def publish_all(self, events: Sequence[PosEvent | ConnectorPosition | ChannelReservation]) -> None:
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
