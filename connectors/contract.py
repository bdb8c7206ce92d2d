"""The contract between connectors and their host.

A connector translates an outside system's messages into events, line by line: it publishes the good lines, and answers
each bad one with its place and a reason. It names its events by the outside system's own ids, so that the pool absorbs
repeats, and confirms nothing before Kafka did. Pool and store come from the operator's configuration, never from a
message. Fields without a meaning here are dropped at once.
"""

import threading
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from messaging.errors import UserError
from schemas.models.config import PoolSettings
from schemas.models.connectors import ChannelReservation, ConnectorPosition, ConnectorRefusal
from schemas.models.pos import Sale, StockReport, Unit
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest

PosEvent = Sale | StockReport
Message = PosEvent | ConnectorPosition | ChannelReservation | ConnectorRefusal | FulfilmentReport | OrderRequest
_Stored_contra = TypeVar("_Stored_contra", contravariant=True)
Handler = Callable[[Request], Awaitable[Response]]


class Refused(ValueError):
    """A value that cannot be used. The text says why, for the person who sent it."""


class FieldRefused(Refused):
    """A named field whose value cannot be used; `field` is empty when no single one is at fault.

    item: the code of the line's item, where whoever raises it knows that.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.item = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A received line that was not used: its place in the sender's terms, and the reason.

    item: the code by which it names its item. document: the source id of the sale or report that it stands in. Both are
    empty where they could not be read.
    """

    where: str
    reason: str
    item: str = field(default="", kw_only=True)
    document: str = field(default="", kw_only=True)


class SkipReason(StrEnum):
    """The reason why a message in order moves no stock of ours. A closed list: the metrics count by it."""

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
    """Our own write, which the vendor reports back to us."""
    other_store = "other_store"
    """Of a location of the same merchant that is not this store."""
    already_reported = "already_reported"
    """A poll's old orders, reported when they were placed, and goods that another message reports."""
    no_content = "no_content"
    """A kind of message that carries nothing for us."""


@dataclass(frozen=True, slots=True)
class Skip:
    """A received line that is right and not ours to count: its place, and the reason."""

    where: str
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Note:
    """A line that was used without a part of it, or otherwise than it was told: its place, and what and why."""

    where: str
    text: str


class Measure(NamedTuple):
    """The measure of one of a till's units: `factor` of our unit."""

    unit: Unit
    factor: Fraction


@dataclass(frozen=True, slots=True)
class StoreContext:
    """The store whose facts a connector brings, by our configuration; ids are those of the settings.

    zone: of its wall clock, for times without an offset. currency: ISO 4217, where what is received names none.
    late_limit_ms: the pool takes nothing that is older.
    unit_words: what the store's own words for units mean, as `parsing.units` reads them.
    is_replay: its pool lives on its data's clock, so that what a file says of its own time is when it was told.
    """

    pool: str
    id: str
    zone: ZoneInfo
    currency: str
    late_limit_ms: int = PoolSettings.model_fields["late_limit_ms"].default
    unit_words: Mapping[str, Measure] = field(default_factory=dict, hash=False)
    is_replay: bool = False


TOO_LARGE = "its {} lines are together too large for Kafka, so none of it was used; send them as several"


@dataclass(frozen=True, slots=True)
class Translated:
    """A translated message: each of its lines is in an event, skipped, or a problem."""

    events: tuple[PosEvent, ...] = ()
    problems: tuple[Problem, ...] = ()
    skipped: tuple[Skip, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def line_count(self) -> int:
        """Lines of all events."""
        return sum(len(event.lines) for event in self.events)

    @property
    def newest_ms(self) -> int:
        """The time at which the newest of its events occurred. Raises ValueError when there is none."""
        return max(event.occurred_at_ms for event in self.events)

    def without(self, too_large: Collection[object]) -> "Translated":
        """The same, with those of its events that Kafka does not take as problems."""
        kept = tuple(event for event in self.events if event not in too_large)
        problems = tuple(
            Problem(event.source.id, TOO_LARGE.format(len(event.lines)), document=event.source.id)
            for event in self.events
            if event in too_large
        )
        return replace(self, events=kept, problems=self.problems + problems)


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
    """The outside system does not answer as it should, for now. It may be asked again in `retry_after_s` seconds."""

    def __init__(self, reason: str, retry_after_s: int = 5) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class AccessRefused(UserError):
    """The outside system refuses our token: it is wrong, has ended, or lacks a right. The operator must act."""


class PositionStore(Protocol):
    """The cursors up to which connectors have read, kept across restarts."""

    def load(self, pool: str, store: str, connector: str, feed: str) -> int | None:
        """The cursor stored last, or None. Raises `publisher.PublishError` while Kafka does not answer."""

    def save(self, pool: str, store: str, connector: str, feed: str, cursor: int) -> None:
        """Return when Kafka has it. Raises `publisher.PublishError`."""


class Publishes(Protocol):
    """The part of the publisher that connectors use. Both raise `publisher.PublishError`s."""

    def publish_all(self, events: Sequence[Message]) -> None:
        """Return when Kafka has confirmed all `events`, or raise EventTooLarge when all but some that it names."""

    async def publish_acked(self, events: Sequence[Message]) -> None:
        """The same for a coroutine."""


class Stores(Protocol[_Stored_contra]):
    """Keeps what a connector remembers."""

    def publish_all(self, events: Sequence[_Stored_contra]) -> None:
        """Return when Kafka has confirmed all. Raises PublishError, Superseded."""


class Connector(Protocol):
    """One connector of one store, as the host runs it."""

    name: str
    """Unique among the host's connectors, for logs: csv grocer-7."""

    def pages(self) -> Mapping[str, Handler]:
        """Handlers by exact path; none for a connector that fetches."""

    def run(self, stop: threading.Event) -> None:
        """Fetch, in a thread of its own, until `stop` is set. A connector that only serves returns at once."""

    def watched(self) -> Sequence[Path]:
        """Folders, resolved, at whose change the host wakes it; none for a connector that polls or serves."""

    def wake(self) -> None:
        """Fetch now: something happened, or `stop` was set."""
