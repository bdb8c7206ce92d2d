"""The parts that the host lends to its connectors."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from connectors.contract import PositionStore, Publishes
from connectors.http.limit import BodyBudget, ConcurrencyLimit
from connectors.metrics import ConnectorMetrics
from connectors.outbound.log import OutboundLog
from schemas.models.connectors import ChannelReservation

UNVERIFIED_MAX_BYTES = 33_554_432


@dataclass(frozen=True, slots=True)
class Held:
    """An item of one store, and how much of it the pool holds. codes: of the item there, the store's own first."""

    sku: str
    held_milli: int
    codes: tuple[str, ...]


class Holds(Protocol):
    """The goods that pools hold now. Thread-safe."""

    def of(self, pool: str, store: str) -> Sequence[Held]:
        """Every item that the pool knows on a shelf of `store`. Raises PublishError while Kafka does not answer."""


@dataclass(frozen=True, slots=True)
class LineSetAside:
    """A line that a connector published and the pool has set aside; it waits for an operator.

    source_id: of its event. reason: as dead letters name it. Times are milliseconds since 1970.
    """

    is_sale: bool
    source_id: str
    line_id: str
    code: str
    quantity_milli: int
    unit: str
    occurred_at_ms: int
    recorded_at_ms: int
    """When the connector, or the desk that replayed it, published it last."""
    set_aside_at_ms: int
    reason: str


class SetAside(Protocol):
    """The lines that wait in the pools' dead letters. Thread-safe."""

    def of(self, pool: str, store: str) -> Sequence[LineSetAside]:
        """Those of `store`, oldest first. Raises PublishError while Kafka does not answer."""


@dataclass(frozen=True, slots=True)
class WriteBackContext:
    """The parts that the host lends to connectors that write back."""

    holds: Holds
    log: OutboundLog[ChannelReservation]


@dataclass(frozen=True, slots=True)
class ConnectorContext:
    """The parts that the host lends to every connector.

    request_limit, body_budget: of the whole process. state_dir: for files of progress. write_back: what the tills'
    online channels must not sell; None where connectors only read. set_aside: what the pools could not use of what
    connectors published; None where nobody follows that.
    """

    publisher: Publishes
    metrics: ConnectorMetrics
    request_limit: ConcurrencyLimit
    state_dir: Path
    positions: PositionStore
    write_back: WriteBackContext | None = None
    set_aside: SetAside | None = None
    body_budget: BodyBudget = field(default_factory=lambda: BodyBudget(UNVERIFIED_MAX_BYTES))


class Tables(Protocol):
    """Compacted topics of one pool as tables, for one thread."""

    def table(self, topic: str) -> Mapping[str, Mapping[str, Any]]:
        """Key → row, as of the last `changes`."""

    def changes(self, wait_s: float) -> AbstractSet[tuple[str, str]]:
        """Take in what has come, and name what is otherwise now, by topic and key; at first all that is there.

        wait_s: how long to wait when nothing has come yet. Raises PublishError while Kafka does not answer.
        """

    def close(self) -> None:
        """Close the connection to Kafka."""


class AddressGone(Exception):
    """There is no address behind a reference: it was erased, has expired, or never was."""


@dataclass(frozen=True, slots=True)
class PartnerContext:
    """The parts that the front door lends to whatever calls a partner.

    follow: follows compacted topics of the partner's pool, by their names. hosted_url: where a partner that the stack
    runs itself takes calls. open_address: opens the address behind a reference in the vault for who is to deliver
    there, given that caller's key; it raises AddressGone, AccessRefused for a key that may not, Unavailable.
    """

    follow: Callable[[Sequence[str]], Tables]
    hosted_url: str
    open_address: Callable[[str, str], Mapping[str, str]]


class Answers(Protocol):
    """Answers of the pool to reports and requests, from now on. For one thread."""

    def next(self, wait_s: float) -> Sequence[Mapping[str, Any]]:
        """The events of the pool that have come. Raises PublishError while Kafka does not answer."""

    def close(self) -> None:
        """Close the connection to Kafka."""


@dataclass(frozen=True, slots=True)
class EndpointContext:
    """The parts that the host and the front door lend to whatever takes a partner's posts.

    follow: as of PartnerContext. answers: follows what the pool answers.
    """

    host: ConnectorContext
    follow: Callable[[Sequence[str]], Tables]
    answers: Callable[[], Answers]
